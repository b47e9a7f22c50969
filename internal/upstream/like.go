package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/clienthello"
)

// A Greeting is how a server is greeted for a client, so that it sees a
// ClientHello like the client's.
type Greeting struct {
	hello *clienthello.Hello
	way   way
}

// way is what makes a hello that is like the client's.
type way uint8

const (
	repeated   way = iota // what the client said
	plain                 // crypto/tls, which the client is, too
	fresh                 // the same, without tickets for resumption
	older                 // plain, as it was before Go 1.26: with fewer groups
	olderFresh            // fresh, as it was then
	ways
)

// olderGroups are those of crypto/tls before Go 1.26.
var olderGroups = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// Like returns how servers are to be greeted for a client that said h, nil for
// our own way. It copies h.
func (d *Dialer) Like(h *clienthello.Hello) *Greeting {
	t := d.now()
	if t.TLS.OwnHello {
		return nil
	}
	like := h.Shape()
	if len(like.Body) > maxGreeting {
		return t.greeting(like)
	}
	return t.greetings.get(sha256.Sum256(like.Body), func() *Greeting { return t.greeting(like) })
}

func (t *terms) greeting(like *clienthello.Hello) *Greeting {
	for w, own := range t.ownHello() {
		if own != nil && like.Alike(own) {
			like.Body = nil
			return &Greeting{like, way(w)}
		}
	}
	return &Greeting{like, repeated}
}

const (
	// maxGreetings bounds the greetings that are known.
	maxGreetings = 64
	// maxGreeting is how large a hello may be to be known: others are rare.
	maxGreeting = 4 << 10
)

// greetings are known by the shape of what the client said: its many connections
// share one. Past maxGreetings any one is forgotten. The zero value is empty.
type greetings struct {
	mu    sync.Mutex // guards known
	known map[[sha256.Size]byte]*Greeting
}

func (g *greetings) get(shape [sha256.Size]byte, find func() *Greeting) *Greeting {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.known[shape]; known != nil {
		return known
	}
	if g.known == nil {
		g.known = make(map[[sha256.Size]byte]*Greeting)
	}
	if len(g.known) >= maxGreetings {
		for old := range g.known { // any one will do
			delete(g.known, old)
			break
		}
	}
	found := find()
	g.known[shape] = found
	return found
}

// ownHellos are what our own hellos look like, by way; nil where that cannot be
// told.
func (t *terms) ownHellos() (own [ways]*clienthello.Hello) {
	for w := plain; w < ways; w++ {
		var sent sink
		cfg := t.tls.Clone()
		cfg.ServerName = "any.invalid"
		w.onto(cfg)
		if cfg.ClientSessionCache != nil {
			cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		_ = tls.Client(&sent, cfg).Handshake() // nobody answers
		if h, err := clienthello.Parse(sent.Bytes()); err == nil {
			own[w] = h
		}
	}
	return own
}

// onto makes cfg as a client of crypto/tls has it that sets nothing.
func (w way) onto(cfg *tls.Config) {
	cfg.CipherSuites = nil
	if w == fresh || w == olderFresh {
		cfg.ClientSessionCache = nil
	}
	if w == older || w == olderFresh {
		cfg.CurvePreferences = olderGroups
	}
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
func (t *terms) repeats(unlike *memory[string, struct{}], g *Greeting, serverName, address string) bool {
	if t.TLS.MinVersion > tls.VersionTLS12 || t.TLS.MaxVersion != 0 || g.hello.Version < tls.VersionTLS12 || t.legacy(serverName, address) {
		return false
	}
	_, known := unlike.get(address)
	return !known
}

// likeError is within the error of a handshake that may have failed because the
// hello was like the client's, and promised what we cannot keep.
type likeError struct{ error }

func (e *likeError) Unwrap() error { return e.error }

// misunderstood tells of a failed handshake that another hello may mend.
func misunderstood(err *flow.Error) bool {
	return err.Cause != flow.Untrusted && err.Cause != flow.Timeout && err.Cause != flow.LeftByClient && !errors.Is(err, errNoProtocol)
}

// reconsider remembers a server that took what the client's words promise at its
// word later: one that asks for a certificate after the handshake, which a client
// of TLS 1.3 allows in its hello (RFC 8446 section 4.2.6). It is told nothing of the
// kind the next time.
func (c *Conn) reconsider(err error) {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "local error" && strings.Contains(op.Err.Error(), "unexpected message") {
		c.dialer.unlike.put(c.dial.Address, struct{}{})
	}
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
