package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"

	"midstream/internal/body"
	"midstream/internal/clienthello"
	"midstream/internal/transport"
)

// conn is a connection whose next octets can be looked at before somebody
// reads them, also when they come out of TLS or are many.
type conn struct {
	*transport.Conn
	head []byte // was read to be looked at; goes to readers first
}

var _ body.Duplex = (*conn)(nil)

// peekAhead is what a plain connection can show without a copy.
const peekAhead = 16 << 10

// peek returns at least min of the octets that come next, and more where they
// are here already. At the end it returns what there is with the error.
func (c *conn) peek(min int) ([]byte, error) {
	if c.TLS() == nil && len(c.head) == 0 && min <= peekAhead {
		return c.Conn.Peek(min, peekAhead)
	}
	for len(c.head) < min {
		p := make([]byte, max(4<<10, min-len(c.head)))
		n, err := c.Conn.Read(p)
		c.head = append(c.head, p[:n]...)
		if err != nil && len(c.head) < min {
			return c.head, err
		}
	}
	return c.head, nil
}

// Await waits until an octet has come, which stays to be read.
func (c *conn) Await() error {
	_, err := c.peek(1)
	return err
}

// Read returns what was looked at, then what comes.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		if c.head = c.head[n:]; len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// Ready tells that a Read would not wait.
func (c *conn) Ready() bool { return len(c.head) > 0 || c.Conn.Ready() }

// AwaitRead waits until a Read may have something to return.
func (c *conn) AwaitRead() {
	if len(c.head) == 0 {
		c.Conn.AwaitRead()
	}
}

// protocol is what was agreed upon by ALPN, "" without; secured tells whether there
// is TLS. The large state of TLS stays out of the callers' frames, which live long.
//
//go:noinline
func (c *conn) protocol() (name string, secured bool) {
	if state := c.TLS(); state != nil {
		return state.NegotiatedProtocol, true
	}
	return "", false
}

// WriteTo copies to w until the end.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	n := int64(0)
	if len(c.head) > 0 {
		m, err := w.Write(c.head)
		n, c.head = int64(m), nil
		if err != nil {
			return n, err
		}
	}
	m, err := c.Conn.WriteTo(w)
	return n + m, err
}

// server shakes hands as a server; c must not be used afterwards.
func (c *conn) server(ctx context.Context, cfg *tls.Config) (*conn, error) {
	under := c.Conn
	if len(c.head) > 0 {
		under = transport.New(c)
	}
	t, err := under.TLSServer(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: t}, nil
}

// peekHello looks at a ClientHello. It returns clienthello.ErrNot when the next octets
// are none; the octets stay to be read.
func (c *conn) peekHello() (*clienthello.Hello, error) {
	for min := 5; ; {
		p, err := c.peek(min)
		h, perr := clienthello.Parse(p)
		if !errors.Is(perr, clienthello.ErrMore) {
			return h, perr
		}
		if err != nil {
			return nil, err
		}
		if len(p) > clienthello.MaxSize+clienthello.MaxSize/4 {
			return nil, clienthello.ErrNot
		}
		min = len(p) + 1
	}
}
