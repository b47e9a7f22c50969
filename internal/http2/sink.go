package http2

import (
	"fmt"
	"sync"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// sink sends the body of one message. It implements body.Sink. What it has taken
// waits at most in the connection's queue, which is bounded.
type sink struct {
	st      *stream
	framing flow.Framing
	tunnel  bool // the stream is a raw connection: its end is not that of a body

	mu     sync.Mutex // held during Write, WriteMore and Close
	head   encoder    // a head that was kept to leave with what follows; or nil
	last   *block     // octets that wait for the end; credit for them is taken
	left   int64      // of a body by length
	closed bool
}

var (
	_ body.Sink       = (*sink)(nil)
	_ body.LastWriter = (*sink)(nil)
)

func (s *sink) start(st *stream, f flow.Framing) {
	s.st, s.framing, s.left = st, f, f.Length
}

// Write implements body.Sink: p becomes one DATA frame where window and frame
// size allow it.
func (s *sink) Write(p []byte) (int, error) { return s.write(p, now) }

// WriteMore implements body.Sink.
func (s *sink) WriteMore(p []byte) (int, error) { return s.write(p, soon) }

// WriteLast implements body.LastWriter: the last frame waits for END_STREAM.
func (s *sink) WriteLast(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cut := max(0, len(p)-maxFrame)
	if cut > 0 {
		if n, err = s.put(p[:cut], soon); err != nil {
			return n, err
		}
	}
	rest := p[cut:]
	if err := s.takes(len(rest)); err != nil {
		return n, err
	}
	if s.tunnel || s.last != nil || len(rest) == 0 {
		m, err := s.put(rest, now)
		return n + m, err
	}
	for !s.st.reserveNow(len(rest)) {
		// Some of it leaves before; what is last has all of its credit.
		if err := s.sendHead(false); err != nil {
			return n, err
		}
		m, err := s.st.reserve(len(rest))
		if err == nil && m == len(rest) {
			break
		}
		if err == nil {
			err = s.st.send(rest[:m], false, now)
		}
		if err != nil {
			return n, err
		}
		n, rest = n+m, rest[m:]
		s.sent(m)
	}
	s.last = newBlock(len(rest))
	s.last.w = copy(s.last.b, rest)
	s.sent(len(rest))
	return len(p), nil
}

// sent counts octets of a body by length. mu is held.
func (s *sink) sent(n int) {
	if s.framing.Kind == flow.ByLength {
		s.left -= int64(n)
	}
}

// sendLast sends what has waited for the end; end says that this is it. mu is held.
func (s *sink) sendLast(end bool, u urgency) error {
	if s.last == nil {
		return nil
	}
	b := s.last
	s.last = nil
	if err := s.sendHead(false); err != nil {
		s.st.refund(b.w)
		return err
	}
	err := s.st.send(b.b[:b.w], end, u)
	b.free()
	return err
}

func (s *sink) write(p []byte, u urgency) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(p, u)
}

// takes tells whether n more octets may come. mu is held.
func (s *sink) takes(n int) error {
	switch {
	case s.closed:
		return s.misuse("it has been closed")
	case n > 0 && s.framing.Kind == flow.Unframed && !s.tunnel:
		return s.misuse("by its head the message has no body")
	case s.framing.Kind == flow.ByLength && int64(n) > s.left:
		return s.misuse("%d octets more than its content-length of %d", int64(n)-s.left, s.framing.Length)
	}
	return nil
}

// put is write. mu is held.
func (s *sink) put(p []byte, u urgency) (n int, err error) {
	if err := s.takes(len(p)); err != nil {
		return 0, err
	}
	if err := s.sendHead(false); err != nil {
		return 0, err
	}
	if err := s.sendLast(false, soon); err != nil {
		return 0, err
	}
	if len(p) == 0 && u == now {
		s.st.c.w.flush()
	}
	for n < len(p) {
		m, err := s.st.reserve(len(p) - n)
		if err != nil {
			return n, err
		}
		leave := u
		if n+m < len(p) {
			leave = soon
		}
		if err := s.st.send(p[n:n+m], false, leave); err != nil {
			return n, err
		}
		n += m
	}
	s.sent(n)
	return n, nil
}

// sendHead queues the head that was kept; what follows makes it leave.
func (s *sink) sendHead(end bool) error {
	if s.head == nil {
		return nil
	}
	u := soon
	if end {
		u = now
	}
	e := s.head
	s.head = nil
	return s.sendFields(e, end, u)
}

func (s *sink) sendFields(e encoder, end bool, u urgency) error {
	if end {
		s.st.ends()
	}
	if err := s.st.c.w.fieldsOf(s.st, e, end, u); err != nil {
		return s.st.sendFailed(err)
	}
	if end {
		s.st.sent()
	}
	return nil
}

// Close implements body.Sink.
func (s *sink) Close(trailers flow.Fields) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.tunnel {
		return nil
	}
	s.closed = true
	if s.framing.Kind == flow.ByLength && s.left > 0 {
		s.sendLast(false, late)
		err := s.misuse("it ended %d octets short of its content-length of %d", s.left, s.framing.Length)
		s.st.reset(h2.ErrCodeInternal, err)
		return err
	}
	return s.end(trailers)
}

// end sends END_STREAM: on the head that was kept, on trailers, on the last DATA
// frame where that has not left, or on an empty one.
func (s *sink) end(trailers flow.Fields) error {
	if len(trailers) > 0 {
		if err := s.sendLast(false, soon); err != nil {
			return err
		}
		if err := checkFields(trailers); err != nil {
			e := s.misuse("%s", err)
			s.st.reset(h2.ErrCodeInternal, e)
			return e
		}
		if err := s.sendHead(false); err != nil {
			return err
		}
		return s.sendFields(fieldsEncoder{trailers}, true, now)
	}
	if s.head != nil && s.last == nil {
		return s.sendHead(true)
	}
	s.st.ends()
	var err error
	if s.last != nil {
		err = s.sendLast(true, now)
	} else {
		err = s.st.send(nil, true, now)
	}
	if err != nil {
		return err
	}
	s.st.sent()
	return nil
}

// Abort implements body.Sink: the stream is reset.
func (s *sink) Abort(cause error) {
	if s.mu.TryLock() {
		if s.closed {
			s.mu.Unlock()
			return
		}
		s.sendHead(false)
		s.sendLast(false, late)
		s.closed = true
		s.mu.Unlock()
	}
	s.st.abort(cause)
}

// abort resets a stream that this side has not ended.
func (st *stream) abort(cause error) {
	c := st.c
	c.mu.Lock()
	over := st.sendClosed()
	c.mu.Unlock()
	if over {
		return
	}
	st.reset(codeOf(cause, c.peer), fault.Given(cause, c.peer, flow.InBody, st.what(1-st.in)))
}

func (s *sink) misuse(format string, args ...any) *flow.Error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Err: fmt.Errorf(s.st.what(1-s.st.in)+": "+format, args...)}
}
