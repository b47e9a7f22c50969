package upstream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// events collects the server events.
type events struct {
	mu     sync.Mutex
	list   []string
	change func(*hook.Dial) error
	gone   chan *flow.Conn
}

func newEvents() *events { return &events{gone: make(chan *flow.Conn, 100)} }

func (e *events) note(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, s)
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.list, " ")
}

func (e *events) ServerConnect(_ context.Context, d *hook.Dial) error {
	e.note("connect")
	if e.change != nil {
		return e.change(d)
	}
	return nil
}
func (e *events) ServerConnected(context.Context, *hook.Dial)    { e.note("connected") }
func (e *events) ServerConnectError(context.Context, *hook.Dial) { e.note("error") }
func (e *events) ServerDisconnected(_ context.Context, d *hook.Dial) {
	e.note("disconnected")
	e.gone <- d.Server
}

func hooks(t *testing.T, e *events) func() *hook.Set {
	set, err := hook.NewSet(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return func() *hook.Set { return set }
}

// serveEach serves connections with serve and returns the address.
func serveEach(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
				c.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// answering answers every request on a connection, up to max (0 = all).
func answering(max int) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for n := 1; ; n++ {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d", n)
			if n == max {
				return
			}
		}
	}
}

func request(scheme, address string) *flow.Request {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	r := &flow.Request{Method: "GET", Scheme: scheme, Host: host, Port: uint16(n), Path: "/"}
	r.Version = flow.HTTP11
	r.Fields.Add("Host", address)
	return r
}

