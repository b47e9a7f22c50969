package clienthello

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	utls "github.com/refraction-networking/utls"
)

// site is a certificate for name and the pool that trusts it.
func site(t testing.TB, name string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// said is the first flight of a browser that utls knows.
func said(t testing.TB, id utls.ClientHelloID, name string) *Hello {
	near, far := net.Pipe()
	defer far.Close()
	go func() {
		utls.UClient(near, &utls.Config{ServerName: name}, id).Handshake()
		near.Close()
	}()
	p := make([]byte, 16<<10)
	n, err := far.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(p[:n])
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// spy keeps what is read through it.
type spy struct {
	net.Conn
	heard []byte
}

func (s *spy) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.heard = append(s.heard, p[:n]...)
	return n, err
}

// meet shakes hands with a server of cfg as h does, and returns both sides and what
// the server heard first.
func meet(t *testing.T, h *Hello, cfg *tls.Config, own *tls.Config, sessions *Sessions) (c *Conn, heard *Hello, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan []byte, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			done <- nil
			return
		}
		s := &spy{Conn: nc}
		server := tls.Server(s, cfg)
		io.Copy(server, server) // shakes hands, and echoes until the end
		nc.Close()
		done <- s.heard
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c, err = h.Client(nc, own, sessions)
	if err != nil {
		t.Fatal(err)
	}
	err = c.HandshakeContext(t.Context())
	if err == nil {
		for _, word := range []string{"one", "two"} {
			if _, err := io.WriteString(c, word); err != nil {
				t.Error(err)
			}
			p := make([]byte, 3)
			if _, err := io.ReadFull(c, p); err != nil || string(p) != word {
				t.Errorf("came back %q, %v", p, err)
			}
		}
	}
	nc.Close()
	heard, perr := Parse(<-done)
	if perr != nil {
		t.Fatal(perr)
	}
	return c, heard, err
}

func TestServersSeeTheClientsHello(t *testing.T) {
	cert, pool := site(t, "a.test")
	both := []string{"h2", "http/1.1"}
	for name, id := range map[string]utls.ClientHelloID{
		"Chrome": utls.HelloChrome_133, "Firefox": utls.HelloFirefox_120, "Safari": utls.HelloSafari_16_0, "iOS": utls.HelloIOS_14, "Android": utls.HelloAndroid_11_OkHttp, "Edge": utls.HelloEdge_85,
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			h := said(t, id, "a.test")
			protocols := h.Protocols
			c, heard, err := meet(t, h, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, NextProtos: both},
				&tls.Config{ServerName: "a.test", RootCAs: pool, NextProtos: protocols, MinVersion: tls.VersionTLS12}, NewSessions(1))
			if err != nil {
				if h.Version < version {
					continue
				}
				t.Errorf("%s, %x: %v", name, version, err)
				continue
			}
			if heard.JA4() != h.JA4() || heard.JA3() != h.JA3() || !heard.Alike(h) {
				t.Errorf("%s, %x: the server heard %s %s, want %s %s", name, version, heard.JA4(), heard.JA3(), h.JA4(), h.JA3())
			}
			state := c.ConnectionState()
			if state.Version != min(version, h.Version) || len(state.PeerCertificates) != 1 || c.Sent().JA4() != h.JA4() {
				t.Errorf("%s: %+v", name, state)
			}
			if len(protocols) > 0 && state.NegotiatedProtocol != protocols[0] {
				t.Errorf("%s: agreed on %q", name, state.NegotiatedProtocol)
			}
		}
	}
}

// What the server is called, what is offered to it, and a group that cannot be
// made a key for are not the client's.
func TestWhatIsNotRepeated(t *testing.T) {
	cert, pool := site(t, "b.test")
	h := said(t, utls.HelloChrome_133, "a.test")
	server := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	_, heard, err := meet(t, h, server, &tls.Config{ServerName: "b.test.", RootCAs: pool, NextProtos: []string{"http/1.1"}}, NewSessions(1))
	if err != nil || heard.ServerName != "b.test" || !slices.Equal(heard.Protocols, []string{"http/1.1"}) {
		t.Errorf("heard %+v, %v", heard, err)
	}
	_, heard, err = meet(t, h, server, &tls.Config{ServerName: "127.0.0.1", InsecureSkipVerify: true}, NewSessions(1))
	if err != nil || heard.ServerName != "" || heard.Protocols != nil || slices.Contains(heard.Extensions, extServerName) {
		t.Errorf("an address: heard %+v, %v", heard, err)
	}
	bare, err := Parse(captureHello(t, &tls.Config{ServerName: "127.0.0.1", InsecureSkipVerify: true}))
	if err != nil {
		t.Fatal(err)
	}
	_, heard, err = meet(t, bare, server, &tls.Config{ServerName: "b.test", RootCAs: pool, NextProtos: []string{"http/1.1"}}, NewSessions(1))
	if err != nil || heard.ServerName != "b.test" || !slices.Equal(heard.Protocols, []string{"http/1.1"}) {
		t.Errorf("heard %+v, %v", heard, err)
	}
}

