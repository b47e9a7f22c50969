package upstream

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"midstream/flow"
	"midstream/internal/clienthello"
)

func helloOf(t *testing.T, cfg *tls.Config) *clienthello.Hello {
	t.Helper()
	var sent sink
	cfg.ServerName = "h.test"
	_ = tls.Client(&sent, cfg).Handshake()
	h, err := clienthello.Parse(sent.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHowServersAreGreeted(t *testing.T) {
	resuming := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	many := &tls.Config{CipherSuites: AllCipherSuites()}
	for _, c := range []struct {
		tls    TLS
		client *tls.Config
		own    bool
		way    way
	}{
		{TLS{}, resuming, false, plain}, {TLS{}, &tls.Config{}, false, fresh}, {TLS{}, many, false, repeated},
		{TLS{Insecure: true}, resuming, false, plain}, {TLS{Insecure: true}, &tls.Config{}, false, fresh}, {TLS{Insecure: true}, many, false, repeated},
		{TLS{}, &tls.Config{CurvePreferences: olderGroups, ClientSessionCache: resuming.ClientSessionCache}, false, older},
		{TLS{}, &tls.Config{CurvePreferences: olderGroups}, false, olderFresh},
		{TLS{OwnHello: true}, many, true, 0},
	} {
		h := helloOf(t, c.client)
		g := New(Config{TLS: c.tls}).Like(h)
		if (g == nil) != c.own || g != nil && g.way != c.way {
			t.Errorf("%+v: %+v", c.tls, g)
		}
		if g != nil && g.way == repeated && &g.hello.Body[0] == &h.Body[0] {
			t.Error("the hello is not copied")
		}
	}
}

// The connections of a client to a server share what is known of how it greets.
func TestGreetingsAreShared(t *testing.T) {
	d := New(Config{})
	many := func() *clienthello.Hello { return helloOf(t, &tls.Config{CipherSuites: AllCipherSuites()}) }
	first := d.Like(many())
	if again := d.Like(many()); again != first || again.way != repeated {
		t.Error("the same client is greeted for in two ways")
	}
	if d.Like(helloOf(t, &tls.Config{CipherSuites: AllCipherSuites(), NextProtos: http1Only})) == first {
		t.Error("two clients share one")
	}
	for i := range 2 * maxGreetings {
		h := many()
		h.Body = append(h.Body, byte(i)) // nobody reads it
		if d.Like(h) == first {
			t.Fatal("two hellos share one")
		}
	}
	if n := len(d.now().greetings.known); n != maxGreetings {
		t.Errorf("%d are known, not %d", n, maxGreetings)
	}
	large := many()
	large.Body = append(large.Body, make([]byte, maxGreeting)...)
	if one := d.Like(large); one == d.Like(large) {
		t.Error("a large one is kept")
	}
}

// A server that does not agree with a hello like the client's is asked with our
// own, and from then on at once.
func TestServersThatAgreeWithOurOwnHelloOnly(t *testing.T) {
	o := newOrigin(t, nil)
	var refused atomic.Int32
	addr := o.serve(t, func(c *tls.Config) {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if slices.Contains(hello.CipherSuites, tls.TLS_RSA_WITH_RC4_128_SHA) {
				refused.Add(1)
				return nil, errors.New("not this one")
			}
			return nil, nil
		}
	})
	d := New(Config{TLS: TLS{Roots: o.roots}})
	as := Name{SNI: "h.test", Protocols: http1Only, Greeting: d.Like(helloOf(t, &tls.Config{CipherSuites: AllCipherSuites(), NextProtos: http1Only}))}
	for range 2 {
		c, err := d.Dial(t.Context(), nil, Target{Address: addr})
		if err != nil {
			t.Fatal(err)
		}
		if c, err = d.Greet(t.Context(), c, nil, as); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if n := refused.Load(); n != 1 {
		t.Errorf("it was greeted %d times in a way that it refuses", n)
	}
	// What no other hello mends is not tried again.
	d = New(Config{})
	c, err := d.Dial(t.Context(), nil, Target{Address: o.serve(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Greet(t.Context(), c, nil, as)
	if e, ok := errors.AsType[*flow.Error](err); !ok || e.Cause != flow.Untrusted {
		t.Error(err)
	}
}

// A server that takes what a hello like the client's promises at its word later is
// told nothing of the kind the next time.
func TestServersThatAskLaterForWhatTheClientPromised(t *testing.T) {
	o := newOrigin(t, nil)
	addr := o.serve(t, nil)
	d := New(Config{TLS: TLS{Roots: o.roots}})
	as := Name{SNI: "h.test", Protocols: http1Only, Greeting: d.Like(helloOf(t, &tls.Config{CipherSuites: AllCipherSuites(), NextProtos: http1Only}))}
	greet := func() *Conn {
		t.Helper()
		c, err := d.Dial(t.Context(), nil, Target{Address: addr})
		if err != nil {
			t.Fatal(err)
		}
		if c, err = d.Greet(t.Context(), c, nil, as); err != nil {
			t.Fatal(err)
		}
		c.Close()
		return c
	}
	c := greet()
	if !c.like {
		t.Fatal("the server was not greeted as the client greeted")
	}
	c.reconsider(&net.OpError{Op: "local error", Err: tls.AlertError(20)}) // a broken record says nothing of promises
	if c = greet(); !c.like {
		t.Fatal("a broken record changes the greeting")
	}
	c.reconsider(&net.OpError{Op: "local error", Err: tls.AlertError(10)})
	if c = greet(); c.like {
		t.Error("the server is greeted as before")
	}
}
