package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the consumers need, checked where the types are made.
var (
	_ Conn        = (*transport.Conn)(nil)
	_ body.Reader = (*reader)(nil)
	_ body.Sink   = (*sink)(nil)
	_ body.Duplex = (*duplex)(nil)
)

// pipeConn is one end of net.Pipe as a Conn, for tests in synctest bubbles.
type pipeConn struct{ net.Conn }

func (c pipeConn) Ready() bool       { return false }
func (c pipeConn) Cork()             {}
func (c pipeConn) Uncork() error     { return nil }
func (c pipeConn) CloseWrite() error { return c.Close() }
func (c pipeConn) Reset() error      { return c.Close() }

// pipe returns both ends of an in-memory connection.
func pipe() (near pipeConn, far net.Conn) {
	a, b := net.Pipe()
	return pipeConn{a}, b
}

// tcpPair returns both ends of a loopback connection.
func tcpPair(t testing.TB) (near *transport.Conn, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far = d.(*net.TCPConn)
	far.SetDeadline(time.Now().Add(time.Minute)) // a hanging test ends with an error
	t.Cleanup(func() { a.Close(); d.Close() })
	return transport.New(a), far
}

// peer is the scripted far end of a connection.
type peer struct {
	t testing.TB
	*net.TCPConn
	r *bufio.Reader
}

func newPeer(t testing.TB, c *net.TCPConn) *peer { return &peer{t, c, bufio.NewReader(c)} }

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatalf("peer send: %v", err)
	}
}

func (p *peer) expect(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(p.r, got)
	if string(got[:n]) != want {
		p.t.Fatalf("peer got %q (%v)\nwant     %q", got[:n], err, want)
	}
}

// rest returns what comes until the end, and the error that ended it.
func (p *peer) rest() (string, error) {
	b, err := io.ReadAll(p.r)
	return string(b), err
}

func (p *peer) expectEnd() {
	p.t.Helper()
	if s, err := p.rest(); s != "" || err != nil {
		p.t.Fatalf("peer got %q, %v; want a clean end", s, err)
	}
}

func serve(t testing.TB, cfg ServerConfig) (*Server, *peer) {
	t.Helper()
	near, far := tcpPair(t)
	s := NewServer(near, cfg)
	t.Cleanup(func() { s.Close() })
	return s, newPeer(t, far)
}

func dial(t testing.TB, cfg ClientConfig) (*Client, *peer) {
	t.Helper()
	near, far := tcpPair(t)
	if cfg.Name == "" {
		cfg.Name = "origin.test:80"
	}
	c := NewClient(near, cfg)
	t.Cleanup(func() { c.Close() })
	return c, newPeer(t, far)
}

func next(t testing.TB, s *Server) *Stream {
	t.Helper()
	st, err := s.Next(context.Background())
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return st
}

func response(status int, fields ...string) *flow.Response {
	r := &flow.Response{Status: status, Reason: "Word"}
	r.Version = flow.HTTP11
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Fields.Add(name, value)
	}
	return r
}

func request(method, path string, fields ...string) *flow.Request {
	r := &flow.Request{Method: method, Path: path}
	r.Version = flow.HTTP11
	r.Fields.Add("Host", "origin.test")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Fields.Add(name, value)
	}
	return r
}

var (
	chunkedBody = flow.Framing{Kind: flow.Chunked}
	untilClose  = flow.Framing{Kind: flow.UntilClose}
)

func byLength(n int64) flow.Framing { return flow.Framing{Kind: flow.ByLength, Length: n} }

// answer sends a whole response.
func answer(t testing.TB, st *Stream, status int, content string) {
	t.Helper()
	sink, err := st.Respond(response(status, "Content-Length: "+itoa(len(content))), byLength(int64(len(content))))
	if err != nil {
		t.Fatal(err)
	}
	if content != "" {
		if _, err := sink.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(nil); err != nil {
		t.Fatal(err)
	}
}

func itoa(n int) string { return string(appendDecimal(nil, n)) }

func appendDecimal(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendDecimal(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

func readAll(r body.Reader) (string, error) {
	var all []byte
	p := make([]byte, 32<<10)
	for {
		n, err := r.Read(p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			return string(all), nil
		}
		if err != nil {
			return string(all), err
		}
	}
}

func wantCause(t testing.TB, err error, peer flow.Peer, cause flow.Cause, text string) {
	t.Helper()
	e, ok := err.(*flow.Error)
	if !ok {
		t.Fatalf("error is %T (%v), want *flow.Error", err, err)
	}
	if e.Peer != peer || e.Cause != cause || !strings.Contains(e.Error(), text) {
		t.Fatalf("got {%v %v %v} %q\nwant {%v %v} with %q", e.Peer, e.Phase, e.Cause, e, peer, cause, text)
	}
}
