package http2

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// serve reads frames until the connection ends, and returns when nothing of the
// connection runs any more.
func (c *conn) serve() {
	err := c.read()
	why, code, text := c.readError(err)
	c.fail(why, code, text)
	if c.lingers(err) {
		c.linger()
	}
	<-c.writerDone
	c.nc.Close()
}

// lingers tells that the peer may still have to read why the connection ends.
func (c *conn) lingers(err error) bool {
	_, fault := errors.AsType[*connFault](err)
	return fault || err == errOver && c.peer == flow.AtClient
}

var errOver = errors.New("the connection has been ended here")

// linger reads away what a peer still sends, so that no reset destroys the GOAWAY
// that it has not read yet.
func (c *conn) linger() {
	var p [1 << 10]byte
	for n := 0; n < lingerOctets; {
		m, err := c.nc.Read(p[:])
		if n += m; err != nil {
			return
		}
	}
}

func (c *conn) read() error {
	for {
		fh, err := c.fr.ReadFrameHeader()
		if err != nil {
			return c.frameError(err)
		}
		if c.isDead() {
			return errOver
		}
		if !c.opened && (fh.Type != h2.FrameSettings || fh.Flags.Has(h2.FlagSettingsAck)) {
			return breaksConn(h2.ErrCodeProtocol, "the first frame is %s and not SETTINGS", fh.Type)
		}
		switch fh.Type {
		case h2.FrameData:
			err = c.readData(fh)
		case h2.FrameWindowUpdate:
			err = c.readWindowUpdate(fh)
		default:
			err = c.readOther(fh)
		}
		if err == nil {
			continue
		}
		if f, ok := errors.AsType[*streamFault](err); ok {
			if err = c.resetFor(f); err == nil {
				continue
			}
		}
		return err
	}
}

func (c *conn) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead != nil
}

// frameError makes what the Framer says a fault of the peer, where it is one.
func (c *conn) frameError(err error) error {
	if errors.Is(err, h2.ErrFrameTooLarge) {
		return breaksConn(h2.ErrCodeFrameSize, "a frame of more than %d octets", maxFrame)
	}
	var ce h2.ConnectionError
	if errors.As(err, &ce) {
		text := h2.ErrCode(ce).String()
		if d := c.fr.ErrorDetail(); d != nil {
			text = d.Error()
		}
		return breaksConn(h2.ErrCode(ce), "%s", text)
	}
	var se h2.StreamError
	if errors.As(err, &se) {
		return breaksStream(se.StreamID, se.Code, "a %s frame is not one", se.Code)
	}
	return err
}

// resetFor breaks one stream for a fault of the peer.
func (c *conn) resetFor(f *streamFault) error {
	if !c.meter.spend(time.Now()) {
		return breaksConn(h2.ErrCodeEnhanceYourCalm, "too many streams that had to be reset, the last because of %s", f.text)
	}
	c.mu.Lock()
	st := c.streams[f.id]
	c.mu.Unlock()
	if st != nil && st.malformed(f) {
		return nil
	}
	c.mu.Lock()
	c.closed.add(f.id, resetByUs)
	c.mu.Unlock()
	c.w.control(func(fr *h2.Framer) { fr.WriteRSTStream(f.id, f.code) })
	return nil
}

func (c *conn) readWindowUpdate(fh h2.FrameHeader) error {
	if fh.Length != 4 {
		return breaksConn(h2.ErrCodeFrameSize, "a WINDOW_UPDATE of %d octets", fh.Length)
	}
	if _, err := io.ReadFull(&c.src, c.small[:4]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(c.small[:4]) &^ (1 << 31))
	c.mu.Lock()
	defer c.mu.Unlock()
	if fh.StreamID == 0 {
		if n == 0 {
			return breaksConn(h2.ErrCodeProtocol, "a WINDOW_UPDATE of 0")
		}
		if !c.toSend.add(n) {
			return breaksConn(h2.ErrCodeFlowControl, "a window of more than %d octets", largestWindow)
		}
		if len(c.waiting) > 0 {
			c.waiting[0].writable.Signal()
		}
		c.opening.widened(n)
		return nil
	}
	st := c.streams[fh.StreamID]
	switch {
	case st == nil && c.isIdle(fh.StreamID):
		return breaksConn(h2.ErrCodeProtocol, "WINDOW_UPDATE on stream %d, which was not opened", fh.StreamID)
	case st == nil:
		return nil // it has ended, which the peer could not know yet
	case n == 0:
		return breaksStream(fh.StreamID, h2.ErrCodeProtocol, "a WINDOW_UPDATE of 0")
	case !st.toSend.add(n):
		return breaksStream(fh.StreamID, h2.ErrCodeFlowControl, "a window of more than %d octets", largestWindow)
	}
	st.writable.Signal()
	return nil
}