func TestFaultsAreThoseOfCryptoTLS(t *testing.T) {
	cert, _ := site(t, "a.test")
	h := said(t, utls.HelloChrome_133, "a.test")
	_, _, err := meet(t, h, &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{ServerName: "a.test", RootCAs: x509.NewCertPool()}, NewSessions(1))
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("an unknown authority: %T %v", err, err)
	}
	_, _, err = meet(t, h, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"other"}}, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, NextProtos: []string{"h2"}}, NewSessions(1))
	if err == nil {
		t.Error("no protocol in common is no error")
	}
}

func TestSessionsAreResumedWhereTheClientResumes(t *testing.T) {
	cert, pool := site(t, "a.test")
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	own := &tls.Config{ServerName: "a.test", RootCAs: pool}
	// A client that resumes: crypto/tls, the second time.
	cache := tls.NewLRUClientSessionCache(1)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if s, err := ln.Accept(); err == nil {
			io.WriteString(s, "x")
			s.Close()
		}
	}()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	first := tls.Client(near, &tls.Config{ServerName: "a.test", RootCAs: pool, ClientSessionCache: cache})
	if _, err := io.ReadAll(first); err != nil {
		t.Fatal(err)
	}
	first.Close()
	resuming, err := Parse(captureHello(t, &tls.Config{ServerName: "a.test", RootCAs: pool, ClientSessionCache: cache}))
	if err != nil || !slices.Contains(resuming.Extensions, resumption) {
		t.Fatalf("%+v, %v", resuming, err)
	}
	sessions := NewSessions(4)
	fresh := said(t, utls.HelloChrome_120, "a.test")
	for i, c := range []struct {
		h      *Hello
		resume bool
	}{{resuming, false}, {resuming, true}, {fresh, false}} {
		conn, heard, err := meet(t, c.h, server, own, sessions)
		if err != nil || conn.ConnectionState().DidResume != c.resume || slices.Contains(heard.Extensions, resumption) != c.resume {
			t.Errorf("%d: resumed %v, %v", i, conn.ConnectionState().DidResume, err)
		}
	}
}

func TestAlike(t *testing.T) {
	hello := func(cfg *tls.Config) *Hello {
		cfg.ServerName = "a.test"
		h, err := Parse(captureHello(t, cfg))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	own := hello(&tls.Config{})
	if !own.Alike(hello(&tls.Config{NextProtos: []string{"h2"}})) {
		t.Error("the protocols count")
	}
	if own.Alike(hello(&tls.Config{MaxVersion: tls.VersionTLS12})) || own.Alike(said(t, utls.HelloFirefox_120, "a.test")) {
		t.Error("others are alike")
	}
}

// FuzzClient begins a handshake with a hello like anything that can be parsed.
func FuzzClient(f *testing.F) {
	for _, id := range []utls.ClientHelloID{utls.HelloChrome_133, utls.HelloFirefox_120, utls.HelloSafari_16_0} {
		f.Add(said(f, id, "a.test").Body, "a.test", "h2")
	}
	f.Add([]byte{3, 3}, "", "")
	sessions := NewSessions(1)
	f.Fuzz(func(t *testing.T, body []byte, name, protocol string) {
		h, err := parseBody(body)
		if err != nil {
			return
		}
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			io.CopyN(io.Discard, far, 5)
			far.Close()
		}()
		c, err := h.Shape().Client(near, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{protocol}}, sessions)
		if err == nil {
			err = c.HandshakeContext(t.Context())
		}
		if err == nil {
			t.Error("a server that says nothing has shaken hands")
		}
	})
}

// What transport looks for is there in the release that this is built with.
func TestLayerKeepsItsInputAsCryptoTLSDoes(t *testing.T) {
	layer := reflect.TypeOf((&Conn{UConn: &utls.UConn{Conn: new(utls.Conn)}}).Layer()).Elem()
	for name, want := range map[string]reflect.Type{"rawInput": reflect.TypeFor[bytes.Buffer](), "hand": reflect.TypeFor[bytes.Buffer](), "input": reflect.TypeFor[bytes.Reader]()} {
		if f, ok := layer.FieldByName(name); !ok || f.Type != want {
			t.Errorf("%s: %v, want %v", name, f.Type, want)
		}
	}
}
