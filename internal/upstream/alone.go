package upstream

import (
	"context"
	"errors"
	"slices"

	"midstream/flow"
	"midstream/internal/http1"
)

// port is a port of a server as far as it says what is spoken there.
type port struct {
	tls     bool
	address string
}

func (pl place) port() port { return port{pl.tls, pl.address} }

// onlyHTTP2 notes a server that speaks nothing but HTTP/2: it refused what else
// was offered, or began with SETTINGS where HTTP/1.1 was to be spoken.
func (d *Dialer) onlyHTTP2(at port) {
	if d.now().HTTP2 {
		d.alone.put(at, struct{}{})
	}
}

func (d *Dialer) isAlone(at port) bool {
	_, alone := d.alone.get(at)
	return alone
}

// http2On tells whether HTTP/2 is what is spoken on a connection: that was agreed
// upon, or the server is known not to say so.
func (d *Dialer) http2On(c *Conn, pl place) bool {
	switch c.protocol() {
	case h2Name:
		return true
	case "":
		return d.isAlone(pl.port())
	}
	d.alone.forget(pl.port()) // it has learned another
	return false
}

// noteHTTP2 looks at what the server has said on a connection of HTTP/1 that is
// of no use. It tells whether that was HTTP/2.
func (d *Dialer) noteHTTP2(s *session) bool {
	if s.client == nil || !d.now().HTTP2 || !s.client.SpeaksHTTP2() {
		return false
	}
	d.onlyHTTP2(s.place.port())
	return true
}

// BeginsHTTP2 tells whether p, what a server said first over TLS on a connection
// to address (host:port), is HTTP/2, and remembers it.
func (d *Dialer) BeginsHTTP2(p []byte, address string) bool {
	return d.noteFirst(p, port{true, address})
}

// PlainBeginsHTTP2 is BeginsHTTP2 for a connection without TLS.
func (d *Dialer) PlainBeginsHTTP2(p []byte, address string) bool {
	return d.noteFirst(p, port{false, address})
}

func (d *Dialer) noteFirst(p []byte, at port) bool {
	if !d.now().HTTP2 || !http1.BeginsHTTP2(p) {
		return false
	}
	d.onlyHTTP2(at)
	return true
}

// Agree shakes hands on c, which was dialled to address (host:port) for client,
// and returns the connection to use: a server that refuses because it speaks
// nothing but HTTP/2 is asked for that on another one. Errors are those of
// Conn.Secure and Dial; no connection is left open then.
func (d *Dialer) Agree(ctx context.Context, c *Conn, client *flow.Conn, address string, as Name) (*Conn, error) {
	at := port{true, address}
	offer := as.Protocols
	if d.isAlone(at) && !slices.Contains(offer, h2Name) {
		offer = append([]string{h2Name}, offer...)
	}
	as.Protocols = offer
	agreed, err := d.Greet(ctx, c, client, as)
	if err == nil {
		return agreed, nil
	}
	if !d.now().HTTP2 || !errors.Is(err, errNoProtocol) || slices.Contains(offer, h2Name) {
		return nil, err
	}
	again, dialErr := d.Dial(ctx, client, Target{Address: address, Via: c.asked.Via})
	if dialErr != nil {
		return nil, err
	}
	as.Protocols = append([]string{h2Name}, offer...)
	if again, dialErr = d.Greet(ctx, again, client, as); dialErr != nil {
		return nil, err // what was said first says more
	}
	d.onlyHTTP2(at)
	return again, nil
}

// turnsOut asks the server of a session that has ended without a word whether it
// speaks HTTP/2: one that agreed to no protocol when HTTP/1.1 was offered, and
// agrees to HTTP/2 when that is, does not speak HTTP/1.1 and has processed
// nothing. The connection that tells is kept for the next request.
func (p *Pool) turnsOut(ctx context.Context, s *session) bool {
	d, facts := p.dialer, s.conn.Facts().TLS
	if !d.now().HTTP2 || s.client == nil || facts == nil || facts.ALPN != "" ||
		!slices.Equal(facts.Offered, http1Only) {
		return false
	}
	p.mu.Lock()
	client := p.client
	p.mu.Unlock()
	c, err := d.Dial(ctx, client, s.conn.asked)
	if err != nil || c.Secure(ctx, Name{SNI: facts.SNI, Protocols: both}) != nil {
		return false
	}
	if c.protocol() != h2Name {
		c.Close()
		return false
	}
	d.onlyHTTP2(s.place.port())
	p.Adopt(c, s.place.address)
	return true
}

// both is what is offered to a server that is asked what it speaks.
var both = []string{h2Name, "http/1.1"}
