package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"midstream/flow"
	"midstream/internal/body"
)

// fakeBody is a body that a test feeds piece by piece. With a window it is
// h2-like: what was fed and not read is bounded, and Read gives credit back.
type fakeBody struct {
	mu       sync.Mutex
	cond     sync.Cond
	pieces   [][]byte
	err      error // after the pieces; io.EOF for a proper end
	trailers flow.Fields
	window   int // bytes that may wait unread; 0 for any number
	unread   int
	credit   int   // bytes that Read has given back
	canceled error // the cause of the first Cancel before the end
	over     bool  // the end was read
}

func newBody(pieces ...string) *fakeBody {
	b := &fakeBody{}
	b.cond.L = &b.mu
	for _, p := range pieces {
		b.pieces = append(b.pieces, []byte(p))
		b.unread += len(p)
	}
	return b
}

func wholeBody(pieces ...string) *fakeBody { b := newBody(pieces...); b.end(nil); return b }

// feed waits for window and tells whether the body is still wanted.
func (b *fakeBody) feed(p string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.window > 0 && b.unread+len(p) > b.window && b.canceled == nil {
		b.cond.Wait()
	}
	if b.canceled != nil {
		return false
	}
	b.pieces = append(b.pieces, []byte(p))
	b.unread += len(p)
	b.cond.Broadcast()
	return true
}

func (b *fakeBody) end(trailers flow.Fields) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.trailers = io.EOF, trailers
	b.cond.Broadcast()
}

func (b *fakeBody) breakOff(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.cond.Broadcast()
}

func (b *fakeBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.pieces) == 0 && b.err == nil && b.canceled == nil {
		b.cond.Wait()
	}
	switch {
	case b.canceled != nil:
		return 0, b.canceled
	case len(b.pieces) > 0:
		n := copy(p, b.pieces[0])
		if b.pieces[0] = b.pieces[0][n:]; len(b.pieces[0]) == 0 {
			b.pieces = b.pieces[1:]
		}
		b.unread -= n
		b.credit += n
		b.cond.Broadcast()
		return n, nil
	}
	b.over = b.err == io.EOF
	return 0, b.err
}

func (b *fakeBody) Ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pieces) > 0
}

func (b *fakeBody) Trailers() flow.Fields { return b.trailers }

func (b *fakeBody) Cancel(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || b.canceled != nil {
		return
	}
	b.canceled = cause
	b.cond.Broadcast()
}

func (b *fakeBody) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

func (b *fakeBody) cancelCause() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.canceled
}

// fakeSink keeps what was sent and how it ended.
type fakeSink struct {
	mu       sync.Mutex
	cond     sync.Cond
	got      bytes.Buffer
	kept     []byte // by WriteMore
	pieces   int
	closed   bool
	trailers flow.Fields
	aborted  error
	failAt   int   // Write fails with fail once this many bytes were taken
	fail     error // nil never
	stalled  bool  // Write waits until it is aborted or let go
	writing  bool  // a Write waits
}

func newSink() *fakeSink {
	s := &fakeSink{}
	s.cond.L = &s.mu
	return s
}

func (s *fakeSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = true
	for s.stalled && s.aborted == nil {
		s.cond.Wait()
	}
	s.writing = false
	if s.aborted != nil {
		return 0, s.aborted
	}
	if s.closed {
		return 0, errors.New("write after the end")
	}
	kept := len(s.kept)
	all := append(s.kept, p...)
	s.kept = nil
	if s.fail != nil && s.got.Len()+len(all) > s.failAt {
		n := max(0, s.failAt-s.got.Len())
		if n <= kept {
			return 0, s.fail // what was kept leaves whole or not at all
		}
		s.got.Write(all[:n])
		return n - kept, s.fail
	}
	s.pieces++
	s.got.Write(all)
	s.cond.Broadcast()
	return len(p), nil
}

// WriteMore keeps its piece, as a sink may, until something follows.
func (s *fakeSink) WriteMore(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted != nil {
		return 0, s.aborted
	}
	s.pieces++
	s.kept = append(s.kept, p...)
	return len(p), nil
}

