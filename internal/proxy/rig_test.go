package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
	"midstream/internal/engine"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

var cas struct {
	ours, theirs *ca.Authority // what midstream signs with, and what origins have
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "proxy-test")
	if err != nil {
		panic(err)
	}
	if cas.ours, err = ca.Load(dir+"/ours", ca.Options{}); err != nil {
		panic(err)
	}
	if cas.theirs, err = ca.Load(dir+"/theirs", ca.Options{}); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func pool(a *ca.Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Cert())
	return p
}

// seen collects the flows that have ended.
type seen struct {
	mu    sync.Mutex
	flows []*flow.Flow
	more  chan struct{}
}

func (s *seen) Watch(f *flow.Flow) {
	if f.Live() {
		return
	}
	s.mu.Lock()
	s.flows = append(s.flows, f)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// wait returns the first n flows that have ended.
func (s *seen) wait(t *testing.T, n int) []*flow.Flow {
	t.Helper()
	for late := time.After(patience); ; {
		s.mu.Lock()
		list := s.flows
		s.mu.Unlock()
		if len(list) >= n {
			return list
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("%d flows have ended, want %d", len(list), n)
		}
	}
}

// rig is a proxy that runs.
type rig struct {
	t     *testing.T
	p     *Proxy
	addr  string
	flows *seen
	log   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, flows: &seen{more: make(chan struct{}, 1)}, log: &syncBuffer{}}
	cfg := Config{
		Engine: engine.New(engine.Config{Watchers: []engine.Watcher{r.flows}}),
		CA:     cas.ours,
		Log:    slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	cfg.Upstream.TLS.Roots = pool(cas.theirs)
	if change != nil {
		change(&cfg)
	}
	r.p = New(cfg)
	addrs, err := r.p.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.addr = addrs[0].String()
	done := make(chan error)
	go func() { done <- r.p.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

// addons makes a Hooks of fixed addons.
func addons(t *testing.T, list ...any) func() *hook.Set {
	set, err := hook.NewSet(nil, list...)
	if err != nil {
		t.Fatal(err)
	}
	return func() *hook.Set { return set }
}

// peer is a client's end of a connection with the reader that belongs to it.
type peer struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func newPeer(t *testing.T, c net.Conn) *peer {
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return &peer{c, bufio.NewReader(c), t}
}

func (r *rig) dial() *peer {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return newPeer(r.t, c)
}

func (p *peer) send(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.Conn, format, args...); err != nil {
		p.t.Fatal(err)
	}
}

// head reads a response head, octet for octet.
func (p *peer) head() string {
	p.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		c, err := p.r.ReadByte()
		if err != nil {
			p.t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteByte(c)
	}
	return b.String()
}

// response reads a response and its body.
func (p *peer) response() (int, http.Header, string) {
	p.t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// connect asks for a tunnel.
func (p *peer) connect(target string) {
	p.t.Helper()
	p.send("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	if got := p.head(); got != "HTTP/1.1 200 Connection established\r\n\r\n" {
		p.t.Fatalf("CONNECT is answered %q", got)
	}
}

// Read goes through the reader.
func (p *peer) Read(b []byte) (int, error) { return p.r.Read(b) }

// secure shakes hands; nil roots accept anything.
func (p *peer) secure(cfg *tls.Config) (*peer, error) {
	p.t.Helper()
	if cfg.RootCAs == nil {
		cfg.RootCAs = pool(cas.ours)
	}
	c := tls.Client(p, cfg)
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	return newPeer(p.t, c), nil
}

func (p *peer) mustSecure(cfg *tls.Config) *peer {
	p.t.Helper()
	s, err := p.secure(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *peer) state() tls.ConnectionState { return p.Conn.(*tls.Conn).ConnectionState() }

// webOrigin is an HTTP server that says what it was asked.
func webOrigin(t *testing.T, secure bool) (s *httptest.Server, port uint16) {
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sni := ""
		if r.TLS != nil {
			sni = r.TLS.ServerName
		}
		fmt.Fprintf(w, "%s %s host=%s sni=%s from=%s", r.Method, r.RequestURI, r.Host, sni, r.RemoteAddr)
	}))
	if secure {
		s.TLS = originTLS()
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, portOf(s.Listener.Addr())
}

func originTLS() *tls.Config {
	return &tls.Config{GetCertificate: func(chi *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return cas.theirs.Leaf(chi.Context(), ca.LeafRequest{SNI: chi.ServerName, Addr: "127.0.0.1"})
	}}
}

func portOf(a net.Addr) uint16 { return uint16(a.(*net.TCPAddr).Port) }

func local(port uint16) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// rawOrigin serves each connection with serve, which closes it.
func rawOrigin(t *testing.T, serve func(net.Conn)) uint16 {
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
	return portOf(l.Addr())
}

// closedPort is a port where nothing listens.
func closedPort(t *testing.T) uint16 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(l.Addr())
}

// answerOnce serves one request over TLS.
func answerOnce(cfg *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, cfg)
		if _, err := http.ReadRequest(bufio.NewReader(s)); err != nil {
			return
		}
		io.WriteString(s, "HTTP/1.1 204 No Content\r\n\r\n")
		s.CloseWrite()
		io.Copy(io.Discard, s)
	}
}
