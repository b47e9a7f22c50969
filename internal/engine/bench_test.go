package engine

import (
	"context"
	"io"
	"testing"

	"midstream/flow"
	"midstream/internal/body"
)

// benchStream and benchCall are the cheapest exchange there is.
type benchStream struct {
	head flow.Request
	ctx  context.Context
	sink benchSink
}

func (s *benchStream) Request() *flow.Request        { r := s.head; return &r }
func (s *benchStream) Findings() []flow.Finding      { return nil }
func (s *benchStream) Framing() flow.Framing         { return flow.Framing{} }
func (s *benchStream) Body() body.Reader             { return nil }
func (s *benchStream) Context() context.Context      { return s.ctx }
func (s *benchStream) Inform(*flow.Response) error   { return nil }
func (s *benchStream) Upgrade() (body.Duplex, error) { return nil, io.EOF }
func (s *benchStream) Abort(error)                   {}
func (s *benchStream) Respond(*flow.Response, flow.Framing) (body.Sink, error) {
	return &s.sink, nil
}
func (s *benchSink) Write(p []byte) (int, error)     { s.n += len(p); return len(p), nil }
func (s *benchSink) WriteMore(p []byte) (int, error) { s.n += len(p); return len(p), nil }
func (s *benchSink) Close(flow.Fields) error         { return nil }

type benchSink struct{ n int }

func (*benchSink) Abort(error) {}

type benchCall struct {
	server flow.Conn
	head   flow.Response
	left   int64
	total  int64
}

func (c *benchCall) Server() *flow.Conn { return &c.server }
func (c *benchCall) Reused() bool       { return true }
func (c *benchCall) Body() body.Sink    { return nil }
func (c *benchCall) Head(context.Context) (*flow.Response, []flow.Finding, error) {
	r := c.head
	return &r, nil, nil
}
func (c *benchCall) Framing() flow.Framing         { return length(c.total) }
func (c *benchCall) Response() body.Reader         { return (*benchBody)(c) }
func (c *benchCall) Heard() bool                   { return true }
func (c *benchCall) Upgrade() (body.Duplex, error) { return nil, io.EOF }
func (c *benchCall) Cancel(error)                  {}
func (c *benchCall) Close()                        {}
func (c *benchCall) Open(context.Context, *flow.Request, flow.Framing, Reuse) (Call, error) {
	c.left = c.total
	return c, nil
}

type benchBody benchCall

func (b *benchBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), int(b.left))
	b.left -= int64(n)
	return n, nil
}
func (b *benchBody) Ready() bool           { return b.left > 0 }
func (b *benchBody) Trailers() flow.Fields { return nil }
func (b *benchBody) Cancel(error)          {}

func benchServe(b *testing.B, e *Engine, total int64) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &benchStream{ctx: ctx, head: flow.Request{
		Message: flow.Message{Version: flow.HTTP11, Fields: fields("Host: example.test", "User-Agent: x", "Accept: */*", "Connection: keep-alive")},
		Method:  "GET", Scheme: "http", Host: "example.test", Port: 80, Path: "/",
	}}
	c := &benchCall{total: total, head: flow.Response{
		Message: flow.Message{Version: flow.HTTP11, Fields: fields("Content-Length: 1024", "Content-Type: text/plain", "Date: x", "Server: y")},
		Status:  200, Reason: "OK",
	}}
	b.ReportAllocs()
	for b.Loop() {
		e.Serve(ctx, s, c, Origin{})
	}
}

func BenchmarkServeSmall(b *testing.B) { benchServe(b, New(Config{}), 1024) }
func BenchmarkServeWatched(b *testing.B) {
	benchServe(b, New(Config{Watchers: []Watcher{nobody{}}}), 1024)
}
func BenchmarkServeLarge(b *testing.B) {
	b.SetBytes(64 << 20)
	benchServe(b, New(Config{}), 64<<20)
}

type nobody struct{}

func (nobody) Watch(*flow.Flow) {}
