package flowview

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Count says how many there are of something: "1 flow", "3 flows".
func Count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

// A CutPath is a part of a flow, as "request.method".
type CutPath struct {
	name  string
	field string // of header[...]
	text  func(f *flow.Flow, field string) string
	side  flow.Side
	body  bodyForm
}

// bodyForm is how a body is cut.
type bodyForm uint8

const (
	noBody     bodyForm = iota
	content             // content coding removed
	rawContent          // as recorded
)

// maxCut bounds one body in a cut.
const maxCut = 64 << 20

// cutPaths are all parts but bodies and fields.
func cutPaths() map[string]func(f *flow.Flow, field string) string {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
	}
	request := func(text func(r *flow.Request, field string) string) func(*flow.Flow, string) string {
		return func(f *flow.Flow, field string) string {
			if f.Request == nil {
				return ""
			}
			return text(f.Request, field)
		}
	}
	response := func(text func(r *flow.Response, field string) string) func(*flow.Flow, string) string {
		return func(f *flow.Flow, field string) string {
			if f.Response == nil {
				return ""
			}
			return text(f.Response, field)
		}
	}
	part := func(address string, i int) string {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return ""
		}
		return [2]string{host, port}[i]
	}
	conn := func(of func(f *flow.Flow) *flow.Conn, text func(c *flow.Conn) string) func(*flow.Flow, string) string {
		return func(f *flow.Flow, _ string) string {
			if c := of(f); c != nil {
				return text(c)
			}
			return ""
		}
	}
	client := func(f *flow.Flow) *flow.Conn { return f.Client }
	server := func(f *flow.Flow) *flow.Conn { return f.Server }
	paths := map[string]func(f *flow.Flow, field string) string{
		"number":                   func(f *flow.Flow, _ string) string { return strconv.FormatUint(f.Number, 10) },
		"id":                       func(f *flow.Flow, _ string) string { return f.ID.String() },
		"type":                     func(f *flow.Flow, _ string) string { return f.Kind.String() },
		"marked":                   func(f *flow.Flow, _ string) string { return f.Marker },
		"comment":                  func(f *flow.Flow, _ string) string { return f.Comment },
		"error":                    func(f *flow.Flow, _ string) string { return f.Outcome.Text },
		"outcome":                  func(f *flow.Flow, _ string) string { return f.Outcome.Kind.String() },
		"request.method":           request(func(r *flow.Request, _ string) string { return r.Method }),
		"request.scheme":           request(func(r *flow.Request, _ string) string { return r.Scheme }),
		"request.host":             request(func(r *flow.Request, _ string) string { return r.Host }),
		"request.pretty_host":      request(func(r *flow.Request, _ string) string { return query.Named(r) }),
		"request.port":             request(func(r *flow.Request, _ string) string { return strconv.Itoa(int(r.Port)) }),
		"request.path":             request(func(r *flow.Request, _ string) string { return r.Path }),
		"request.url":              request(func(r *flow.Request, _ string) string { return r.URL() }),
		"request.pretty_url":       request(func(r *flow.Request, _ string) string { return r.DisplayURL() }),
		"request.http_version":     request(func(r *flow.Request, _ string) string { return r.Version.String() }),
		"request.timestamp_start":  request(func(r *flow.Request, _ string) string { return stamp(r.Start) }),
		"request.timestamp_end":    request(func(r *flow.Request, _ string) string { return stamp(r.End) }),
		"request.header":           request(func(r *flow.Request, name string) string { return r.Fields.Joined(name) }),
		"response.status_code":     response(func(r *flow.Response, _ string) string { return strconv.Itoa(r.Status) }),
		"response.reason":          response(func(r *flow.Response, _ string) string { return r.Reason }),
		"response.http_version":    response(func(r *flow.Response, _ string) string { return r.Version.String() }),
		"response.timestamp_start": response(func(r *flow.Response, _ string) string { return stamp(r.Start) }),
		"response.timestamp_end":   response(func(r *flow.Response, _ string) string { return stamp(r.End) }),
		"response.header":          response(func(r *flow.Response, name string) string { return r.Fields.Joined(name) }),
	}
	for name, of := range map[string]func(f *flow.Flow) *flow.Conn{"client_conn": client, "server_conn": server} {
		paths[name+".peername.host"] = conn(of, func(c *flow.Conn) string { return part(c.Peer, 0) })
		paths[name+".peername.port"] = conn(of, func(c *flow.Conn) string { return part(c.Peer, 1) })
		paths[name+".sockname.host"] = conn(of, func(c *flow.Conn) string { return part(c.Local, 0) })
		paths[name+".sockname.port"] = conn(of, func(c *flow.Conn) string { return part(c.Local, 1) })
		paths[name+".tls_established"] = conn(of, func(c *flow.Conn) string { return strconv.FormatBool(c.TLS != nil) })
		paths[name+".sni"] = conn(of, func(c *flow.Conn) string {
			if c.TLS == nil {
				return ""
			}
			return c.TLS.SNI
		})
	}
	paths["server_conn.address.host"] = conn(server, func(c *flow.Conn) string { return part(c.Address, 0) })
	paths["server_conn.address.port"] = conn(server, func(c *flow.Conn) string { return part(c.Address, 1) })
	return paths
}

