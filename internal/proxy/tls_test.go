package proxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"midstream/internal/clienthello"
	"midstream/internal/transport"
)

type syncBytes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBytes) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBytes) lines() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.b.Bytes(), []byte("CLIENT_TRAFFIC_SECRET_0"))
}

func TestKeyLogAndResumption(t *testing.T) {
	_, port := webOrigin(t, true)
	keys := &syncBytes{}
	r := newRig(t, func(c *Config) { c.TLS.KeyLog, c.Upstream.TLS.KeyLog = keys, keys })
	sessions := tls.NewLRUClientSessionCache(4)
	for i := range 3 {
		p := r.dial()
		p.connect(local(port))
		s := p.mustSecure(&tls.Config{ServerName: "h.test", ClientSessionCache: sessions, NextProtos: []string{"http/1.1"}})
		s.send("GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
		if status, _, body := s.response(); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if resumed := s.state().DidResume; resumed != (i > 0) {
			t.Errorf("connection %d: resumed %v", i, resumed)
		}
		f := r.flows.wait(t, i+1)[i]
		if f.Client.TLS.Resumed != (i > 0) || f.Server.TLS.Resumed != (i > 0) {
			t.Errorf("connection %d: client resumed %v, server %v", i, f.Client.TLS.Resumed, f.Server.TLS.Resumed)
		}
	}
	if n := keys.lines(); n != 6 {
		t.Errorf("%d of 6 handshakes are in the key log", n)
	}
}

func TestKindOfLeafKey(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	for name, cfg := range map[string]*tls.Config{
		"TLS 1.3":             {},
		"TLS 1.2":             {MaxVersion: tls.VersionTLS12},
		"TLS 1.2, RSA suites": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
	} {
		p := r.dial()
		p.connect(local(port))
		cfg.ServerName = "h.test"
		s := p.mustSecure(cfg)
		_, isRSA := s.state().PeerCertificates[0].PublicKey.(*rsa.PublicKey)
		_, isECDSA := s.state().PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)
		if wantRSA := strings.Contains(name, "RSA"); isRSA != wantRSA || isECDSA == wantRSA {
			t.Errorf("%s: RSA %v, ECDSA %v", name, isRSA, isECDSA)
		}
	}
}

func TestOldClients(t *testing.T) {
	_, port := webOrigin(t, true)
	old := func() *tls.Config {
		return &tls.Config{ServerName: "old.test", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	}
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(port))
	if _, err := p.secure(old()); err == nil {
		t.Fatal("TLS 1.1 is accepted")
	}
	p.Close()
	for late := time.Now().Add(patience); !strings.Contains(r.log.String(), "tls_version_client_min=TLS1"); {
		if time.Now().After(late) {
			t.Fatalf("the log does not tell the way out:\n%s", r.log)
		}
	}
	r = newRig(t, func(c *Config) { c.TLS.MinVersion = tls.VersionTLS10 })
	p = r.dial()
	p.connect(local(port))
	s := p.mustSecure(old())
	if v := s.state().Version; v != tls.VersionTLS11 {
		t.Errorf("version %x", v)
	}
}

// TestLazyRemembersTheProtocol shows a client no protocol that the server is
// known not to choose.
func TestLazyRemembersTheProtocol(t *testing.T) {
	port := rawOrigin(t, answerOnce(&tls.Config{GetCertificate: originTLS().GetCertificate}))
	r := newRig(t, func(c *Config) { c.Strategy = Lazy })
	for i, want := range []string{"http/1.1", ""} {
		p := r.dial()
		p.connect(local(port))
		s := p.mustSecure(&tls.Config{ServerName: "h.test", NextProtos: []string{"http/1.1"}})
		if got := s.state().NegotiatedProtocol; got != want {
			t.Errorf("connection %d: protocol %q, want %q", i, got, want)
		}
		s.send("GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
		if status, _, body := s.response(); status != 204 {
			t.Fatalf("%d %s", status, body)
		}
	}
}

// A client of this machine that has a key for X25519 gets that; one that has none, and
// one from elsewhere, the group that is best.
func TestGroupOfHandshakesWithClients(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		offered []tls.CurveID
		want    tls.CurveID
	}{
		"both": {nil, tls.X25519}, "the hybrid alone": {[]tls.CurveID{tls.X25519MLKEM768}, tls.X25519MLKEM768},
		"P-256": {[]tls.CurveID{tls.CurveP256}, tls.CurveP256},
	} {
		p := r.dial()
		p.connect(local(port))
		s := p.mustSecure(&tls.Config{ServerName: "h.test", CurvePreferences: c.offered})
		if got := s.state().CurveID; got != c.want {
			t.Errorf("%s: agreed on %v, want %v", name, got, c.want)
		}
	}
	far := &conn{Conn: transport.New(addressed{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}})}
	h, err := clienthello.Parse(firstFlight(t, &tls.Config{ServerName: "h.test"}))
	if err != nil || !h.SharesX25519() {
		t.Fatalf("%+v, %v", h, err)
	}
	s := newServerTLS(&Config{})
	for name, c := range map[string]struct {
		down *conn
		want []tls.CurveID
	}{"elsewhere": {far, nil}, "here": {&conn{Conn: transport.New(addressed{&net.TCPAddr{IP: net.IPv6loopback}})}, classical}} {
		if got := s.of(c.down, h)[http11].CurvePreferences; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// addressed is a connection of which nothing is known but where it comes from.
type addressed struct{ from net.Addr }

func (a addressed) RemoteAddr() net.Addr           { return a.from }
func (addressed) LocalAddr() net.Addr              { return nil }
func (addressed) Read([]byte) (int, error)         { return 0, io.EOF }
func (addressed) Write(p []byte) (int, error)      { return len(p), nil }
func (addressed) Close() error                     { return nil }
func (addressed) SetDeadline(time.Time) error      { return nil }
func (addressed) SetReadDeadline(time.Time) error  { return nil }
func (addressed) SetWriteDeadline(time.Time) error { return nil }
