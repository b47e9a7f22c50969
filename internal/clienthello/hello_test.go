package clienthello

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"testing"
)

// captureHello returns the first flight of a crypto/tls client.
func captureHello(t testing.TB, cfg *tls.Config) []byte {
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tls.Client(a, cfg).Handshake()
	}()
	p := make([]byte, 64<<10)
	n, err := b.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	a.Close()
	<-done
	return p[:n]
}

// fragment cuts the one record of p into records of at most n octets.
func fragment(p []byte, n int) []byte {
	var out []byte
	for body := range slices.Chunk(p[5:], n) {
		out = append(out, 22, 3, 1, byte(len(body)>>8), byte(len(body)))
		out = append(out, body...)
	}
	return out
}

func TestParseHello(t *testing.T) {
	p := captureHello(t, &tls.Config{ServerName: "foo_bar.test", NextProtos: []string{"h2", "http/1.1"}})
	for _, cut := range []int{len(p), 1000, 37, 8} {
		wire := fragment(p, cut)
		h, err := Parse(append(wire, "more"...))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if h.ServerName != "foo_bar.test" || !slices.Equal(h.Protocols, []string{"h2", "http/1.1"}) || h.Version != tls.VersionTLS13 {
			t.Errorf("cut at %d: %+v", cut, h)
		}
		for i := range len(wire) {
			if _, err := Parse(wire[:i]); !errors.Is(err, ErrMore) {
				t.Fatalf("%d of %d octets, cut at %d: %v", i, len(wire), cut, err)
			}
		}
	}
}

func TestParseHelloWithout(t *testing.T) {
	p := captureHello(t, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	h, err := Parse(p)
	if err != nil || h.ServerName != "" || h.Protocols != nil || h.Version != tls.VersionTLS12 {
		t.Fatalf("%+v, %v", h, err)
	}
}

func TestNoHello(t *testing.T) {
	for name, p := range map[string][]byte{
		"text":            []byte("GET / HTTP/1.1\r\n"),
		"SSLv2":           {0x80, 0x2e, 1, 3, 1},
		"other version":   {22, 4, 0, 0, 10},
		"other handshake": {22, 3, 1, 0, 4, 2, 0, 0, 0},
		"empty record":    {22, 3, 1, 0, 0},
		"record too long": {22, 3, 1, 0xff, 0xff},
		"hello too long":  {22, 3, 1, 0, 4, 1, 0xff, 0, 0},
		"cut vectors":     {22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3},
		"tiny records":    bytes.Repeat([]byte{22, 3, 1, 0, 1, 1}, 300),
	} {
		if h, err := Parse(p); !errors.Is(err, ErrNot) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func FuzzParseHello(f *testing.F) {
	p := captureHello(f, &tls.Config{ServerName: "h.test", NextProtos: []string{"h2"}})
	f.Add(p)
	f.Add(fragment(p, 9))
	f.Add([]byte{22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := Parse(p)
		switch {
		case err == nil && h != nil:
			if len(h.Protocols) > maxProtocols || len(h.ServerName) > MaxSize {
				t.Fatal("unbounded")
			}
		case err == nil, !errors.Is(err, ErrMore) && !errors.Is(err, ErrNot):
			t.Fatalf("%v, %v", h, err)
		}
	})
}