// exchange sends one request and reads its response.
func exchange(t *testing.T, p *Pool, req *flow.Request, reuse engine.Reuse) (body string, server *flow.Conn, reused bool) {
	t.Helper()
	c, err := p.Open(t.Context(), req, flow.Framing{}, reuse)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head, _, err := c.Head(t.Context())
	if err != nil || head.Status != 200 {
		t.Fatal(head, err)
	}
	var b bytes.Buffer
	for buf := make([]byte, 100); ; {
		n, err := c.Response().Read(buf)
		b.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String(), c.Server(), c.Reused()
}

func TestReuse(t *testing.T) {
	addr := serveEach(t, answering(0))
	ev := newEvents()
	d := New(Config{Hooks: hooks(t, ev)})
	p := d.Pool(nil)
	body, first, reused := exchange(t, p, request("http", addr), engine.AnyConnection)
	if body != "01" || reused {
		t.Error(body, reused)
	}
	body, second, reused := exchange(t, p, request("http", addr), engine.AnyConnection)
	if body != "02" || !reused || second.ID != first.ID {
		t.Error(body, reused)
	}
	if body, _, reused = exchange(t, p, request("http", addr), engine.FreshOnly); body != "01" || reused {
		t.Error("fresh:", body, reused)
	}
	other := d.Pool(nil)
	if body, _, reused = exchange(t, other, request("http", addr), engine.AnyConnection); body != "01" || reused {
		t.Error("another client has used the connection:", body, reused)
	}
	p.Close()
	other.Close()
	if got := ev.String(); got != "connect connected connect connected connect connected disconnected disconnected disconnected" {
		t.Error(got)
	}
	if len(p.slots) != 0 || len(other.slots) != 0 {
		t.Error("slots are not given back")
	}
}

func TestStaleConnectionsAreNotUsed(t *testing.T) {
	addr := serveEach(t, answering(1))
	ev := newEvents()
	p := New(Config{Hooks: hooks(t, ev)}).Pool(nil)
	defer p.Close()
	for range 3 {
		if body, _, reused := exchange(t, p, request("http", addr), engine.AnyConnection); body != "01" || reused {
			t.Fatal(body, reused)
		}
		select {
		case c := <-ev.gone:
			if c.End.IsZero() || c.Connected.IsZero() {
				t.Errorf("%+v", c)
			}
		case <-time.After(patience):
			t.Fatal("the closed connection is not noticed")
		}
	}
}

func TestIdleIsBounded(t *testing.T) {
	p := New(Config{}).Pool(nil)
	defer p.Close()
	for range maxIdle + 3 {
		exchange(t, p, request("http", serveEach(t, answering(0))), engine.AnyConnection)
	}
	if len(p.idle) != maxIdle || len(p.slots) != maxIdle {
		t.Errorf("%d idle, %d slots", len(p.idle), len(p.slots))
	}
}

func TestOpenIsBounded(t *testing.T) {
	addr := serveEach(t, answering(0))
	p := New(Config{}).Pool(nil)
	defer p.Close()
	var calls []engine.Call
	for range maxOpen {
		c, err := p.Open(t.Context(), request("http", addr), flow.Framing{}, engine.AnyConnection)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Open(ctx, request("http", addr), flow.Framing{}, engine.AnyConnection); err == nil {
		t.Error("one more is opened")
	}
	for _, c := range calls {
		c.Cancel(errors.New("enough"))
		c.Close()
	}
	if len(p.slots) != 0 {
		t.Errorf("%d slots are not given back", len(p.slots))
	}
}

func TestServerConnect(t *testing.T) {
	addr := serveEach(t, answering(0))
	ev := newEvents()
	ev.change = func(d *hook.Dial) error { d.Address = addr; return nil }
	d := New(Config{Hooks: hooks(t, ev)})
	p := d.Pool(nil)
	_, server, _ := exchange(t, p, request("http", "nowhere.invalid:1"), engine.AnyConnection)
	if server.Address != addr || server.Peer != addr {
		t.Errorf("%+v", server)
	}
	ev.change = func(d *hook.Dial) error { d.Err = errors.New("not there"); return nil }
	_, err := p.Open(t.Context(), request("http", "other.invalid:1"), flow.Framing{}, engine.AnyConnection)
	if e, ok := errors.AsType[*flow.Error](err); !ok || e.Phase != flow.Dialing || !strings.Contains(err.Error(), "refused by an addon: not there") {
		t.Error(err)
	}
	p.Close()
	if got := ev.String(); got != "connect connected connect error disconnected" {
		t.Error(got)
	}
}

func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	d := New(Config{Own: func(ap netip.AddrPort) bool { return ap.Port() == 9 }})
	for address, text := range map[string]string{
		closed:                           "connection refused",
		"127.1:9":                        "midstream itself",
		"localhost:9":                    "midstream itself",
		"h:0":                            "port",
		"h:70000":                        "port",
		"h":                              "not a host and port",
		":1":                             "not a host",
		"a b:1":                          "not a host",
		"a\x00b:1":                       "not a host",
		strings.Repeat("h", 2000) + ":1": "not a host",
	} {
		_, err := d.Dial(t.Context(), nil, Target{Address: address})
		e, ok := errors.AsType[*flow.Error](err)
		if !ok || e.Phase != flow.Dialing || e.Peer != flow.AtServer || !strings.Contains(err.Error(), text) || len(err.Error()) > 600 {
			t.Errorf("%.30s: %v", address, err)
		}
	}
	for _, c := range []struct {
		err   error
		cause flow.Cause
		text  string
	}{
		{&net.DNSError{IsNotFound: true}, flow.NoConnection, "no such host; check its name"},
		{&net.DNSError{IsTimeout: true}, flow.Timeout, "took too long"},
		{&net.DNSError{Err: "server misbehaving"}, flow.NoConnection, "server misbehaving"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, flow.Timeout, "no answer within 10s"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, flow.NoConnection, "no route to host; check the address"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, flow.NoConnection, "network is unreachable; check this machine's network"},
		{syscall.EMFILE, flow.NoConnection, "ulimit"},
	} {
		err := d.describeDial(t.Context(), "connect to server h:1: ", c.err)
		if flow.CauseOf(err) != c.cause || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "connect to server h:1: ") {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}

func TestConnectAddrOfTheOtherKind(t *testing.T) {
	d := New(Config{LocalAddr: netip.MustParseAddr("127.0.0.2")})
	_, err := d.Dial(t.Context(), nil, Target{Address: "[::1]:9"})
	if err == nil || !strings.Contains(err.Error(), "connect to server [::1]:9: the server has no address of the kind of connect_addr, which is 127.0.0.2; leave that option out") {
		t.Error(err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory[string, string]
	for i := range 3 * maxMemory {
		m.put(strconv.Itoa(i), "h2")
	}
	if len(m.known) != maxMemory {
		t.Error(len(m.known))
	}
	if p, ok := m.get(strconv.Itoa(3*maxMemory - 1)); !ok || p != "h2" {
		t.Error("the newest is forgotten")
	}
}

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

func TestUnknownScheme(t *testing.T) {
	p := New(Config{}).Pool(nil)
	defer p.Close()
	if _, err := p.Open(t.Context(), request("gopher", "h:70"), flow.Framing{}, engine.AnyConnection); err == nil {
		t.Error("gopher is dialled")
	}
}
