package http2

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"
	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		got <- c
	}()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return a, <-got
}

// serve runs a Server on one end of a connection and returns the other; the
// Server has returned when the test is over.
func serve(t testing.TB, cfg ServerConfig, handler func(*Stream)) (nc net.Conn, srv *Server, done <-chan error) {
	t.Helper()
	a, b := tcpPair(t)
	srv = NewServer(transport.New(b), cfg)
	ended := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		ended <- srv.Serve(context.Background(), handler)
	}()
	t.Cleanup(func() { a.Close(); <-over })
	return a, srv, ended
}

// goClient is Go's own HTTP/2 client on nc.
func goClient(t testing.TB, nc net.Conn) *h2.ClientConn {
	t.Helper()
	tr := &h2.Transport{AllowHTTP: true}
	cc, err := tr.NewClientConn(nc)
	if err != nil {
		t.Fatal(err)
	}
	return cc
}

// goServer is Go's own HTTP/2 server; the Client returned talks to it.
func goServer(t testing.TB, cfg ClientConfig, handler http.HandlerFunc) *Client {
	t.Helper()
	a, b := tcpPair(t)
	over := make(chan struct{})
	go func() {
		defer close(over)
		new(h2.Server).ServeConn(b, &h2.ServeConnOpts{Handler: handler})
	}()
	c, err := NewClient(transport.New(a), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); b.Close(); <-over })
	return c
}

// answer sends a whole response.
func answer(st *Stream, status int, content string, trailers flow.Fields) error {
	head := &flow.Response{Status: status}
	f := flow.Framing{Kind: flow.Chunked}
	if content == "" && trailers == nil {
		f = flow.Framing{}
	}
	sink, err := st.Respond(head, f)
	if err != nil {
		return err
	}
	if content != "" {
		if _, err := sink.Write([]byte(content)); err != nil {
			return err
		}
	}
	return sink.Close(trailers)
}

// readBody reads a body to its end.
func readBody(r body.Reader) (string, error) {
	if r == nil {
		return "", nil
	}
	var b bytes.Buffer
	p := make([]byte, 20<<10)
	for {
		n, err := r.Read(p)
		b.Write(p[:n])
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
	}
}

// drainTo writes all of a body to sink as it comes.
func drainTo(sink body.Sink, r body.Reader) error {
	if r == nil {
		return sink.Close(nil)
	}
	_, err := body.Relay(context.Background(), sink, r, nil, body.RelayOptions{})
	if err != nil {
		return err
	}
	return sink.Close(r.Trailers())
}

func request(method, path string, fields ...flow.Field) *flow.Request {
	return &flow.Request{Message: flow.Message{Version: flow.HTTP2, Fields: fields}, Method: method,
		Scheme: "https", Host: "a.test", Port: 443, Authority: "a.test", Path: path}
}

func flowError(t *testing.T, err error) *flow.Error {
	t.Helper()
	e, ok := errors.AsType[*flow.Error](err)
	if !ok {
		t.Fatalf("error %v is not a *flow.Error", err)
	}
	return e
}

// peer is a scripted end of a connection, frame by frame.
type peer struct {
	t   *testing.T
	nc  net.Conn
	fr  *h2.Framer
	enc *hpack.Encoder
	buf bytes.Buffer
	dec *hpack.Decoder
}

func newPeer(t *testing.T, nc net.Conn) *peer {
	p := &peer{t: t, nc: nc, fr: h2.NewFramer(nc, nc)}
	p.fr.AllowIllegalWrites = true
	p.enc = hpack.NewEncoder(&p.buf)
	p.dec = hpack.NewDecoder(4096, nil)
	t.Cleanup(func() { nc.Close() })
	return p
}

// newPeerOn is a peer that only writes, on a Framer of the test's.
func newPeerOn(t *testing.T, fr *h2.Framer) *peer {
	p := &peer{t: t, fr: fr}
	p.enc = hpack.NewEncoder(&p.buf)
	return p
}

