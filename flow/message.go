package flow

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Version is an HTTP version: ten times the major number plus the minor one.
type Version uint8

// The versions. The numbers are on disk and never change.
const (
	HTTP10 Version = 10
	HTTP11 Version = 11
	HTTP2  Version = 20
	HTTP3  Version = 30
)

// String returns the name as it stands in an HTTP/1 head, and as mitmproxy
// spells the later ones.
func (v Version) String() string {
	switch v {
	case HTTP10:
		return "HTTP/1.0"
	case HTTP11:
		return "HTTP/1.1"
	case HTTP2:
		return "HTTP/2.0"
	case HTTP3:
		return "HTTP/3"
	}
	return "HTTP/?"
}

// Form is how a request target was written (RFC 9112 section 3.2).
type Form uint8

// The forms. The numbers are on disk and never change.
const (
	OriginForm    Form = 0 // /path?query
	AbsoluteForm  Form = 1 // http://host/path
	AuthorityForm Form = 2 // host:port, with CONNECT
	AsteriskForm  Form = 3 // *, with OPTIONS
)

// Message is what heads of requests and responses share.
type Message struct {
	Version  Version
	Fields   Fields
	Trailers Fields
	// Wire is the request or status line as received, without its line ending;
	// it is printed instead of the parts as long as it still spells them.
	Wire string
	// LineFeed tells that every line of the head, as it came over HTTP/1, ended in
	// LF without CR.
	LineFeed bool
	// Start is when the first octet of the head came, End when the message had
	// ended; zero when that has not happened.
	Start, End time.Time
}

// Request is a request head.
type Request struct {
	Message
	Method string
	// Scheme is "http" or "https", in lower case.
	Scheme string
	// Host and Port are where the request is sent: a name or an address
	// without brackets. A hook that changes them sends it elsewhere.
	Host string
	Port uint16
	// Authority is what the target said (absolute form, CONNECT, :authority),
	// as sent; empty for the origin form.
	Authority string
	// Protocol is what an extended CONNECT asks for (:protocol, RFC 8441), as
	// "websocket"; empty for any other request.
	Protocol string
	// Path is path and query as sent, octet for octet; "*" for the asterisk
	// form and empty for CONNECT.
	Path string
	Form Form
	// Pseudos is the order of the pseudo-fields in an HTTP/2 head as it came, a
	// letter each: m for :method, s, a, p likewise, o for :protocol; empty for
	// other versions.
	Pseudos string
	// Priority is what an HTTP/2 head said of its stream, nil without.
	Priority *Priority
	// Via is the parent proxy that the request goes through, nil for none; a hook
	// that changes it sends the request another way.
	Via *Via
}

// Response is a response head.
type Response struct {
	Message
	Status int
	Reason string
}

// Interim tells whether the status is 1xx (RFC 9110 section 15.2). 101 ends
// the exchange of heads and is not interim.
func (r *Response) Interim() bool {
	return r.Status >= 100 && r.Status < 200 && r.Status != 101
}

// Clone returns a copy whose fields can be changed freely.
func (r *Request) Clone() *Request {
	if r == nil {
		return nil
	}
	c := *r
	c.Fields, c.Trailers = r.Fields.Clone(), r.Trailers.Clone()
	return &c
}

// Clone returns a copy whose fields can be changed freely.
func (r *Response) Clone() *Response {
	if r == nil {
		return nil
	}
	c := *r
	c.Fields, c.Trailers = r.Fields.Clone(), r.Trailers.Clone()
	return &c
}

// DefaultPort returns the port that scheme implies, 0 for an unknown scheme.
func DefaultPort(scheme string) uint16 {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	}
	return 0
}

// HostPort writes host and port as an authority: an IPv6 literal in brackets,
// the port left out when the scheme implies it (RFC 3986 section 3.2).
func HostPort(scheme, host string, port uint16) string {
	if strings.IndexByte(host, ':') >= 0 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if port == DefaultPort(scheme) {
		return host
	}
	return host + ":" + strconv.Itoa(int(port))
}

// Address returns host:port as a dialler takes it; for a CONNECT that names no
// host and port, what it says instead.
func (r *Request) Address() string {
	if r.Host == "" && r.Form == AuthorityForm {
		return r.Authority
	}
	return net.JoinHostPort(r.Host, strconv.Itoa(int(r.Port)))
}

// URL returns the target as an absolute URL of where the request is sent; for
// CONNECT it is host:port.
func (r *Request) URL() string {
	if r.Form == AuthorityForm {
		return r.Address()
	}
	if r.Path == "*" {
		return r.Scheme + "://" + HostPort(r.Scheme, r.Host, r.Port)
	}
	return r.Scheme + "://" + HostPort(r.Scheme, r.Host, r.Port) + r.Path
}

// DisplayURL is URL with the host that the client named: the one of the
// authority or the Host field, where there is one.
func (r *Request) DisplayURL() string {
	host := r.Authority
	if host == "" {
		host = r.Fields.Get("Host")
	}
	if host == "" || r.Form == AuthorityForm || r.Path == "*" {
		return r.URL()
	}
	if h, p, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err == nil {
			host = HostPort(r.Scheme, h, uint16(n))
		}
	}
	return r.Scheme + "://" + host + r.Path
}
