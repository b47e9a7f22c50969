package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Conn is a connection to a client or a server, plain or with TLS on it.
type Conn struct {
	net.Conn // what Read and Write go to: the wire, or TLS on it
	wire     *wire
	tls      Secured // nil without TLS
	input    tlsInput
	lent     *buffer // for a large record, while TLS has something of it
	took     bool    // TLS works in a record that was read ahead
	over     bool    // TLS has said how reading ended
	one      [1]byte // read by Ready, and served by the next Read
	hasOne   bool
}

// Secured is TLS on a connection: a *tls.Conn, or what does the same.
type Secured interface {
	net.Conn
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
	CloseWrite() error
}

// New returns a Conn on nc and takes it over.
func New(nc net.Conn) *Conn {
	w := newWire(nc)
	return &Conn{Conn: w, wire: w}
}

// TLSServer shakes hands as a server and returns the secured connection; c must
// not be used any more. On an error c is left open, so that the caller can
// choose how to close it.
func (c *Conn) TLSServer(ctx context.Context, cfg *tls.Config) (*Conn, error) {
	return c.Secure(ctx, func(nc net.Conn) (Secured, error) { return tls.Server(nc, cfg), nil })
}

// TLSClient is TLSServer for the other end.
func (c *Conn) TLSClient(ctx context.Context, cfg *tls.Config) (*Conn, error) {
	return c.Secure(ctx, func(nc net.Conn) (Secured, error) { return tls.Client(nc, cfg), nil })
}

// Secure is TLSServer with the TLS that over puts on the connection.
func (c *Conn) Secure(ctx context.Context, over func(net.Conn) (Secured, error)) (*Conn, error) {
	w := c.wire
	if c.tls != nil {
		w = newWire(c) // TLS within TLS
	}
	t, err := over(w)
	if err != nil {
		return nil, err
	}
	w.records = true
	// What a handshake step writes (a whole flight) leaves in one piece: crypto/tls
	// buffers a flight itself.
	if err := t.HandshakeContext(ctx); err != nil {
		if w.alert != 0 && ctx.Err() == nil {
			err = &net.OpError{Op: "remote error", Net: "tcp", Err: tls.AlertError(w.alert)}
		}
		return nil, err
	}
	input := inputOf(t)
	input.shed()
	return &Conn{Conn: t, wire: w, tls: t, input: input}, nil
}

// Read reads what has come, and never waits for more than one octet.
func (c *Conn) Read(p []byte) (int, error) {
	if !c.hasOne || len(p) == 0 {
		return c.read(p)
	}
	c.hasOne = false
	p[0] = c.one[0]
	c.wire.dry = true
	n, _ := c.read(p[1:]) // an error comes again
	c.wire.dry = false
	return 1 + n, nil
}

func (c *Conn) read(p []byte) (int, error) {
	if c.tls == nil {
		return c.Conn.Read(p)
	}
	return c.decrypt(p)
}

// Ready tells that a Read would not have to wait for the peer: something has
// been read ahead. It may be false when a Read would not wait. It belongs to
// the reader.
func (c *Conn) Ready() bool {
	if c.hasOne {
		return true
	}
	if c.tls == nil {
		return c.wire.buffered() > 0
	}
	if c.input.found() && c.input.plain.Len() > 0 {
		return true
	}
	if !c.wire.ready() {
		if c.wire.refill(); !c.wire.ready() {
			return false
		}
	}
	// A record may carry no data (a session ticket, a key update): only its
	// first octet tells.
	return c.decrypted()
}

// Writable tells whether a Write would be taken at once, as far as can be told.
// It belongs to the writer.
func (c *Conn) Writable() bool { return c.wire.writable() }

// WriteRoom is Write, but it does not wait for room: the end of p that there is none
// for is kept, until Settle, AwaitWrite, a Write or CloseWrite sends it. It belongs
// to the writer.
func (c *Conn) WriteRoom(p []byte) (int, error) {
	c.wire.rest.keep.Store(true)
	n, err := c.Write(p)
	c.wire.rest.keep.Store(false)
	return n, err
}

// UncorkRoom is Uncork as WriteRoom is Write.
func (c *Conn) UncorkRoom() error {
	c.wire.rest.keep.Store(true)
	err := c.wire.uncork()
	c.wire.rest.keep.Store(false)
	return err
}

// Settle waits until what WriteRoom has kept is sent.
func (c *Conn) Settle() error { return c.wire.settle() }

// AwaitWrite waits until the peer has made room, so that who has something to
// write need not hold it meanwhile. A deadline or Close ends the wait.
func (c *Conn) AwaitWrite() error { return c.wire.awaitWrite() }

