package clienthello

import (
	"bytes"
	"crypto/tls"
	"testing"

	utls "github.com/refraction-networking/utls"
)

// A client that has one X25519 key in two shares, as crypto/tls does, is repeated with
// one, whichever of the two the server takes; one that has two, with two.
func TestOneKeyInTwoShares(t *testing.T) {
	cert, pool := site(t, "a.test")
	one, err := Parse(captureHello(t, &tls.Config{ServerName: "a.test"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		h    *Hello
		same bool
	}{"crypto/tls": {one, true}, "Chrome": {said(t, utls.HelloChrome_133, "a.test"), false}} {
		if !c.h.SharesX25519() || c.h.shares.same != c.same {
			t.Errorf("%s: %+v", name, c.h.shares)
		}
		for _, groups := range [][]tls.CurveID{nil, {tls.X25519}, {tls.CurveP256}, {tls.CurveP384}} {
			conn, heard, err := meet(t, c.h, &tls.Config{Certificates: []tls.Certificate{cert}, CurvePreferences: groups, NextProtos: c.h.Protocols},
				&tls.Config{ServerName: "a.test", RootCAs: pool, NextProtos: c.h.Protocols}, NewSessions(1))
			if err != nil || heard.shares != c.h.shares || heard.JA4() != c.h.JA4() {
				t.Errorf("%s, %v: the server heard %+v, %v", name, groups, heard.shares, err)
			}
			if err == nil && conn.ConnectionState().Version != tls.VersionTLS13 {
				t.Errorf("%s, %v: %+v", name, groups, conn.ConnectionState())
			}
		}
	}
}

// A client that has a key for X25519MLKEM768 alone is repeated like that.
func TestOneShareAlone(t *testing.T) {
	cert, pool := site(t, "a.test")
	h, err := Parse(captureHello(t, &tls.Config{ServerName: "a.test", CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}))
	if err != nil {
		t.Fatal(err)
	}
	_, heard, err := meet(t, h, &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{ServerName: "a.test", RootCAs: pool}, NewSessions(1))
	if err != nil || heard.JA3() != h.JA3() || heard.SharesX25519() {
		t.Errorf("the server heard %+v, %v", heard, err)
	}
}

func TestSharesX25519(t *testing.T) {
	for _, c := range []struct {
		groups []tls.CurveID
		want   bool
	}{{nil, true}, {[]tls.CurveID{tls.X25519}, true}, {[]tls.CurveID{tls.X25519MLKEM768}, false}, {[]tls.CurveID{tls.CurveP256, tls.X25519}, true}, {[]tls.CurveID{tls.CurveP256}, false}} {
		h, err := Parse(captureHello(t, &tls.Config{ServerName: "a.test", CurvePreferences: c.groups}))
		if err != nil {
			t.Fatal(err)
		}
		if h.SharesX25519() != c.want {
			t.Errorf("%v: %v", c.groups, h.SharesX25519())
		}
	}
	for _, cut := range [][]byte{{}, {0}, {0, 9, 0, 29, 0, 32, 1}, {0, 4, 0, 29, 0, 0}} {
		if s := parseShares(cut); s != (keyShares{}) {
			t.Errorf("% x: %+v", cut, s)
		}
	}
}

// The shape of a hello has nothing of one connection, and is repeated as the hello is.
func TestShape(t *testing.T) {
	cert, pool := site(t, "a.test")
	hello := func() *Hello {
		h, err := Parse(captureHello(t, &tls.Config{ServerName: "a.test", NextProtos: []string{"h2"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	a, b := hello(), hello()
	if bytes.Equal(a.Body, b.Body) || !bytes.Equal(a.Shape().Body, b.Shape().Body) || len(a.Shape().Body) != len(a.Body) {
		t.Error("the shapes differ")
	}
	if s := a.Shape(); !s.Alike(a) || s.JA3() != a.JA3() || s.JA4() != a.JA4() || s.shares != a.shares {
		t.Errorf("the shape is of another hello: %+v", s)
	}
	for name, h := range map[string]*Hello{"crypto/tls": a, "Chrome": said(t, utls.HelloChrome_133, "a.test"), "Firefox": said(t, utls.HelloFirefox_120, "a.test")} {
		_, heard, err := meet(t, h.Shape(), &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}},
			&tls.Config{ServerName: "a.test", RootCAs: pool, NextProtos: h.Protocols}, NewSessions(1))
		if err != nil || heard.JA3() != h.JA3() || heard.JA4() != h.JA4() {
			t.Errorf("%s: the server heard %+v, %v", name, heard, err)
		}
	}
	for _, cut := range []int{0, 2, 34, 40, len(a.Body) / 2, len(a.Body) - 1} {
		(&Hello{Body: a.Body[:cut]}).Shape()
	}
}
