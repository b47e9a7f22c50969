package http2

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/fault"
)

// stream is one stream (RFC 9113 section 5): its two directions, each open,
// ended or broken. All of it is guarded by the connection's lock, where nothing
// else is said.
type stream struct {
	c      *conn
	id     uint32
	in     flow.Side // which message comes in on it
	server *Stream   // one of the two
	call   *Call

	// What comes in.
	readable sync.Cond
	inbox    inbox
	win      recvWindow
	declared int64 // the length by its head; -1 unknown
	came     int64 // octets of the body that have come
	headed   bool  // its (final) head has come
	recvEnd  bool  // END_STREAM has come
	recvErr  error // why no more comes, after what lies in inbox; never nil with recvEnd false once closed
	given    error // why the reader wants no more
	trailers flow.Fields
	notes    notes

	// What goes out.
	writable sync.Cond
	toSend   sendWindow
	queued   bool  // in conn.waiting
	sendEnd  bool  // END_STREAM was sent
	ending   bool  // END_STREAM is being sent, and the peer has ended
	sendErr  error // why no more can be sent
	gone     atomic.Bool

	// Deadlines of a raw connection: of its reader and of its writer.
	early, late deadline
}

func (st *stream) init(c *conn, id uint32, in flow.Side) {
	st.c, st.id, st.in = c, id, in
	st.readable.L, st.writable.L = &c.mu, &c.mu
	st.declared = -1
	size := max(initialWindow, c.first)
	st.win = recvWindow{size: size, own: size, avail: c.first}
	st.toSend = sendWindow(c.initial)
}

// recvClosed and sendClosed tell that a direction is over.
func (st *stream) recvClosed() bool { return st.recvEnd || st.recvErr != nil }
func (st *stream) sendClosed() bool { return st.sendEnd || st.sendErr != nil }

// what names a message of the stream in error texts.
func (st *stream) what(side flow.Side) string {
	if side == st.in {
		return "read " + side.String() + " from " + st.c.name
	}
	return "send " + side.String() + " to " + st.c.name
}

// phase is how far what comes in has come. mu is held.
func (st *stream) phase() flow.Phase {
	if st.headed {
		return flow.InBody
	}
	return flow.InHead
}

// breakIn ends what comes in with err, breakOut what goes out. mu is held.
func (st *stream) breakIn(err error) {
	if !st.recvClosed() {
		st.recvErr = err
	}
	st.readable.Broadcast()
}

func (st *stream) breakOut(err error) {
	if !st.sendClosed() {
		st.sendErr = err
	}
	st.gone.Store(true)
	st.writable.Broadcast()
}

// lost ends both directions because the connection has ended. mu is held.
func (st *stream) lost(why *flow.Error) {
	e := *why
	e.Phase = st.phase()
	st.breakIn(&e)
	st.breakOut(&e)
	st.queued = false
	if st.server != nil {
		st.server.left(&e)
	}
}

// reset ends both directions and tells the peer. It does nothing on a stream
// that has ended. mu must not be held.
func (st *stream) reset(code h2.ErrCode, err error) (told bool) {
	c := st.c
	c.mu.Lock()
	if c.streams[st.id] != st {
		st.breakIn(err)
		st.breakOut(err)
		c.mu.Unlock()
		c.w.given()
		return false
	}
	st.breakIn(err)
	st.breakOut(err)
	over := c.remove(st, resetByUs)
	c.mu.Unlock()
	c.w.control(func(fr *h2.Framer) { fr.WriteRSTStream(st.id, code) })
	c.w.given()
	if over {
		c.drained()
	}
	return true
}

// wasReset is told of the peer's RST_STREAM.
func (st *stream) wasReset(code h2.ErrCode) {
	c := st.c
	c.mu.Lock()
	e := &flow.Error{Peer: c.peer, Phase: st.phase(), Cause: flow.ResetByPeer, Code: uint64(code),
		Err: fmt.Errorf("%s: the %s reset the stream: %s", st.what(st.in), c.peer, codeText(uint64(code)))}
	if st.call != nil {
		switch {
		case code == h2.ErrCodeRefusedStream && !st.headed && !st.call.heard.Load(),
			code == h2.ErrCodeHTTP11Required && !st.headed:
			e.Cause = flow.RefusedRequest
		case code == h2.ErrCodeNo && st.recvEnd:
			e.Cause = flow.NotNeeded // it has answered and wants no more (section 8.1)
		}
	}
	st.breakIn(e)
	st.breakOut(e)
	if st.server != nil {
		st.server.left(e)
	}
	over := c.remove(st, endedWell)
	c.mu.Unlock()
	c.w.given()
	if over {
		c.drained()
	}
}

