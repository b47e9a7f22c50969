package engine

import (
	"context"
	"errors"
	"sync"

	"midstream/flow"
	"midstream/internal/body"
)

// fakeStream is the client's side, h1-like or h2-like by the version.
type fakeStream struct {
	head     *flow.Request
	framing  flow.Framing
	body     *fakeBody
	findings []flow.Finding
	ctx      context.Context
	leave    context.CancelCauseFunc

	mu        sync.Mutex
	interim   []flow.Response
	response  *flow.Response
	out       flow.Framing
	sink      *fakeSink
	aborted   error
	noRespond error  // what Respond fails with
	responded func() // runs before Respond returns
	duplex    *fakeDuplex
}

func newStream(version flow.Version, method string, fields flow.Fields, b *fakeBody) *fakeStream {
	s := &fakeStream{body: b, sink: newSink(), head: &flow.Request{
		Message: flow.Message{Version: version, Fields: fields},
		Method:  method, Scheme: "http", Host: "example.test", Port: 80, Path: "/",
	}}
	if b != nil {
		s.framing = flow.Framing{Kind: flow.Chunked}
		if v := fields.Get("Content-Length"); v != "" {
			s.framing = flow.Framing{Kind: flow.ByLength, Length: number(v)}
		}
	}
	if b != nil && version < flow.HTTP2 {
		s.sink.onAbort = func() { b.breakOff(errLeft) }
	}
	s.ctx, s.leave = context.WithCancelCause(context.Background())
	return s
}

func number(s string) (n int64) {
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n
}

func (s *fakeStream) Request() *flow.Request   { return s.head }
func (s *fakeStream) Findings() []flow.Finding { return s.findings }
func (s *fakeStream) Framing() flow.Framing    { return s.framing }
func (s *fakeStream) Body() body.Reader        { return s.body }
func (s *fakeStream) Context() context.Context { return s.ctx }
func (s *fakeStream) Inform(h *flow.Response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interim = append(s.interim, *h)
	return nil
}

func (s *fakeStream) Respond(h *flow.Response, f flow.Framing) (body.Sink, error) {
	if s.responded != nil {
		defer s.responded() // behind the unlock
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noRespond != nil {
		return nil, s.noRespond
	}
	if s.response != nil {
		return nil, errors.New("a second response")
	}
	if s.aborted != nil {
		return nil, s.aborted
	}
	c := *h
	s.response, s.out = &c, f
	return s.sink, nil
}

func (s *fakeStream) Upgrade() (body.Duplex, error) { return s.duplex, nil }

func (s *fakeStream) Abort(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted == nil {
		s.aborted = cause
	}
}

func (s *fakeStream) informed() (status []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.interim {
		status = append(status, h.Status)
	}
	return status
}

func (s *fakeStream) status() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.response == nil {
		return 0
	}
	return s.response.Status
}

// errLeft is what an h1-like stream says of a client that went away; errReset
// what an h2-like one says of a reset.
var (
	errLeft  = &flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.LeftByClient, Err: errors.New("the client closed the connection")}
	errReset = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ResetByPeer, Code: 2, Err: errors.New("the server reset the stream: INTERNAL_ERROR")}
	errCut   = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errors.New("the server closed the connection inside the response body")}
)

// fakeCall is the server's side of one try.
type fakeCall struct {
	version  flow.Version // of its responses; 0 is HTTP/1.1
	doubtful bool
	sink     *fakeSink
	reused   bool
	heard    bool
	duplex   *fakeDuplex
	framing  flow.Framing
	response *fakeBody

	request *flow.Request
	out     flow.Framing

	mu       sync.Mutex
	cond     sync.Cond
	heads    []*flow.Response
	headErr  error
	canceled error
	closed   int
}

// Uncertain implements Uncertain.
func (c *fakeCall) Uncertain() bool { return c.doubtful }

func newCall() *fakeCall {
	c := &fakeCall{sink: newSink()}
	c.cond.L = &c.mu
	c.sink.onAbort = func() {
		go c.breakHead(&flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.ClosedEarly, Err: errors.New("closed here")})
	}
	return c
}

// answers makes a call that answers at once.
func answers(status int, f flow.Framing, fields flow.Fields, b *fakeBody) *fakeCall {
	c := newCall()
	c.answer(status, f, fields, b)
	return c
}

func (c *fakeCall) answer(status int, f flow.Framing, fields flow.Fields, b *fakeBody) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.framing, c.response = f, b
	version := c.version
	if version == 0 {
		version = flow.HTTP11
	}
	c.heads = append(c.heads, &flow.Response{Message: flow.Message{Version: version, Fields: fields}, Status: status})
	c.cond.Broadcast()
}

func (c *fakeCall) inform(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heads = append(c.heads, &flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: status})
	c.heard = true
	c.cond.Broadcast()
}

func (c *fakeCall) breakHead(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headErr = err
	c.cond.Broadcast()
}

func (c *fakeCall) Server() *flow.Conn { return &flow.Conn{Address: "example.test:80"} }
func (c *fakeCall) Reused() bool       { return c.reused }
func (c *fakeCall) Body() body.Sink    { return c.sink }
func (c *fakeCall) Heard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}
func (c *fakeCall) Head(context.Context) (*flow.Response, []flow.Finding, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.heads) == 0 && c.headErr == nil && c.canceled == nil {
		c.cond.Wait()
	}
	switch {
	case c.canceled != nil:
		return nil, nil, c.canceled
	case len(c.heads) > 0:
		h := c.heads[0]
		c.heads = c.heads[1:]
		c.heard = true
		return h, nil, nil
	}
	return nil, nil, c.headErr
}
func (c *fakeCall) Framing() flow.Framing { return c.framing }
func (c *fakeCall) Response() body.Reader {
	if c.response == nil {
		return nil
	}
	return c.response
}
func (c *fakeCall) Upgrade() (body.Duplex, error) { return c.duplex, nil }
func (c *fakeCall) Cancel(cause error) {
	c.mu.Lock()
	r := c.response
	if r != nil && r.ended() {
		c.mu.Unlock()
		return // as the contract has it: the upload goes on
	}
	if c.canceled == nil {
		c.canceled = cause
	}
	c.cond.Broadcast()
	c.mu.Unlock()
	c.sink.Abort(cause)
	if r != nil {
		r.Cancel(cause)
	}
}
func (c *fakeCall) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
}

func (c *fakeCall) cancelCause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.canceled
}

// fakeUpstream hands out calls in order; an error is what Open fails with.
type fakeUpstream struct {
	mu      sync.Mutex
	results []any
	opened  []Reuse
	wait    chan struct{} // Open waits for it, or for its ctx
	version flow.Version
}

func upstream(results ...any) *fakeUpstream { return &fakeUpstream{results: results} }

func (u *fakeUpstream) Version(*flow.Request) flow.Version { return u.version }

func (u *fakeUpstream) Open(ctx context.Context, r *flow.Request, f flow.Framing, reuse Reuse) (Call, error) {
	if u.wait != nil {
		select {
		case <-u.wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.opened = append(u.opened, reuse)
	if len(u.results) == 0 {
		return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.Dialing, Cause: flow.NoConnection, Err: errors.New("could not connect to example.test:80: connection refused; check that the server runs")}
	}
	result := u.results[0]
	u.results = u.results[1:]
	if err, ok := result.(error); ok {
		return nil, err
	}
	c := result.(*fakeCall)
	c.request, c.out = r, f
	if f.Kind == flow.Unframed {
		c.sink.closed = true
	}
	return c, nil
}
