package http1

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/fault"
)

// sink sends the octets of one body. It implements body.Sink.
type sink struct {
	conn    Conn
	secured bool
	side    flow.Side
	to      string // "client 10.0.0.1:5000", for error texts
	framing flow.Framing
	owner   sinkOwner

	aborting atomic.Pointer[flow.Error] // what Abort was given while a Write was busy

	mu     sync.Mutex // held during Write, WriteMore and Close
	state  sinkState
	failed error // what a broken sink says
	left   int64 // of a body by length
	sent   int64 // octets of the body that the connection has taken
	corked int   // octets that the connection keeps; -1 when it is not corked
	header [20]byte
}

// sinkOwner is the Stream or Call that a body belongs to.
type sinkOwner interface {
	// sinkEnded is called once, with nil after a proper end and else with why the
	// body is broken; the connection is of no more use then.
	sinkEnded(err error)
	// givenUp is why this side closed the connection on purpose, or nil.
	givenUp() error
}

type sinkState uint8

const (
	sinkOpen sinkState = iota
	sinkClosed
	sinkBroken
)

// abortTime is how long Abort tries to send what WriteMore kept.
const abortTime = time.Second

// joins lends buffers in which a small chunk is put together, so that a
// connection that is idle or stalled holds none.
var joins = sync.Pool{New: func() any { return new([joinLimit + 32]byte) }}

func (s *sink) start(owner sinkOwner, conn Conn, secured bool, side flow.Side, to string, f flow.Framing) {
	s.owner, s.conn, s.secured, s.side, s.to, s.framing = owner, conn, secured, side, to, f
	s.left, s.corked = f.Length, -1
}

func (s *sink) peer() flow.Peer {
	if s.side == flow.ToServer {
		return flow.AtServer
	}
	return flow.AtClient
}

// Write implements body.Sink.
func (s *sink) Write(p []byte) (int, error) { return s.write(p, now) }

// WriteMore implements body.Sink.
func (s *sink) WriteMore(p []byte) (int, error) { return s.write(p, soon) }

// urgency says when octets have to leave.
type urgency uint8

const (
	now  urgency = iota
	soon         // with what follows at once
	room         // now, as far as there is room for it
)

func (s *sink) write(p []byte, u urgency) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.takes(len(p)); err != nil {
		return 0, err
	}
	var err error
	if len(p) > 0 {
		err = s.frame(p, u)
	}
	if err == nil && (u != soon || s.corked >= corkedLimit) {
		err = s.uncork(u)
	}
	if err != nil {
		return 0, s.fail(err)
	}
	// The connection has taken it, whatever Abort was told meanwhile: that
	// breaks what comes after it.
	s.sent += int64(len(p))
	if s.framing.Kind == flow.ByLength {
		s.left -= int64(len(p))
	}
	return len(p), nil
}

// roomy is what a Conn may have to wait for room without a Write.
type roomy interface {
	Writable() bool
	AwaitWrite() error
	WriteRoom(p []byte) (int, error)
	UncorkRoom() error
	Settle() error
}

// WriteRoom implements body.Waiter.
func (s *sink) WriteRoom(p []byte) (int, error) { return s.write(p, room) }

// Settle implements body.Waiter.
func (s *sink) Settle() { _ = s.settle() } // Close says it

func (s *sink) settle() error {
	if c, ok := s.conn.(roomy); ok {
		return c.Settle()
	}
	return nil
}

// Writable implements body.Waiter.
func (s *sink) Writable() bool {
	c, ok := s.conn.(roomy)
	return !ok || c.Writable()
}

// AwaitWrite implements body.Waiter.
func (s *sink) AwaitWrite() {
	if c, ok := s.conn.(roomy); ok {
		_ = c.AwaitWrite() // the next Write says it
	}
}

// takes tells whether n more octets fit the state and the framing. A refusal
// leaves the sink as it was.
func (s *sink) takes(n int) error {
	switch {
	case s.state == sinkBroken:
		return s.failed
	case s.state == sinkClosed:
		return s.misuse("it has been closed")
	case n > 0 && s.framing.Kind == flow.Unframed:
		return s.misuse("by its head the message has no body")
	case s.framing.Kind == flow.ByLength && int64(n) > s.left:
		return s.misuse("%d octets more than its Content-Length of %d", int64(n)-s.left, s.framing.Length)
	}
	return nil
}

func (s *sink) misuse(format string, args ...any) error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Err: fmt.Errorf("send "+s.side.String()+" body to "+s.to+": "+format, args...)}
}

// frame writes p with its framing. Without a cork one call is one write of the
// connection, for the peer and the system see each of them.
func (s *sink) frame(p []byte, u urgency) error {
	chunked := s.framing.Kind == flow.Chunked
	// A plain connection takes a large piece as it is; a cork would copy it.
	// With TLS a cork joins its records.
	large := len(p) > joinLimit
	if u == soon && (s.secured || !large || chunked) || large && (s.secured || chunked) {
		s.cork()
	}
	if !chunked {
		return s.put(p, u)
	}
	if large {
		if err := s.put(appendChunkHeader(s.header[:0], len(p)), soon); err != nil {
			return err
		}
		if err := s.put(p, soon); err != nil {
			return err
		}
		return s.put(crlf, u)
	}
	b := joins.Get().(*[joinLimit + 32]byte)
	defer joins.Put(b)
	return s.put(append(append(appendChunkHeader(b[:0], len(p)), p...), crlf...), u)
}

