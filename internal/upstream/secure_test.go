package upstream

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
)

// origin is what a TLS server of the tests shows.
type origin struct {
	cert  tls.Certificate
	roots *x509.CertPool
}

func newOrigin(t *testing.T, change func(*x509.Certificate)) origin {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "origin"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"h.test"}, IsCA: true, BasicConstraintsValid: true,
	}
	if change != nil {
		change(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	o := origin{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, x509.NewCertPool()}
	o.roots.AddCert(leaf)
	return o
}

func (o origin) serve(t *testing.T, change func(*tls.Config)) string {
	cfg := &tls.Config{Certificates: []tls.Certificate{o.cert}, NextProtos: []string{"http/1.1"}}
	if change != nil {
		change(cfg)
	}
	return serveEach(t, func(c net.Conn) { answering(0)(tls.Server(c, cfg)) })
}

func secure(t *testing.T, d *Dialer, addr, name string) (*Conn, error) {
	t.Helper()
	c, err := d.Dial(t.Context(), nil, Target{Address: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.Secure(t.Context(), Name{SNI: name, Protocols: http1Only})
}

func TestHandshakeErrors(t *testing.T) {
	good := newOrigin(t, nil)
	old := newOrigin(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	})
	early := newOrigin(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(1, 0, 0), time.Now().AddDate(2, 0, 0)
	})
	for name, c := range map[string]struct {
		origin origin
		server func(*tls.Config)
		client TLS
		name   string
		cause  flow.Cause
		text   string
	}{
		"expired":     {old, nil, TLS{Roots: old.roots}, "h.test", flow.Untrusted, "certificate has expired on 2026-01-02; use --ssl-insecure (-k) to accept it"},
		"too early":   {early, nil, TLS{Roots: early.roots}, "h.test", flow.Untrusted, "not valid before"},
		"unknown":     {good, nil, TLS{Roots: old.roots}, "h.test", flow.Untrusted, "unknown authority; name it with --set ssl_verify_upstream_trusted_ca=FILE"},
		"other name":  {good, nil, TLS{Roots: good.roots}, "x.test", flow.Untrusted, "certificate is not for x.test but for h.test"},
		"too old":     {good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, TLS{Roots: good.roots}, "h.test", flow.Unspecified, `it is too old; allow it with --set tls_legacy_hosts='h\.test'`},
		"too new":     {good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, TLS{Roots: good.roots, MaxVersion: tls.VersionTLS12}, "h.test", flow.Unspecified, "protocol_version"},
		"client cert": {good, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }, TLS{Roots: good.roots}, "h.test", flow.Unspecified, "client_certs=FILE"},
	} {
		addr := c.origin.serve(t, c.server)
		conn, err := secure(t, New(Config{TLS: c.client}), addr, c.name)
		e, ok := errors.AsType[*flow.Error](err)
		if !ok || e.Phase != flow.Handshaking || e.Peer != flow.AtServer || e.Cause != c.cause || !strings.Contains(err.Error(), c.text) ||
			!strings.HasPrefix(err.Error(), "TLS handshake with server "+addr+": ") {
			t.Errorf("%s: %v (cause %d), want %s", name, err, flow.CauseOf(err), c.text)
		}
		_ = conn
	}
}

func TestHandshake(t *testing.T) {
	o := newOrigin(t, nil)
	clientCert := newOrigin(t, nil).cert
	asked := make(chan string, 10)
	var keys bytes.Buffer
	d := New(Config{TLS: TLS{Roots: o.roots, KeyLog: &keys, ClientCert: func(hosts ...string) *tls.Certificate {
		asked <- strings.Join(hosts, ",")
		return &clientCert
	}}})
	addr := o.serve(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	p := d.Pool(nil)
	defer p.Close()
	p.Introduce(addr, Name{SNI: "h.test", Protocols: http1Only})
	body, server, _ := exchange(t, p, request("https", addr), engine.AnyConnection)
	if body != "01" || server.TLS.SNI != "h.test" || server.TLS.ALPN != "http/1.1" || server.TLS.Version != tls.VersionTLS13 || len(server.TLS.Certificates) != 1 || server.Secured.IsZero() {
		t.Errorf("%s %+v", body, server.TLS)
	}
	if got := <-asked; got != "h.test,127.0.0.1" {
		t.Error(got)
	}
	if !strings.Contains(keys.String(), "CLIENT_TRAFFIC_SECRET_0") {
		t.Error("no keys are logged")
	}
	if proto, known := d.Chose(addr); !known || proto != "http/1.1" {
		t.Error(proto, known)
	}
	// The ticket came before the response, so another client's connection resumes.
	other := d.Pool(nil)
	defer other.Close()
	other.Introduce(addr, Name{SNI: "h.test", Protocols: http1Only})
	if _, server, _ = exchange(t, other, request("https", addr), engine.AnyConnection); !server.TLS.Resumed {
		t.Error("the session is not resumed")
	}
}

func TestInsecureTakesAll(t *testing.T) {
	o := newOrigin(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	addr := o.serve(t, func(c *tls.Config) {
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	})
	if _, err := secure(t, New(Config{TLS: TLS{Insecure: true}}), addr, "x.test"); err != nil {
		t.Error(err)
	}
}

// A server that is too old is let in by its name, and no other with it.
func TestLegacyHosts(t *testing.T) {
	o := newOrigin(t, nil)
	addr := o.serve(t, func(c *tls.Config) {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
	})
	var asked []string
	d := New(Config{TLS: TLS{Roots: o.roots, Legacy: func(names ...string) bool {
		asked = names
		return strings.HasPrefix(names[0], "h.test:")
	}}})
	c, err := secure(t, d, addr, "h.test")
	if err != nil || c.Facts().TLS.Version != tls.VersionTLS11 {
		t.Fatalf("%+v %v", c, err)
	}
	c.Close()
	_, port, _ := net.SplitHostPort(addr)
	if len(asked) != 2 || asked[0] != "h.test:"+port || asked[1] != addr {
		t.Errorf("asked of %q", asked)
	}
	if _, err := secure(t, d, addr, "x.test"); err == nil || !strings.Contains(err.Error(), `tls_legacy_hosts='x\.test'`) {
		t.Errorf("another host: %v", err)
	}
}

func TestAdopt(t *testing.T) {
	o := newOrigin(t, nil)
	addr := o.serve(t, nil)
	ev := newEvents()
	d := New(Config{Hooks: hooks(t, ev), TLS: TLS{Roots: o.roots}})
	p := d.Pool(nil)
	p.Introduce(addr, Name{SNI: "h.test", Protocols: http1Only})
	c, err := secure(t, d, addr, "h.test")
	if err != nil {
		t.Fatal(err)
	}
	p.Adopt(c, addr)
	if _, server, reused := exchange(t, p, request("https", addr), engine.FreshOnly); server.ID != c.Facts().ID || reused {
		t.Error("the adopted connection is not used as a fresh one")
	}
	p.Close()
	late, err := secure(t, d, addr, "h.test")
	if err != nil {
		t.Fatal(err)
	}
	p.Adopt(late, addr) // the pool is closed: so is the connection
	if got := ev.String(); got != "connect connected disconnected connect connected disconnected" {
		t.Error(got)
	}
}