// client begins as a client and has the SETTINGS of both sides acknowledged.
func (p *peer) client(settings ...h2.Setting) *peer {
	p.t.Helper()
	io.WriteString(p.nc, h2.ClientPreface)
	p.fr.WriteSettings(settings...)
	p.fr.WriteSettingsAck()
	p.await(func(f h2.Frame) bool { s, ok := f.(*h2.SettingsFrame); return ok && s.IsAck() })
	return p
}

// server begins as a server.
func (p *peer) server(settings ...h2.Setting) *peer {
	p.t.Helper()
	b := make([]byte, len(h2.ClientPreface))
	if _, err := io.ReadFull(p.nc, b); err != nil || string(b) != h2.ClientPreface {
		p.t.Fatalf("preface %q, %v", b, err)
	}
	p.fr.WriteSettings(settings...)
	p.fr.WriteSettingsAck()
	p.await(func(f h2.Frame) bool { s, ok := f.(*h2.SettingsFrame); return ok && s.IsAck() })
	return p
}

// await reads frames until one fits; nil at the end of the connection.
func (p *peer) await(fits func(h2.Frame) bool) h2.Frame {
	p.t.Helper()
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			return nil
		}
		if h, ok := f.(*h2.HeadersFrame); ok && !fits(f) {
			p.dec.DecodeFull(h.HeaderBlockFragment())
			continue
		}
		if fits(f) {
			return f
		}
	}
}

// ended waits for GOAWAY or RST_STREAM, and says which with what code.
func (p *peer) ended() string {
	p.t.Helper()
	switch f := p.await(func(f h2.Frame) bool {
		switch f.(type) {
		case *h2.GoAwayFrame, *h2.RSTStreamFrame:
			return true
		}
		return false
	}).(type) {
	case *h2.GoAwayFrame:
		return "GOAWAY " + f.ErrCode.String()
	case *h2.RSTStreamFrame:
		return "RST_STREAM " + f.ErrCode.String()
	}
	return "closed"
}

// data waits for n octets of DATA on a stream and returns them, with whether
// the stream ended.
func (p *peer) data(id uint32, n int) (string, bool) {
	p.t.Helper()
	var got []byte
	end := false
	for len(got) < n && !end {
		f, ok := p.await(func(f h2.Frame) bool { d, ok := f.(*h2.DataFrame); return ok && d.StreamID == id }).(*h2.DataFrame)
		if !ok {
			break
		}
		got = append(got, f.Data()...)
		end = f.StreamEnded()
	}
	return string(got), end
}

// headers waits for a header block on a stream.
func (p *peer) headers(id uint32) (fields []string, end bool) {
	p.t.Helper()
	f, ok := p.await(func(f h2.Frame) bool { h, ok := f.(*h2.HeadersFrame); return ok && h.StreamID == id }).(*h2.HeadersFrame)
	if !ok {
		p.t.Fatalf("no HEADERS on stream %d", id)
	}
	block := append([]byte(nil), f.HeaderBlockFragment()...)
	end, done := f.StreamEnded(), f.HeadersEnded()
	for !done {
		more, err := p.fr.ReadFrame()
		if err != nil {
			p.t.Fatal(err)
		}
		c := more.(*h2.ContinuationFrame)
		block = append(block, c.HeaderBlockFragment()...)
		done = c.HeadersEnded()
	}
	list, err := p.dec.DecodeFull(block)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range list {
		fields = append(fields, h.Name+": "+h.Value)
	}
	return fields, end
}

// encode makes a header block of names and values.
func (p *peer) encode(pairs ...string) []byte {
	p.buf.Reset()
	for i := 0; i < len(pairs); i += 2 {
		p.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return append([]byte(nil), p.buf.Bytes()...)
}

func (p *peer) send(id uint32, end bool, pairs ...string) {
	p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(pairs...), EndStream: end, EndHeaders: true})
}

func (p *peer) get(id uint32, more ...string) {
	p.send(id, true, append([]string{":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/"}, more...)...)
}

func (p *peer) post(id uint32, more ...string) {
	p.send(id, false, append([]string{":method", "POST", ":scheme", "https", ":authority", "a.test", ":path", "/"}, more...)...)
}

func rawClient(t testing.TB, nc net.Conn) *Client {
	t.Helper()
	c, err := NewClient(transport.New(nc), ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
