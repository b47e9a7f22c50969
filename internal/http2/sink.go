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
	left   int64      // of a body by length
	closed bool
}

var _ body.Sink = (*sink)(nil)

func (s *sink) start(st *stream, f flow.Framing) {
	s.st, s.framing, s.left = st, f, f.Length
}

// Write implements body.Sink: p becomes one DATA frame where window and frame
// size allow it.
func (s *sink) Write(p []byte) (int, error) { return s.write(p, now) }

// WriteMore implements body.Sink.
func (s *sink) WriteMore(p []byte) (int, error) { return s.write(p, soon) }

func (s *sink) write(p []byte, u urgency) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, s.misuse("it has been closed")
	case len(p) > 0 && s.framing.Kind == flow.Unframed && !s.tunnel:
		return 0, s.misuse("by its head the message has no body")
	case s.framing.Kind == flow.ByLength && int64(len(p)) > s.left:
		return 0, s.misuse("%d octets more than its content-length of %d", int64(len(p))-s.left, s.framing.Length)
	}
	if err := s.sendHead(false); err != nil {
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
	if s.framing.Kind == flow.ByLength {
		s.left -= int64(n)
	}
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
		err := s.misuse("it ended %d octets short of its content-length of %d", s.left, s.framing.Length)
		s.st.reset(h2.ErrCodeInternal, err)
		return err
	}
	return s.end(trailers)
}

// end sends END_STREAM: on the head that was kept, on trailers, or on an empty
// DATA frame where there is nothing else to put it on.
func (s *sink) end(trailers flow.Fields) error {
	if len(trailers) > 0 {
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
	if s.head != nil {
		return s.sendHead(true)
	}
	s.st.ends()
	if err := s.st.send(nil, true, now); err != nil {
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
