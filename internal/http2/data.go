package http2

import (
	"io"
	"time"

	h2 "golang.org/x/net/http2"
)

// readData takes a DATA frame: straight into the inbox of its stream.
func (c *conn) readData(fh h2.FrameHeader) error {
	if fh.StreamID == 0 {
		return breaksConn(h2.ErrCodeProtocol, "DATA on stream 0")
	}
	total := int(fh.Length)
	n, pad := total, 0
	if fh.Flags.Has(h2.FlagDataPadded) {
		if n == 0 {
			return breaksConn(h2.ErrCodeFrameSize, "a padded DATA frame without octets")
		}
		if _, err := io.ReadFull(&c.src, c.small[:1]); err != nil {
			return err
		}
		pad = int(c.small[0])
		if n -= 1 + pad; n < 0 {
			return breaksConn(h2.ErrCodeProtocol, "DATA with more padding than it has octets")
		}
	}
	end := fh.Flags.Has(h2.FlagDataEndStream)
	if n == 0 && !end && !c.meter.spend(time.Now()) {
		return breaksConn(h2.ErrCodeEnhanceYourCalm, "too many DATA frames without octets")
	}
	st, keep, fault := c.admitData(fh.StreamID, total, n)
	if _, ok := fault.(*connFault); ok {
		return fault
	}
	over := false
	var err error
	if keep && end && n > 0 {
		// Who reads the last octets knows that they are the last; padding says no more.
		over, fault, err = c.fillLast(st, n)
	} else {
		err = c.fill(st, n, keep)
	}
	if err != nil {
		return err
	}
	if err := c.skip(pad); err != nil {
		return err
	}
	c.mu.Lock()
	credit := c.credited(total)
	streamCredit, shrink := 0, false
	if keep {
		shrink = c.calmed(st)
		st.inbox.commit(0, false)
		if total > n && !end {
			streamCredit = st.win.credit()
		}
		if end && fault == nil && !st.recvEnd {
			over, fault = st.endIn()
		}
		st.readable.Broadcast()
	}
	c.mu.Unlock()
	if credit > 0 {
		c.w.windowUpdate(0, credit)
	}
	if streamCredit > 0 {
		c.w.windowUpdate(fh.StreamID, streamCredit)
	}
	if shrink {
		c.shrink()
	}
	if over {
		c.drained()
	}
	return fault
}

// admitData decides on a DATA frame with n octets of data, total with padding. A
// stream fault is to be returned after the payload has been read.
func (c *conn) admitData(id uint32, total, n int) (st *stream, keep bool, fault error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if total > c.recvAvail {
		return nil, false, breaksConn(h2.ErrCodeFlowControl, "more DATA than the connection's window has room for")
	}
	c.recvAvail -= total
	if st = c.streams[id]; st == nil {
		if c.isIdle(id) {
			return nil, false, breaksConn(h2.ErrCodeProtocol, "DATA on stream %d, which was not opened", id)
		}
		if c.closed.how(id) == resetByUs {
			return nil, false, nil
		}
		return nil, false, breaksStream(id, h2.ErrCodeStreamClosed, "DATA on a stream that has ended")
	}
	switch {
	case st.recvEnd:
		return nil, false, breaksStream(id, h2.ErrCodeStreamClosed, "DATA after the end of the %s", st.in)
	case !st.headed:
		return nil, false, breaksStream(id, h2.ErrCodeProtocol, "DATA before the head of the %s", st.in)
	case !st.win.received(total, n):
		return nil, false, breaksStream(id, h2.ErrCodeFlowControl, "more DATA than the stream's window has room for")
	}
	if st.win.answers() {
		st.win.answered(time.Now())
	}
	st.came += int64(n)
	if st.declared >= 0 && st.came > st.declared {
		st.win.unread -= n
		return nil, false, breaksStream(id, h2.ErrCodeProtocol, "a body longer than its content-length of %d", st.declared)
	}
	if st.given != nil || st.recvErr != nil {
		st.win.unread -= n
		return nil, false, nil
	}
	c.count(n)
	return st, true, nil
}

// fill reads n octets of a frame into the inbox of st, or throws them away. What
// has arrived is shown to the reader before more of the frame is waited for.
func (c *conn) fill(st *stream, n int, keep bool) error {
	if !keep {
		return c.skip(n)
	}
	_, _, err := c.fillTo(st, n, false)
	return err
}

// fillLast is fill for the last octets of the body. Fault breaks the stream; over is
// as of stream.ended.
func (c *conn) fillLast(st *stream, n int) (over bool, fault, err error) {
	return c.fillTo(st, n, true)
}

func (c *conn) fillTo(st *stream, n int, last bool) (over bool, fault, err error) {
	for n > 0 {
		c.mu.Lock()
		if st.inbox.dead {
			c.mu.Unlock()
			return false, nil, c.skip(n)
		}
		room := st.inbox.room(n)
		st.inbox.filling = true
		c.mu.Unlock()
		room = room[:min(n, len(room))]
		got := 0
		for got < len(room) {
			var m int
			m, err = c.src.Read(room[got:])
			if got += m; err != nil || !c.src.ready() {
				break
			}
		}
		n -= got
		c.mu.Lock()
		st.inbox.filling = false
		if st.inbox.dead {
			st.inbox.release()
		} else {
			st.inbox.commit(got, n > 0)
			if last && n == 0 {
				over, fault = st.endIn()
			}
			st.readable.Broadcast()
		}
		c.mu.Unlock()
		if n > 0 && err != nil {
			return false, nil, err
		}
	}
	return over, fault, nil
}

// endIn notes that the body has come whole, unless it is shorter than its head said.
// mu is held.
func (st *stream) endIn() (over bool, fault error) {
	if fault = st.whole(); fault != nil {
		return false, fault
	}
	st.recvEnd = true
	return st.ended(), nil
}

// skip reads n octets away.
func (c *conn) skip(n int) error {
	if n == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, &c.src, int64(n))
	return err
}
