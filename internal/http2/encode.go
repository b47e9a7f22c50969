package http2

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"

	"midstream/flow"
)

// requestEncoder writes a request head, responseEncoder a response head,
// trailerEncoder a trailer section. Names are put in lower case, and fields that
// belong to a connection of HTTP/1 are left out (RFC 9113 section 8.2).
type requestEncoder struct {
	r *flow.Request
	// tree is the highest stream that the client's own PRIORITY frames named.
	tree uint32
}

func (e requestEncoder) encode(enc *hpack.Encoder) {
	r := e.r
	e.pseudos(enc)
	for i := range r.Fields {
		f := &r.Fields[i]
		name := lower(f.Name)
		switch {
		case name == "host":
		case name == "cookie" && r.Version < flow.HTTP2:
			// A crumb each is compressed better (RFC 9113 section 8.2.3).
			for crumb := range strings.SplitSeq(f.Value, "; ") {
				write(enc, name, crumb, f.NeverIndexed)
			}
		default:
			writeField(enc, name, f)
		}
	}
}

// pseudos writes the pseudo-fields in the order in which the client sent its own;
// those that it left out come last.
func (e requestEncoder) pseudos(enc *hpack.Encoder) {
	r := e.r
	tunnel := r.Form == flow.AuthorityForm
	done := 0 // bits, as usualOrder numbers them
	one := func(letter byte) {
		bit := 1 << (1 + strings.IndexByte(usualOrder, letter))
		if done&bit != 0 {
			return
		}
		done |= bit
		switch {
		case letter == 'm':
			write(enc, ":method", r.Method, false)
		case letter == 'a':
			write(enc, ":authority", e.authority(), false)
		case letter == 's' && !tunnel:
			write(enc, ":scheme", secureScheme(r.Scheme), false)
		case letter == 'p' && !tunnel && r.Path == "":
			write(enc, ":path", "/", false)
		case letter == 'p' && !tunnel:
			write(enc, ":path", r.Path, false)
		case letter == 'o' && r.Protocol != "":
			write(enc, ":protocol", r.Protocol, false)
		}
	}
	for i := range len(r.Pseudos) {
		one(r.Pseudos[i])
	}
	for i := range len(usualOrder) {
		one(usualOrder[i])
	}
}

// usualOrder is that of pseudo-fields where no client has given one.
const usualOrder = "maspo"

func (e requestEncoder) authority() string {
	r := e.r
	if r.Form == flow.AuthorityForm {
		if r.Authority != "" {
			return r.Authority
		}
		return r.Address()
	}
	if host := r.Fields.Get("Host"); host != "" {
		return host
	}
	if r.Authority != "" {
		return r.Authority
	}
	return flow.HostPort(r.Scheme, r.Host, r.Port)
}

func secureScheme(s string) string {
	switch s {
	case "wss":
		return "https"
	case "ws":
		return "http"
	}
	return s
}

type responseEncoder struct{ r *flow.Response }

func (e responseEncoder) encode(enc *hpack.Encoder) {
	write(enc, ":status", statusText(e.r.Status), false)
	fieldsEncoder{e.r.Fields}.encode(enc)
}

type fieldsEncoder struct{ fs flow.Fields }

func (e fieldsEncoder) encode(enc *hpack.Encoder) {
	for i := range e.fs {
		writeField(enc, lower(e.fs[i].Name), &e.fs[i])
	}
}

func writeField(enc *hpack.Encoder, name string, f *flow.Field) {
	value := f.Value
	if name == "te" && value != "trailers" && hasTrailers(value) {
		value = "trailers"
	}
	if !ofConnection(name, value) {
		write(enc, name, value, f.NeverIndexed)
	}
}

func hasTrailers(v string) bool {
	for item := range strings.SplitSeq(v, ",") {
		if flow.EqualFold(flow.TrimSpace(item), "trailers") {
			return true
		}
	}
	return false
}

// write writes one field. What its sender wanted in no table stays out of ours,
// and so do credentials: who can send requests of their own could guess them
// there (RFC 7541 section 7.1).
func write(enc *hpack.Encoder, name, value string, never bool) {
	enc.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: never || name == "authorization" || name == "proxy-authorization"})
}

var errSplits = errors.New("a field has a line break or NUL in it")

// checkFields refuses what a peer would have to refuse: values that hooks or
// other HTTP versions brought in.
func checkFields(fs flow.Fields) error {
	for i := range fs {
		if !isToken(fs[i].Name) {
			return errors.New("a field has the name " + flow.Quote(fs[i].Name))
		}
		if has(fs[i].Value, breakOctet) {
			return errSplits
		}
	}
	return nil
}

func checkRequest(r *flow.Request) error {
	if !isToken(r.Method) {
		return errors.New("the method is not a token: " + flow.Quote(r.Method))
	}
	for _, s := range [...]string{r.Authority, r.Path, r.Scheme} {
		if has(s, ctlOctet) || strings.IndexByte(s, ' ') >= 0 {
			return errors.New("the target has a space or control character: " + flow.Quote(s))
		}
	}
	return checkFields(r.Fields)
}

// lower puts a name in lower case; names as HTTP/1 usually spells them cost no
// allocation.
func lower(s string) string {
	if !has(s, upperOctet) {
		return s
	}
	if l, ok := usual[s]; ok {
		return l
	}
	return strings.ToLower(s)
}

// usual are names as they are spelled in HTTP/1; it is never changed.
var usual = func() map[string]string {
	m := make(map[string]string)
	for _, s := range []string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Accept-Ranges", "Access-Control-Allow-Credentials",
		"Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
		"Access-Control-Max-Age", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Age", "Allow", "Alt-Svc",
		"Authorization", "Cache-Control", "Connection", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
		"Content-Location", "Content-Range", "Content-Security-Policy", "Content-Type", "Cookie", "Date", "ETag", "Etag", "Expect",
		"Expires", "Forwarded", "From", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
		"Keep-Alive", "Last-Modified", "Link", "Location", "Origin", "Pragma", "Priority", "Proxy-Authenticate", "Proxy-Authorization",
		"Proxy-Connection", "Range", "Referer", "Referrer-Policy", "Retry-After", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site",
		"Sec-Fetch-User", "Server", "Set-Cookie", "Strict-Transport-Security", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
		"Upgrade-Insecure-Requests", "User-Agent", "Vary", "Via", "WWW-Authenticate", "Www-Authenticate", "X-Content-Type-Options",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Frame-Options", "X-Powered-By", "X-Request-Id", "X-Requested-With",
	} {
		m[s] = strings.ToLower(s)
	}
	return m
}()

// statuses are the numbers from 100 to 599 as texts; it is never changed.
var statuses = func() (t [500]string) {
	for i := range t {
		t[i] = strconv.Itoa(100 + i)
	}
	return t
}()

func statusText(n int) string {
	if n >= 100 && n < 600 {
		return statuses[n-100]
	}
	return strconv.Itoa(n)
}
