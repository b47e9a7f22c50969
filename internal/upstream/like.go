package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"midstream/flow"
	"midstream/internal/clienthello"
)

// A Greeting is how a server is greeted for a client, so that it sees a
// ClientHello like the client's.
type Greeting struct {
	hello *clienthello.Hello
	// fresh tells that our own hello is like it as long as it resumes nothing.
	fresh bool
}

// Like returns how servers are to be greeted for a client that said h: nil where
// our own hello is like it anyway, or is to be used. It copies h.
func (d *Dialer) Like(h *clienthello.Hello) *Greeting {
	if d.cfg.TLS.OwnHello {
		return nil
	}
	own := d.ownHello()
	if own.usual != nil && h.Alike(own.usual) {
		return nil
	}
	like := *h
	if fresh := own.fresh != nil && h.Alike(own.fresh); fresh {
		like.Body = nil
		return &Greeting{&like, true}
	}
	like.Body = slices.Clone(h.Body)
	return &Greeting{&like, false}
}

// ownHellos are what our own hellos look like: with tickets for resumption, and
// without. They are nil where that cannot be told.
type ownHellos struct{ usual, fresh *clienthello.Hello }

func (d *Dialer) ownHellos() (own ownHellos) {
	said := func(sessions tls.ClientSessionCache) *clienthello.Hello {
		var sent sink
		cfg := d.tls.Clone()
		cfg.ServerName, cfg.ClientSessionCache = "any.invalid", sessions
		_ = tls.Client(&sent, cfg).Handshake() // nobody answers
		h, err := clienthello.Parse(sent.Bytes())
		if err != nil {
			return nil
		}
		return h
	}
	return ownHellos{said(tls.NewLRUClientSessionCache(1)), said(nil)}
}

// sink takes what is written to a connection of which nothing comes.
type sink struct{ bytes.Buffer }

func (*sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (*sink) Close() error                     { return nil }
func (*sink) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*sink) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*sink) SetDeadline(time.Time) error      { return nil }
func (*sink) SetReadDeadline(time.Time) error  { return nil }
func (*sink) SetWriteDeadline(time.Time) error { return nil }

// repeats tells whether a server is greeted as g says: not where the
// options say what is to be offered, nor where the client is older than they
// allow, nor with a server that did not agree before.
func (d *Dialer) repeats(g *Greeting, serverName, address string) bool {
	if d.cfg.TLS.MinVersion > tls.VersionTLS12 || d.cfg.TLS.MaxVersion != 0 || g.hello.Version < tls.VersionTLS12 || d.legacy(serverName, address) {
		return false
	}
	_, unlike := d.unlike.get(address)
	return !unlike
}

// likeError is within the error of a handshake that may have failed because the
// hello was like the client's, and promised what we cannot keep.
type likeError struct{ error }

func (e *likeError) Unwrap() error { return e.error }

// misunderstood tells of a failed handshake that another hello may mend.
func misunderstood(err *flow.Error) bool {
	return err.Cause != flow.Untrusted && err.Cause != flow.Timeout && err.Cause != flow.LeftByClient && !errors.Is(err, errNoProtocol)
}

// Greet shakes hands on c, and with our own hello on another connection where
// the server did not agree to one like the client's.
func (d *Dialer) Greet(ctx context.Context, c *Conn, client *flow.Conn, as Name) (*Conn, error) {
	err := c.Secure(ctx, as)
	if err == nil {
		return c, nil
	}
	if _, like := errors.AsType[*likeError](err); !like {
		return nil, err
	}
	again, dialErr := d.Dial(ctx, client, c.asked)
	if dialErr != nil {
		return nil, err
	}
	as.Greeting = nil
	if err := again.Secure(ctx, as); err != nil {
		return nil, err
	}
	d.log.Debug("server "+c.dial.Address+" does not agree with a ClientHello like the client's: our own is used", "server", c.dial.Address)
	d.unlike.put(c.dial.Address, struct{}{})
	return again, nil
}
