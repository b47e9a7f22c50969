package engine

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"midstream/flow"
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
	failAt   int    // Write fails with fail once this many bytes were taken
	fail     error  // nil never
	stalled  bool   // Write waits until it is aborted or let go
	writing  bool   // a Write waits
	onAbort  func() // what else it does to an h1-like connection
	wrote    func() // runs before Write returns
}

func newSink() *fakeSink {
	s := &fakeSink{}
	s.cond.L = &s.mu
	return s
}

func (s *fakeSink) Write(p []byte) (int, error) {
	if s.wrote != nil {
		defer s.wrote() // behind the unlock
	}
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
	if s.closed || s.aborted != nil {
		return
	}
	s.aborted = cause
	s.cond.Broadcast()
	if s.onAbort != nil {
		s.onAbort()
	}
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

// awaitEnd waits until the end was sent.
func (s *fakeSink) awaitEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && s.aborted == nil {
		s.cond.Wait()
	}
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