// ended closes the stream where both directions have ended. mu is held; the
// result is for drained.
func (st *stream) ended() (over bool) {
	if st.recvClosed() && st.sendClosed() {
		return st.c.remove(st, endedWell)
	}
	return false
}

// take reads what has come into p, in order and never across the end of a frame.
// It waits for the first byte.
func (st *stream) take(p []byte) (int, error) {
	c := st.c
	c.mu.Lock()
	for {
		switch {
		case st.given != nil:
			err := st.given
			c.mu.Unlock()
			return 0, err
		case st.early.Load():
			c.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case st.inbox.size > 0 && len(p) > 0:
			return st.copyOut(p)
		case st.recvEnd:
			c.mu.Unlock()
			return 0, io.EOF
		case st.recvErr != nil:
			err := st.recvErr
			c.mu.Unlock()
			return 0, err
		case len(p) == 0:
			c.mu.Unlock()
			return 0, nil
		}
		st.readable.Wait()
	}
}

// copyOut takes octets of one frame out of the inbox. mu is held, and released.
func (st *stream) copyOut(p []byte) (n int, _ error) {
	c := st.c
	for goesOn := true; goesOn && n < len(p) && st.inbox.size > 0; {
		from := st.inbox.next()
		st.inbox.taking = true
		c.mu.Unlock()
		m := copy(p[n:], from)
		c.mu.Lock()
		st.inbox.taking = false
		n += m
		if st.inbox.dead {
			st.inbox.release()
			break
		}
		goesOn = st.inbox.take(m)
	}
	credit := 0
	if !st.inbox.dead {
		c.count(-n)
		credit = st.took(n)
	}
	c.mu.Unlock()
	if credit > 0 {
		c.w.windowUpdate(st.id, credit)
	}
	c.budget.settle()
	return n, nil
}

// took notes that n octets were read, and returns the credit to give. mu is held.
func (st *stream) took(n int) (credit int) {
	c, w := st.c, &st.win
	if st.recvClosed() {
		w.unread -= n
		c.grown -= w.settle()
		return 0 // nothing will come
	}
	now, had := time.Now(), w.grown()
	limit := func() int { return growLimit(w.moved, c.grown-w.grown(), int(c.unread)-(w.unread-n)) }
	w.limit = limit()
	if w.limit < min(2*w.size, maxWindow) && c.reclaim(st, now) {
		w.limit = limit()
	}
	w.travelled(c.trip)
	credit = w.took(n, now, c.budget.pressure())
	c.grown += w.grown() - had
	return credit
}

// discard throws away what has come and what comes: nobody reads it. mu is held.
func (st *stream) discard(cause error) {
	if st.given == nil {
		st.given = cause
	}
	if n := st.win.drop(); n > 0 {
		st.c.count(-n)
	}
	st.c.grown -= st.win.settle()
	st.inbox.clear()
	st.readable.Broadcast()
}

// reserve waits for credit for some of n octets, and takes it.
func (st *stream) reserve(n int) (int, error) {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for flushed := false; ; {
		if st.sendErr != nil {
			return 0, st.sendErr
		}
		if st.late.Load() {
			c.unwait(st)
			return 0, os.ErrDeadlineExceeded
		}
		mine := !st.queued && len(c.waiting) == 0 || st.queued && c.waiting[0] == st
		if m := st.toSend.fits(c.toSend, min(n, pieceLimit)); m > 0 && mine {
			st.toSend -= sendWindow(m)
			c.toSend -= sendWindow(m)
			c.unwait(st)
			return m, nil
		}
		switch {
		case st.toSend > 0 && !st.queued:
			st.queued = true
			c.waiting = append(c.waiting, st)
		case st.toSend <= 0:
			c.unwait(st)
		}
		if !flushed {
			// What was kept must not wait for credit, which may depend on it.
			flushed = true
			c.mu.Unlock()
			c.w.flush()
			c.mu.Lock()
			continue
		}
		st.writable.Wait()
	}
}