var crlf = []byte("\r\n")

func (s *sink) put(p []byte, u urgency) error {
	var err error
	if c, ok := s.conn.(roomy); ok && u == room {
		_, err = c.WriteRoom(p)
	} else {
		_, err = s.conn.Write(p)
	}
	if s.corked >= 0 {
		s.corked += len(p)
	}
	return err
}

func (s *sink) cork() {
	if s.corked < 0 {
		s.conn.Cork()
		s.corked = 0
	}
}

func (s *sink) uncork(u urgency) error {
	if s.corked < 0 {
		return nil
	}
	s.corked = -1
	if c, ok := s.conn.(roomy); ok && u == room {
		return c.UncorkRoom()
	}
	return s.conn.Uncork()
}

// Close implements body.Sink.
func (s *sink) Close(trailers flow.Fields) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case sinkClosed:
		return nil
	case sinkBroken:
		return s.failed
	}
	if s.framing.Kind == flow.ByLength && s.left > 0 {
		err := s.misuse("it ended %d octets short of its Content-Length of %d", s.left, s.framing.Length)
		s.breakOff()
		return s.fail(err)
	}
	if s.framing.Kind == flow.Chunked {
		if err := s.lastChunk(trailers); err != nil {
			return s.fail(err)
		}
	}
	if err := s.uncork(now); err != nil {
		return s.fail(err)
	}
	if err := s.settle(); err != nil {
		return s.fail(err)
	}
	if cause := s.aborting.Load(); cause != nil && s.framing.Kind == flow.UntilClose {
		return s.fail(cause) // the end of the body is still to be told
	}
	if s.framing.Kind == flow.UntilClose {
		if err := s.conn.CloseWrite(); err != nil {
			return s.fail(err)
		}
	}
	s.state = sinkClosed
	s.owner.sinkEnded(nil)
	return nil
}

func (s *sink) lastChunk(trailers flow.Fields) error {
	buf := joins.Get().(*[joinLimit + 32]byte)
	defer joins.Put(buf)
	b := appendLastChunk(buf[:0], trailers)
	if err := checkPrinted(b, len(trailers)+1, len(trailers)+2, trailers); err != nil {
		s.breakOff()
		return s.misuse("its trailers: %w", err)
	}
	return s.put(b, now)
}

// Abort implements body.Sink. A Write that waits is interrupted.
func (s *sink) Abort(cause error) {
	e := fault.Given(cause, flow.AtProxy, flow.InBody, "send "+s.side.String()+" body to "+s.to)
	if !s.mu.TryLock() {
		s.aborting.CompareAndSwap(nil, e)
		s.conn.Reset()
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.state != sinkOpen {
		return
	}
	if s.framing.Kind == flow.ByLength && s.left == 0 && s.corked < 0 && s.soonSettled() {
		// All of it has left: the body is whole, and nothing can be broken but
		// the connection.
		s.state = sinkClosed
		s.owner.sinkEnded(nil)
		s.conn.Close()
		return
	}
	s.breakOff()
	s.fail(e)
}

// soonSettled tells whether nothing is kept, or what is has left within a moment.
func (s *sink) soonSettled() bool {
	s.conn.SetWriteDeadline(time.Now().Add(abortTime))
	return s.settle() == nil
}

// breakOff ends the connection so that the body is seen to be broken: chunked
// without its last chunk, a length short, and where only the end of the
// connection ends a body, a reset. mu is held.
func (s *sink) breakOff() {
	if s.corked >= 0 {
		s.conn.SetWriteDeadline(time.Now().Add(abortTime))
		if s.uncork(now) != nil {
			s.conn.Reset()
			return
		}
	}
	if s.framing.Kind == flow.UntilClose {
		s.conn.Reset()
		return
	}
	// FIN before what close may make of unread octets: a reset.
	s.conn.SetWriteDeadline(time.Now().Add(abortTime))
	s.conn.CloseWrite()
	s.conn.Close()
}

// fail makes the sink broken and returns what it says from now on.
func (s *sink) fail(err error) error {
	if s.state == sinkBroken {
		return s.failed
	}
	s.state = sinkBroken
	if cause := s.aborting.Load(); cause != nil {
		err = cause
	} else if cause := s.owner.givenUp(); cause != nil {
		err = cause
	}
	if _, ok := errors.AsType[*flow.Error](err); !ok {
		err = ioError(s.peer(), flow.InBody, err, "send "+s.side.String()+" body to "+s.to, fmt.Sprintf("after %d octets", s.sent))
	}
	s.failed = err
	s.owner.sinkEnded(err)
	return err
}