func (s *fakeSink) Close(trailers flow.Fields) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted != nil {
		return s.aborted
	}
	if s.fail != nil {
		return s.fail
	}
	s.closed, s.trailers = true, trailers
	s.cond.Broadcast()
	return nil
}

func (s *fakeSink) Abort(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.aborted == nil {
		s.aborted = cause
	}
	s.cond.Broadcast()
}

func (s *fakeSink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// end is how the body ended on the wire: "closed", "aborted" or "open".
func (s *fakeSink) end() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "closed"
	case s.aborted != nil:
		return "aborted"
	}
	return "open"
}

// await waits until n bytes were sent.
func (s *fakeSink) await(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.got.Len() < n && s.aborted == nil {
		s.cond.Wait()
	}
}

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
	noRespond error // what Respond fails with
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

func newCall() *fakeCall {
	c := &fakeCall{sink: newSink()}
	c.cond.L = &c.mu
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
	c.heads = append(c.heads, &flow.Response{Message: flow.Message{Version: flow.HTTP11, Fields: fields}, Status: status})
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

// memory is a recorder that keeps everything in memory.
type memory struct {
	mu    sync.Mutex
	flows []*memoryRecord
	room  int
}

type memoryRecord struct {
	mu      sync.Mutex
	n       uint64
	heads   []flow.Side
	interim int
	body    [2]bytes.Buffer
	begun   [2]bool
	dropped [2]bool
	room    int // bytes of a body that are kept; 0 for all
	cut     [2]bool
	end     *flow.Flow
	ended   chan struct{}
}

func (m *memory) Start() Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &memoryRecord{room: m.room, n: uint64(len(m.flows) + 1), ended: make(chan struct{})}
	m.flows = append(m.flows, r)
	return r
}

func (m *memory) only() *memoryRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.flows) != 1 {
		panic("not one flow")
	}
	return m.flows[0]
}

func (r *memoryRecord) Number() uint64 { return r.n }
func (r *memoryRecord) Head(f *flow.Flow, side flow.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads = append(r.heads, side)
}
func (r *memoryRecord) Interim(*flow.Response) { r.interim++ }
func (r *memoryRecord) Piece(side flow.Side, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[side] = true
	if left := r.room - r.body[side].Len(); r.room > 0 && len(p) > left {
		p, r.cut[side] = p[:left], true
	}
	r.body[side].Write(p)
}
func (r *memoryRecord) Drop(side flow.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped[side] = true
	r.body[side].Reset()
}
func (r *memoryRecord) State(side flow.Side) (flow.Record, int64, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped[side] || !r.begun[side] {
		return flow.Unrecorded, 0, ""
	}
	if r.cut[side] {
		return flow.Cut, int64(r.body[side].Len()), "no room"
	}
	return flow.Recording, int64(r.body[side].Len()), ""
}
func (r *memoryRecord) Open(side flow.Side) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(r.body[side].Bytes()))), nil
}
func (r *memoryRecord) End(f *flow.Flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = f
	close(r.ended)
}

// fakeDuplex is one end of a raw connection: what it reads is fed, what is
// written to it is kept.
type fakeDuplex struct {
	in     *fakeBody
	out    *fakeSink
	mu     sync.Mutex
	half   bool
	reset  bool
	closed bool
}

func newDuplex(b *fakeBody) *fakeDuplex { return &fakeDuplex{in: b, out: newSink()} }

func (d *fakeDuplex) Read(p []byte) (int, error)  { return d.in.Read(p) }
func (d *fakeDuplex) Write(p []byte) (int, error) { return d.out.Write(p) }
func (d *fakeDuplex) CloseWrite() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.half = true
	return nil
}
func (d *fakeDuplex) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}
func (d *fakeDuplex) Reset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reset = true
	err := &flow.Error{Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errors.New("reset here")}
	d.in.Cancel(err)
	d.out.Abort(err)
	return nil
}
