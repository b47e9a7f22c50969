package script

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
)

// maxPairs bounds the entries of a query, a form or a list of cookies.
const maxPairs = 10_000

// derived is a dict of pairs that are read out of something and written back.
func (m *message) derived(what string, load func() flow.Fields, store func(flow.Fields)) *dict {
	d := m.e.wordDict(what)
	d.list = load
	d.edit = func() *flow.Fields {
		fs := load()
		return &fs
	}
	d.commit = store
	return d
}

func parsePairs(s string) flow.Fields {
	var fs flow.Fields
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		if len(fs) == maxPairs {
			break
		}
		k, v, _ := strings.Cut(part, "=")
		fs.Add(unescape(k), unescape(v))
	}
	return fs
}

// unescape decodes what it can and leaves the rest as it is.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func printPairs(fs flow.Fields, bare bool) string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.Name))
		if f.Value != "" || !bare {
			b.WriteString("=" + url.QueryEscape(f.Value))
		}
	}
	return b.String()
}

// hasBare tells whether names without "=" are the style of s.
func hasBare(s string) bool {
	for part := range strings.SplitSeq(s, "&") {
		if part != "" && !strings.Contains(part, "=") {
			return true
		}
	}
	return false
}

// text makes values of a derived dict plain text, line breaks included.
func anyText(d *dict) *dict {
	d.read = func(v goja.Value) string { return d.e.mustText(v, "a value of "+d.what) }
	return d
}

func getQuery(_ *engine, m *message) goja.Value {
	return m.view("query", func() *dict {
		return anyText(m.derived("query", func() flow.Fields {
			_, q, _ := strings.Cut(m.request().Path, "?")
			q, _, _ = strings.Cut(q, "#")
			return parsePairs(q)
		}, func(fs flow.Fields) {
			m.touch()
			r := m.request()
			path, q, _ := strings.Cut(r.Path, "?")
			if len(fs) > 0 {
				path += "?" + printPairs(fs, hasBare(q))
			}
			r.Path = path
		}))
	})
}

func getPathComponents(e *engine, m *message) goja.Value {
	path, _, _ := strings.Cut(m.request().Path, "?")
	var parts []string
	for s := range strings.SplitSeq(path, "/") {
		if s == "" {
			continue
		}
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
		parts = append(parts, s)
	}
	return e.textList(parts)
}

func setPathComponents(e *engine, m *message, v goja.Value) {
	var b strings.Builder
	e.each(v, func(item goja.Value) {
		s := url.QueryEscape(e.mustText(item, "path_components"))
		b.WriteString("/" + strings.ReplaceAll(s, "+", "%20"))
	})
	m.touch()
	r := m.request()
	path := b.String()
	if path == "" {
		path = "/"
	}
	if _, q, ok := strings.Cut(r.Path, "?"); ok {
		path += "?" + q
	}
	r.Path = path
}

const formType = "application/x-www-form-urlencoded"

func getURLForm(_ *engine, m *message) goja.Value {
	return m.view("urlencoded_form", func() *dict {
		load := func() string {
			if !strings.Contains(strings.ToLower(m.head().Fields.Get("Content-Type")), formType) {
				return ""
			}
			return string(m.content(false))
		}
		return anyText(m.derived("urlencoded_form",
			func() flow.Fields { return parsePairs(load()) },
			func(fs flow.Fields) {
				if !m.settable() {
					return
				}
				body := printPairs(fs, hasBare(load()))
				m.edit().Fields.Set("Content-Type", formType)
				m.changed(m.body().SetContent([]byte(body)))
			}))
	})
}

func getMultipart(e *engine, m *message) goja.Value {
	return m.view("multipart_form", func() *dict {
		d := m.derived("multipart_form", func() flow.Fields { return readMultipart(m) }, func(fs flow.Fields) { writeMultipart(e, m, fs) })
		d.show = func(s string) goja.Value { return e.bytesValue([]byte(s)) }
		return anyText(d)
	})
}

func boundaryOf(m *message) string {
	kind, params, err := mime.ParseMediaType(m.head().Fields.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return ""
	}
	return params["boundary"]
}

func readMultipart(m *message) flow.Fields {
	boundary := boundaryOf(m)
	if boundary == "" {
		return nil
	}
	var fs flow.Fields
	r := multipart.NewReader(bytes.NewReader(m.content(false)), boundary)
	for len(fs) < maxPairs {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		data, err := io.ReadAll(p)
		if err != nil {
			break
		}
		fs.Add(p.FormName(), string(data))
	}
	return fs
}

// writeMultipart keeps names and values only, as mitmproxy does: file names and
// types of parts are lost.
func writeMultipart(e *engine, m *message, fs flow.Fields) {
	if !m.settable() {
		return
	}
	boundary := boundaryOf(m)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if boundary == "" {
		m.edit().Fields.Set("Content-Type", w.FormDataContentType())
	} else if err := w.SetBoundary(boundary); err != nil {
		panic(e.failure(err))
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A")
	for _, f := range fs {
		p, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="` + quote.Replace(f.Name) + `"`},
			"Content-Type":        {"text/plain; charset=utf-8"},
		})
		if err == nil {
			_, err = io.WriteString(p, f.Value)
		}
		if err != nil {
			panic(e.failure(err))
		}
	}
	if err := w.Close(); err != nil {
		panic(e.failure(err))
	}
	m.changed(m.body().SetContent(b.Bytes()))
}
