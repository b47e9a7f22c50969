package http2

import (
	"net"
	"os"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
)

// duplex is a stream that carries a raw connection (RFC 9113 section 8.5, RFC 8441).
// It implements body.Duplex and net.Conn.
type duplex struct {
	st   *stream
	sink *sink
	// failure is the code that tells the peer of a connection that broke.
	failure h2.ErrCode
}

var (
	_ body.Duplex = (*duplex)(nil)
	_ net.Conn    = (*duplex)(nil)
)

// newDuplex makes a raw connection of a stream whose request asked for protocol,
// "" for TCP: a broken WebSocket is not the failure of a connection behind (RFC
// 8441 section 5).
func newDuplex(st *stream, s *sink, protocol string) *duplex {
	d := &duplex{st: st, sink: s, failure: h2.ErrCodeConnect}
	if protocol != "" {
		d.failure = h2.ErrCodeCancel
	}
	return d
}

// Read returns what has come.
func (d *duplex) Read(p []byte) (int, error) { return d.st.take(p) }

// Ready tells that a Read would return at once.
func (d *duplex) Ready() bool { return d.st.ready() }

// Write sends p.
func (d *duplex) Write(p []byte) (int, error) {
	n, err := d.sink.Write(p)
	if err != nil && d.st.late.Load() {
		return n, os.ErrDeadlineExceeded
	}
	return n, err
}

// CloseWrite ends the writing direction.
func (d *duplex) CloseWrite() error {
	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()
	return d.closeWrite()
}

// closeWrite is CloseWrite with sink.mu held.
func (d *duplex) closeWrite() error {
	if d.sink.closed {
		return nil
	}
	d.sink.closed = true
	return d.sink.end(nil)
}

// Close ends both directions. A Write that waits fails.
func (d *duplex) Close() error {
	code := h2.ErrCodeCancel
	var err error
	if d.sink.mu.TryLock() {
		if err = d.closeWrite(); err == nil && d.st.server != nil {
			code = h2.ErrCodeNo // all was sent, and no more is wanted (section 8.1)
		}
		d.sink.mu.Unlock()
	}
	d.st.retire(code, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.NotNeeded, Err: errGiven})
	d.SetDeadline(time.Time{})
	return err
}

// Reset ends the stream so that the peer sees a failure.
func (d *duplex) Reset() error {
	d.st.reset(d.failure, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errGiven})
	d.SetDeadline(time.Time{})
	return nil
}

// LocalAddr and RemoteAddr are those of the connection that the stream is on.
func (d *duplex) LocalAddr() net.Addr  { return d.st.c.nc.LocalAddr() }
func (d *duplex) RemoteAddr() net.Addr { return d.st.c.nc.RemoteAddr() }

// SetDeadline sets both deadlines, as net.Conn has it.
func (d *duplex) SetDeadline(t time.Time) error {
	d.SetReadDeadline(t)
	return d.SetWriteDeadline(t)
}

// SetReadDeadline and SetWriteDeadline bound how long a Read or Write waits, also
// one that waits now.
func (d *duplex) SetReadDeadline(t time.Time) error  { d.st.setDeadline(&d.st.early, t); return nil }
func (d *duplex) SetWriteDeadline(t time.Time) error { d.st.setDeadline(&d.st.late, t); return nil }