// readOther takes all frames that do not come by the thousand.
func (c *conn) readOther(fh h2.FrameHeader) error {
	f, err := c.fr.ReadFrameForHeader(fh)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && fh.Length < 6 && (fh.Type == h2.FrameHeaders || fh.Type == h2.FramePushPromise) {
			return breaksConn(h2.ErrCodeFrameSize, "a %s frame of %d octets", fh.Type, fh.Length)
		}
		return c.frameError(err)
	}
	switch f := f.(type) {
	case *h2.HeadersFrame:
		return c.readHeaders(f)
	case *h2.SettingsFrame:
		return c.readSettings(f)
	case *h2.PingFrame:
		if !f.IsAck() {
			c.w.control(func(fr *h2.Framer) { fr.WritePing(true, f.Data) })
		}
	case *h2.RSTStreamFrame:
		return c.readReset(f)
	case *h2.GoAwayFrame:
		return c.readGoAway(f)
	case *h2.PushPromiseFrame:
		return breaksConn(h2.ErrCodeProtocol, "PUSH_PROMISE, which was not allowed")
	case *h2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return breaksStream(f.StreamID, h2.ErrCodeProtocol, "a stream that depends on itself")
		}
		c.opening.priority(f)
		c.side.prioritized(f.StreamID, flow.PriorityChange{Tree: &flow.Priority{
			Stream: f.StreamID, DependsOn: f.StreamDep, Exclusive: f.Exclusive, Weight: f.Weight}})
	case *h2.PriorityUpdateFrame:
		return c.readPriorityUpdate(f)
	}
	return nil // CONTINUATION is read with its HEADERS; the rest is for extensions
}

func (c *conn) readSettings(f *h2.SettingsFrame) error {
	if f.IsAck() {
		if credit := c.acknowledged(); credit > 0 {
			c.w.windowUpdate(0, credit)
		}
		return nil
	}
	if c.opened && !c.meter.spend(time.Now()) || f.NumSettings() > settingsInOneGo {
		return breaksConn(h2.ErrCodeEnhanceYourCalm, "too many SETTINGS")
	}
	err := f.ForeachSetting(func(s h2.Setting) error {
		if err := s.Valid(); err != nil {
			return c.frameError(err)
		}
		switch s.ID {
		case h2.SettingInitialWindowSize:
			return c.changeWindows(int64(s.Val))
		case h2.SettingMaxConcurrentStreams:
			c.mu.Lock()
			c.peerMax = int(min(s.Val, 1<<30))
			c.mu.Unlock()
		case h2.SettingEnableConnectProtocol:
			c.mu.Lock()
			c.extended = s.Val == 1
			c.mu.Unlock()
		default:
			c.w.settings(s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !c.opened {
		c.opening.settings(f)
	}
	c.mu.Lock()
	c.opened = true
	c.meet()
	c.mu.Unlock()
	c.w.control(func(fr *h2.Framer) { fr.WriteSettingsAck() })
	return nil
}

// changeWindows applies a SETTINGS_INITIAL_WINDOW_SIZE to all streams (RFC 9113
// section 6.9.2).
func (c *conn) changeWindows(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delta := n - c.initial
	c.initial = n
	for _, st := range c.streams {
		if !st.toSend.add(delta) {
			return breaksConn(h2.ErrCodeFlowControl, "a window of more than %d octets", largestWindow)
		}
		st.writable.Signal()
	}
	return nil
}

func (c *conn) readReset(f *h2.RSTStreamFrame) error {
	c.mu.Lock()
	st := c.streams[f.StreamID]
	idle := st == nil && c.isIdle(f.StreamID)
	c.mu.Unlock()
	switch {
	case idle:
		return breaksConn(h2.ErrCodeProtocol, "RST_STREAM on stream %d, which was not opened", f.StreamID)
	case st == nil:
		return nil
	}
	st.wasReset(f.ErrCode)
	if !c.meter.spend(time.Now()) {
		return breaksConn(h2.ErrCodeEnhanceYourCalm, "too many streams reset")
	}
	return nil
}

// isIdle tells whether a stream has never been opened. mu is held.
func (c *conn) isIdle(id uint32) bool {
	if id%2 == c.nextID%2 { // one of ours
		return id >= c.nextID
	}
	return id > c.lastPeer
}

// readGoAway notes that the peer takes no more streams, and breaks those that it
// will not process (RFC 9113 section 6.8).
func (c *conn) readGoAway(f *h2.GoAwayFrame) error {
	text := ""
	if d := f.DebugData(); len(d) > 0 {
		text = " (" + flow.Quote(string(d)) + ")"
	}
	if c.peer == flow.AtClient {
		return nil // it allows no pushed streams, and there are none
	}
	c.mu.Lock()
	c.goaway = true
	var refused []*stream
	for id, st := range c.streams {
		if st.call != nil && id > f.LastStreamID {
			refused = append(refused, st)
		}
	}
	empty := len(c.streams) == len(refused)
	c.mu.Unlock()
	c.side.died()
	for _, st := range refused {
		st.refused(f.ErrCode, text)
	}
	if empty {
		return errOver
	}
	return nil
}