// ParseCut reads paths with commas between them.
func ParseCut(names string) ([]CutPath, error) {
	var list []CutPath
	all := cutPaths()
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		p := CutPath{name: name}
		base := name
		if before, rest, ok := strings.Cut(name, "["); ok && strings.HasSuffix(rest, "]") && strings.HasSuffix(before, ".header") {
			base, p.field = before, strings.TrimSuffix(rest, "]")
		} else if strings.HasSuffix(name, ".header") {
			return nil, fmt.Errorf("cut %q: name the field, as %s[content-type]", name, name)
		}
		side, what, _ := strings.Cut(base, ".")
		if side == "response" {
			p.side = flow.ToClient
		}
		switch {
		case side != "request" && side != "response":
		case what == "content" || what == "text":
			p.body = content
		case what == "raw_content":
			p.body = rawContent
		}
		if p.text = all[base]; p.text == nil && p.body == noBody {
			return nil, fmt.Errorf("cut: there is no %q in a flow; the page on filters lists the paths", name)
		}
		list = append(list, p)
	}
	return list, nil
}

// CutForm is how a cut is written.
type CutForm uint8

// The forms.
const (
	CSV       CutForm = iota // RFC 4180, without a heading
	JSONLines                // an object a line, with the paths as keys
)

// Cut writes parts of the flows that filter means, the oldest first. Octets that
// are not UTF-8 are written as \xNN in CSV and become U+FFFD in JSON.
func Cut(ctx context.Context, w io.Writer, r *store.Reader, filter *query.Filter, paths []CutPath, form CutForm) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	table := csv.NewWriter(out)
	cells := make([]string, len(paths))
	var partial error
	for s, err := range r.Search(ctx, store.SearchOptions{Filter: filter, Oldest: true}) {
		if err != nil {
			table.Flush()
			return err
		}
		f, err := r.Get(ctx, s.Number)
		if err != nil {
			return err
		}
		for i := range paths {
			if cells[i], err = paths[i].of(ctx, r, f); err != nil {
				var p *PartialError
				if !errors.As(err, &p) {
					return err
				}
				partial = err
			}
		}
		if form == JSONLines {
			err = writeCut(out, paths, cells)
		} else {
			for i, c := range cells {
				cells[i] = printable(c)
			}
			err = table.Write(cells)
		}
		if err != nil {
			return err
		}
	}
	table.Flush()
	return errors.Join(table.Error(), out.Flush(), partial)
}

func writeCut(w io.Writer, paths []CutPath, cells []string) error {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range paths {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, s := range []string{p.name, cells[i]} {
			var text strings.Builder
			if err := writeJSON(&text, s); err != nil {
				return err
			}
			b.WriteString(strings.TrimSuffix(text.String(), "\n"))
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// of cuts a part of f.
func (p *CutPath) of(ctx context.Context, r *store.Reader, f *flow.Flow) (string, error) {
	if p.body == noBody {
		return p.text(f, p.field), nil
	}
	m, b := messageOf(f, p.side), bodyOf(f, p.side)
	if m == nil || b.Record == flow.Unrecorded {
		return "", nil
	}
	body, err := r.Body(ctx, f.Number, p.side)
	if err != nil {
		return "", err
	}
	defer body.Close()
	src := io.Reader(io.NewSectionReader(body, body.First(), body.Size()-body.First()))
	if coded := m.Fields.Joined("Content-Encoding"); p.body == content && !coding.Identity(coded) {
		d, err := coding.NewDecoder(coded, src)
		if err == nil {
			defer d.Close()
			src = d
		}
	}
	text, err := io.ReadAll(io.LimitReader(src, maxCut+1))
	if len(text) > maxCut {
		return string(text[:maxCut]), &PartialError{fmt.Errorf("%s of flow %d was cut after %d bytes", p.name, f.Number, maxCut)}
	}
	if err = whole(err, b); err != nil {
		err = &PartialError{fmt.Errorf("%s of flow %d: %w", p.name, f.Number, err)}
	}
	return string(text), err
}

// printable writes octets that are not UTF-8, and control characters other than
// white space, as \xNN.
func printable(s string) string {
	clean := func(r rune, n int) bool {
		return !(r == utf8.RuneError && n == 1) && (r >= ' ' && r != 0x7f || r == '\n' || r == '\t' || r == '\r')
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if clean(r, n) {
			b.WriteString(s[i : i+n])
		} else {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			n = 1
		}
		i += n
	}
	return b.String()
}
