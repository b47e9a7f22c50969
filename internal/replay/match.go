package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/query"
)

// Matching says what a request must have in common with one of earlier to get its
// response. The zero value asks for scheme, method, host, port, path, query and body.
type Matching struct {
	IgnoreContent, IgnoreHost, IgnorePort bool
	// IgnoreParams are parameters of the query, IgnorePayloadParams those of forms.
	IgnoreParams, IgnorePayloadParams []string
	// UseFields are header fields that must be the same, too.
	UseFields []string
}

type sum [sha256.Size]byte

// write adds parts to h so that no two lists of them are the same.
func write(h hash.Hash, parts ...string) {
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		io.WriteString(h, p)
	}
}

// head is what a head must have in common.
func (m *Matching) head(r *flow.Request) (s sum) {
	h := sha256.New()
	method := r.Method
	if r.Protocol != "" {
		method = "GET" // as it is asked for in HTTP/1.1
	}
	scheme := map[string]string{"ws": "http", "wss": "https"}[r.Scheme]
	if scheme == "" {
		scheme = r.Scheme
	}
	path, params, _ := strings.Cut(r.Path, "?")
	write(h, method, scheme, path)
	if !m.IgnoreHost {
		write(h, strings.ToLower(query.WithoutPort(query.Named(r))))
	}
	if !m.IgnorePort {
		write(h, strconv.Itoa(int(r.Port)))
	}
	for name, value := range pairs(params) {
		if !listed(m.IgnoreParams, name) {
			write(h, name, value)
		}
	}
	for _, name := range m.UseFields {
		write(h, append([]string{strings.ToLower(name)}, r.Fields.Values(name)...)...)
	}
	h.Sum(s[:0])
	return s
}

func listed(list []string, name string) bool {
	for _, l := range list {
		if l == name {
			return true
		}
	}
	return false
}

// pairs are the parameters of a query or a form, decoded where they can be.
func pairs(text string) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		for p := range strings.SplitSeq(text, "&") {
			if p == "" {
				continue
			}
			name, value, _ := strings.Cut(p, "=")
			if !yield(unescape(name), unescape(value)) {
				return
			}
		}
	}
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// maxForm bounds a form whose parameters are looked at; of a larger one all octets
// count.
const maxForm = 1 << 20

// content is what bodies must have in common. It is written to.
type content struct {
	matching *Matching
	whole    hash.Hash
	unbound  *unbound // what whole is told through; nil for what is no multipart body
	form     []byte   // of a form whose parameters count; nil for others
	boundary string
	over     bool
	length   int64
}

// newContent makes the content of a message with these fields.
func (m *Matching) newContent(fields flow.Fields) *content {
	c := &content{matching: m, whole: sha256.New()}
	media, params, err := mime.ParseMediaType(fields.Get("Content-Type"))
	if err == nil && strings.HasPrefix(media, "multipart/") && params["boundary"] != "" {
		c.unbound = &unbound{to: c.whole, delimiter: []byte("--" + params["boundary"])}
	}
	switch {
	case err != nil || len(m.IgnorePayloadParams) == 0:
	case media == "application/x-www-form-urlencoded":
		c.form = []byte{}
	case media == "multipart/form-data" && params["boundary"] != "":
		c.form, c.boundary = []byte{}, params["boundary"]
	}
	return c
}

func (c *content) Write(p []byte) (int, error) {
	c.length += int64(len(p))
	if c.form != nil && !c.over {
		if len(c.form)+len(p) > maxForm {
			c.form, c.over = []byte{}, true
		} else {
			c.form = append(c.form, p...)
		}
	}
	if c.unbound != nil {
		return c.unbound.Write(p)
	}
	return c.whole.Write(p)
}

// sum ends the content.
func (c *content) sum() (s sum) {
	if c.unbound != nil {
		c.unbound.end()
	}
	if c.form == nil || c.over {
		c.whole.Sum(s[:0])
		return s
	}
	h := sha256.New()
	write(h, "form")
	if c.boundary == "" {
		for name, value := range pairs(string(c.form)) {
			if !listed(c.matching.IgnorePayloadParams, name) {
				write(h, name, value)
			}
		}
	} else if !c.parts(h) {
		c.whole.Sum(s[:0])
		return s
	}
	h.Sum(s[:0])
	return s
}

// parts adds the parts of a multipart form; false where it is none.
func (c *content) parts(h hash.Hash) bool {
	r := multipart.NewReader(bytes.NewReader(c.form), c.boundary)
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		value, err := io.ReadAll(p)
		if err != nil {
			return false
		}
		if name := p.FormName(); !listed(c.matching.IgnorePayloadParams, name) {
			write(h, name, string(value))
		}
	}
}