// reserveNow takes credit for n octets where all of it is there.
func (st *stream) reserveNow(n int) bool {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.sendErr != nil || st.queued || len(c.waiting) > 0 || st.toSend.fits(c.toSend, n) < n {
		return false
	}
	st.toSend -= sendWindow(n)
	c.toSend -= sendWindow(n)
	return true
}

// refund gives credit of the connection back that was taken for n octets which were
// not sent, for their stream was given up. Others wait for it.
func (st *stream) refund(n int) {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.toSend += sendWindow(n)
	if len(c.waiting) > 0 {
		c.waiting[0].writable.Signal()
	}
}

// send queues octets of the body for which there is credit.
func (st *stream) send(p []byte, end bool, u urgency) error {
	given := st.givenUp
	if end {
		given = st.gone.Load // an end is not late: it asks for no credit
	}
	err := st.c.w.data(st.id, p, end, u, given)
	if err == nil {
		return nil
	}
	st.refund(len(p))
	return st.sendFailed(err)
}

// givenUp tells that nobody waits any more for what is being sent.
func (st *stream) givenUp() bool { return st.gone.Load() || st.late.Load() }

// sendFailed says why nothing more can be sent.
func (st *stream) sendFailed(err error) error {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case st.sendErr != nil:
		return st.sendErr
	case c.dead != nil:
		e := *c.dead
		e.Phase = flow.InBody
		return &e
	}
	cause, text := fault.CauseOf(err, c.peer.String())
	if c.peer == flow.AtClient && cause == flow.ClosedEarly {
		cause = flow.LeftByClient
	}
	return &flow.Error{Peer: c.peer, Phase: flow.InBody, Cause: cause, Err: fault.Say(st.what(1-st.in)+": "+text, err)}
}

// ends notes that END_STREAM is about to be sent: the peer may open another
// stream as soon as it has it, before sent is called.
func (st *stream) ends() {
	c := st.c
	c.mu.Lock()
	if c.streams[st.id] == st && st.recvClosed() && !st.ending {
		st.ending = true
		c.ending++
	}
	c.mu.Unlock()
}

// sent notes that END_STREAM was sent.
func (st *stream) sent() {
	c := st.c
	c.mu.Lock()
	st.sendEnd = true
	st.gone.Store(true)
	c.unwait(st)
	over := st.ended()
	c.mu.Unlock()
	if over {
		c.drained()
	}
}

// ready tells that take would not wait.
func (st *stream) ready() bool {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	return st.given != nil || st.inbox.size > 0 || st.recvClosed()
}

// malformed breaks the stream for a fault of the peer; told says that the peer
// was told, which it is not when the stream has ended meanwhile.
func (st *stream) malformed(f *streamFault) (told bool) {
	c := st.c
	c.mu.Lock()
	e := &flow.Error{Peer: c.peer, Phase: st.phase(), Cause: flow.Malformed, Status: 400,
		Err: fmt.Errorf("%s: %s", st.what(st.in), f.text)}
	if f.code == h2.ErrCodeEnhanceYourCalm {
		e.Cause = flow.TooLarge
	}
	if c.peer == flow.AtServer {
		e.Status = 502
	}
	c.mu.Unlock()
	told = st.reset(f.code, e)
	if st.server != nil {
		// Only now: who is told that the peer has gone ends the stream in another way.
		c.mu.Lock()
		st.server.left(e)
		c.mu.Unlock()
	}
	return told
}

// refused breaks a stream that the peer will not process: its GOAWAY said so.
func (st *stream) refused(code h2.ErrCode, text string) {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &flow.Error{Peer: c.peer, Phase: st.phase(), Cause: flow.RefusedRequest, Code: uint64(code),
		Err: fmt.Errorf("%s: the %s takes no more requests on this connection: %s%s", st.what(st.in), c.peer, codeText(uint64(code)), text)}
	st.breakIn(e)
	st.breakOut(e)
	c.remove(st, endedWell)
}
