package hook

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"sync"

	"midstream/flow"
)

// Request is the live request of an exchange.
type Request struct {
	flow.Request
	Body
}

// Response is the live response of an exchange.
type Response struct {
	flow.Response
	Body
	// Made tells that a hook made it, that no server sent it.
	Made bool
}

// Exchange is one request and its response while they pass, or a CONNECT. Hooks
// may change what they are given; what has been sent already stays as it was,
// with a finding on the flow.
type Exchange struct {
	ID     flow.ID
	Number uint64 // in the session; 0 without one
	Client *flow.Conn
	Server *flow.Conn // nil before the dial
	// Expected is a connection that is open already to where the client has asked to be
	// connected; nil where there is none.
	Expected *flow.Conn

	Request  *Request
	Response *Response // nil until its head has come, or a hook sets it

	// WebSocket is nil but for a connection whose events an addon hears, from
	// WebSocketStart on.
	WebSocket *WebSocket

	// TCP is nil but for a raw tunnel.
	TCP *TCP

	// Err is why there is no proper response, set before the Error event.
	Err error

	Marker   string
	Comment  string
	Metadata map[string]string
	// Replayed tells which side of the exchange is not there.
	Replayed flow.Replayed

	// Set is the hooks that this exchange runs through, from its start to its end.
	Set *Set

	running string
	standIn any
	ran     func(addon string)

	mu       sync.Mutex // guards killed, kill and findings
	killed   bool
	kill     func()
	findings []flow.Finding
	values   map[any]any
}

// StandIn has server answer in the place of the server that the request would go to:
// nothing is dialled, and the response passes through hooks as any. It counts in the
// head hooks of the request, and what server may be is the engine's to say.
func (x *Exchange) StandIn(server any) { x.standIn = server }

// ErrNotKillable is returned by Kill for an exchange that has ended or was
// killed already.
var ErrNotKillable = errors.New("flow is not killable")

// Kill ends the exchange: before a head was sent the connection is closed (or
// the stream reset), after it the message ends as a broken one.
func (x *Exchange) Kill() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.killed || x.kill == nil {
		return ErrNotKillable
	}
	x.killed = true
	x.kill()
	return nil
}

// Killable tells whether Kill would work.
func (x *Exchange) Killable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.killed && x.kill != nil
}

// Killed tells whether Kill was called.
func (x *Exchange) Killed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.killed
}

// maxFindings bounds what one exchange can collect.
const maxFindings = 64

// Running is the name of the addon whose hook runs, empty where none does.
func (x *Exchange) Running() string { return x.running }

// Find adds a finding to the flow, and tells whether it did. The same one is kept
// once; past 64 they are dropped.
func (x *Exchange) Find(code, text string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := flow.Finding{Code: code, Text: text}
	for _, g := range x.findings {
		if g == f {
			return false
		}
	}
	if len(x.findings) >= maxFindings {
		return false
	}
	x.findings = append(x.findings, f)
	return true
}

// Findings returns what was found so far; the caller may keep it.
func (x *Exchange) Findings() []flow.Finding {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.findings[:len(x.findings):len(x.findings)]
}

// A Key names a value of type T that an addon keeps on exchanges. Make one
// with new(Key[T]) and keep it; two keys never collide.
type Key[T any] struct{ _ byte }

// Get returns the value on x and whether there is one.
func (k *Key[T]) Get(x *Exchange) (T, bool) {
	v, ok := x.values[k].(T)
	return v, ok
}

// Put sets the value on x.
func (k *Key[T]) Put(x *Exchange, v T) {
	if x.values == nil {
		x.values = make(map[any]any)
	}
	x.values[k] = v
}

// NewRequest makes a live request from a head; its body is not there yet.
func NewRequest(head flow.Request) *Request {
	r := &Request{Request: head}
	r.Body.head = &r.Request.Message
	return r
}

// NewResponse makes a live response from a head; its body is not there yet.
func NewResponse(head flow.Response) *Response {
	r := &Response{Response: head}
	r.Body.head = &r.Response.Message
	return r
}

// MakeResponse makes a response for a hook to answer with: status, its standard
// reason, fields and a body. Content-Length is added.
func MakeResponse(status int, fields flow.Fields, body []byte) *Response {
	r := NewResponse(flow.Response{
		Message: flow.Message{Version: flow.HTTP11, Fields: fields.Clone()},
		Status:  status, Reason: Reason(status),
	})
	r.Made = true
	r.access = Editable
	r.content, r.changed = body, true
	if !r.Fields.Has("Transfer-Encoding") {
		r.Fields.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return r
}

// SetURL points the request at an absolute URL: scheme, host, port and path
// (with query), and Host or authority where there is one.
func (r *Request) SetURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if u.Hostname() == "" {
		return errors.New("no host in URL " + strconv.Quote(s))
	}
	port := flow.DefaultPort(u.Scheme)
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return errors.New("bad port in URL " + strconv.Quote(s))
		}
		port = uint16(n)
	}
	if port == 0 {
		return errors.New("unknown scheme in URL " + strconv.Quote(s))
	}
	r.Scheme = u.Scheme
	r.SetHost(u.Hostname(), port)
	r.Path = u.RequestURI()
	return nil
}

// SetHost sends the request to host and port and changes Host and authority,
// where there is one, to match.
func (r *Request) SetHost(host string, port uint16) {
	r.Host, r.Port = host, port
	at := flow.HostPort(r.Scheme, host, port)
	if r.Fields.Has("Host") {
		r.Fields.Set("Host", at)
	}
	if r.Authority != "" {
		r.Authority = at
	}
}

func newBytesReader(p []byte) io.Reader { return bytes.NewReader(p) }