// AwaitRead waits until the peer has sent something or ended, so that who waits
// long need not hold a buffer, nor a deep stack. It may return early; a Read
// says what there is. A deadline or Close ends the wait.
func (c *Conn) AwaitRead() {
	if c.hasOne || c.wire.raw == nil {
		return
	}
	if c.tls != nil && (c.pending() || c.wire.buffered() > 0) && c.decrypted() {
		return
	}
	c.wire.awaitRead()
}

// decrypted asks TLS for what has come, without the socket, and tells whether
// that is more than nothing.
//
//go:noinline
func (c *Conn) decrypted() bool {
	c.wire.dry = true
	n, err := c.decrypt(c.one[:])
	c.wire.dry = false
	c.hasOne = n == 1
	return n == 1 || err != nil && !errors.Is(err, errDry)
}

// Peek returns up to n of the octets that come next without consuming them;
// it waits until there are at least min. At the end of the stream it returns
// what there is with the error. n is at most 16 KiB, and it must not be
// called on a secured Conn.
func (c *Conn) Peek(min, n int) ([]byte, error) {
	w := c.wire
	if c.tls != nil {
		return nil, errors.New("transport: peek below TLS")
	}
	if n > recordSize || min > n {
		return nil, fmt.Errorf("transport: peek of %d octets, more than %d", n, recordSize)
	}
	for w.buffered() < min {
		w.widen(n)
		if err := w.fill(); err != nil {
			return w.peeked(n), err
		}
	}
	return w.peeked(n), nil
}

// Await waits until an octet has come, which stays to be read. It belongs to the
// reader.
func (c *Conn) Await() error {
	if c.hasOne {
		return nil
	}
	if c.tls == nil {
		_, err := c.Peek(1, 1)
		return err
	}
	n, err := c.decrypt(c.one[:])
	if c.hasOne = n == 1; c.hasOne {
		return nil
	}
	return err
}

// widen makes room for n octets where the buffer is full.
func (w *wire) widen(n int) {
	if w.ahead == nil || w.w-w.r < len(w.ahead.b) || n <= len(w.ahead.b) {
		return
	}
	wide := &buffer{b: make([]byte, recordSize)}
	w.w = copy(wide.b, w.ahead.b[w.r:w.w])
	w.r = 0
	w.ahead.put()
	w.ahead = wide
}

func (w *wire) peeked(n int) []byte {
	if w.ahead == nil {
		return nil
	}
	return w.ahead.b[w.r:min(w.w, w.r+n)]
}

// Cork keeps what is written from now on until Uncork, up to 132 KiB. It
// belongs to the writer.
func (c *Conn) Cork() { c.wire.cork() }

// Uncork sends what was kept.
func (c *Conn) Uncork() error { return c.wire.uncork() }

// TLS returns the state of the TLS connection, nil without one.
func (c *Conn) TLS() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	s := c.tls.ConnectionState()
	return &s
}

// Unnotified tells, after Read has returned io.EOF, that the peer closed the
// connection without the close_notify that TLS asks for (RFC 8446 section 6.1).
func (c *Conn) Unnotified() bool { return c.tls != nil && c.wire.readEnd != nil }

// CloseWrite ends the writing direction: close_notify with TLS, then FIN. Where the
// peer has closed its socket, there is no direction left to end: that is no error,
// and whether all has reached it is for the reading direction to tell.
func (c *Conn) CloseWrite() error {
	if err := c.wire.settle(); err != nil {
		return err
	}
	if c.tls != nil {
		if err := c.tls.CloseWrite(); err != nil {
			return err
		}
	}
	if cw, ok := c.wire.Conn.(interface{ CloseWrite() error }); ok {
		if err := cw.CloseWrite(); !errors.Is(err, syscall.ENOTCONN) {
			return err
		}
	}
	return nil
}

// Reset closes the connection so that the peer sees a failure: without
// close_notify, and with a TCP reset where the system allows.
func (c *Conn) Reset() error {
	switch nc := c.wire.Conn.(type) {
	case interface{ Reset() error }: // a Conn, or a stream that carries a connection
		return nc.Reset()
	case *net.TCPConn:
		nc.SetLinger(0)
		return nc.Close()
	default:
		return nc.Close()
	}
}

// WriteTo copies to w until the end, without passing through user memory where
// the system allows: for raw tunnels.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	if c.tls == nil {
		for c.wire.buffered() > 0 {
			p := c.wire.peeked(largeSize)
			m, err := w.Write(p)
			n += int64(m)
			c.wire.r += m
			if err != nil {
				return n, err
			}
			if c.wire.r == c.wire.w {
				c.wire.release()
			}
		}
		m, err := io.Copy(w, c.wire.Conn)
		return n + m, err
	}
	return io.Copy(w, struct{ io.Reader }{c})
}

// ReadFrom copies from r until its end, as WriteTo does.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if c.tls == nil && !c.wire.corked.Load() && !c.wire.rest.any() {
		return io.Copy(c.wire.Conn, r)
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}
