package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"midstream/internal/clienthello"
)

// greeted is an origin over TLS that notes how it is greeted.
type greeted struct {
	net.Listener
	URL string

	mu     sync.Mutex
	hellos []*clienthello.Hello
}

type greetedConn struct {
	net.Conn
	to    *greeted
	heard []byte
	done  bool
}

func (c *greetedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.done {
		c.heard = append(c.heard, p[:n]...)
		if h, perr := clienthello.Parse(c.heard); perr == nil {
			c.done = true
			c.to.mu.Lock()
			c.to.hellos = append(c.to.hellos, h)
			c.to.mu.Unlock()
		}
	}
	return n, err
}

func (g *greeted) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &greetedConn{Conn: c, to: g}, nil
}

// names are the fingerprints of what was heard since the last time.
func (g *greeted) names() (list []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.hellos {
		list = append(list, h.JA4())
	}
	g.hellos = nil
	return list
}

func newGreeted(t *testing.T) *greeted {
	pki, err := testPKI()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &greeted{Listener: ln, URL: "https://localhost:" + port(ln.Addr().String()) + "/"}
	// Without tickets every handshake is a whole one.
	s := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{pki.leaf}, SessionTicketsDisabled: true},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<p>seen</p>\n") })}
	go s.ServeTLS(g, "", "")
	t.Cleanup(func() { s.Close() })
	return g
}

// An origin cannot tell the proxy from the client by the TLS fingerprint: each
// client greets it first by itself and then through the proxy.
func TestOriginsSeeTheClientsFingerprint(t *testing.T) {
	t.Parallel()
	o, p := newGreeted(t), start(t)
	const program = "import ssl,sys,urllib.request as u\nu.install_opener(u.build_opener(u.ProxyHandler(),u.HTTPSHandler(context=ssl.create_default_context(cafile=sys.argv[1]))))\nprint(u.urlopen(sys.argv[2]).read().decode())"
	for _, c := range []struct {
		name string
		line func(t *testing.T, ca string) []string
	}{
		{"curl", func(t *testing.T, ca string) []string { return []string{need(t, "curl"), "-sS", "--cacert", ca} }},
		{"curl TLS 1.2", func(t *testing.T, ca string) []string {
			return []string{need(t, "curl"), "-sS", "--http1.1", "--tls-max", "1.2", "--cacert", ca}
		}},
		{"python", func(t *testing.T, ca string) []string { return []string{need(t, "python3"), "-c", program, ca} }},
		{"node", func(t *testing.T, ca string) []string {
			return []string{need(t, "node"), "testdata/greet.mjs"}
		}},
		{"chromium", func(t *testing.T, ca string) []string {
			line := []string{chromium(t), "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
				"--disable-sync", "--disable-dev-shm-usage", "--ignore-certificate-errors", "--dump-dom"}
			if os.Geteuid() == 0 {
				line = append(line, "--no-sandbox")
			}
			if ca == p.CA {
				line = append(line, "--proxy-server="+p.URL(), "--proxy-bypass-list=<-loopback>")
			}
			return line
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var names [2][]string
			for i, ca := range []string{authorityFile(t), p.CA} {
				line := c.line(t, ca)
				home := browserHome(t)
				env := []string{"HOME=" + home, "NODE_EXTRA_CA_CERTS=" + ca}
				if i == 1 {
					env = append(env, "https_proxy="+p.URL(), "PROXY="+p.URL())
				}
				out, errs, err := attempt(t, env, line[0], append(line[1:], o.URL)...)
				if err != nil || !strings.Contains(out, "seen") {
					t.Fatalf("%v: %v\n%s\n%s", line, err, out, errs)
				}
				if names[i] = o.names(); len(names[i]) == 0 {
					t.Fatalf("%v: the origin was not greeted", line)
				}
			}
			for _, name := range names[1] {
				if name != names[0][0] {
					t.Errorf("the origin saw %s, by itself the client is %s", name, names[0][0])
				}
			}
		})
	}
	p.stop()
	if page := p.midstream("flows", "show", "--session", p.Session, "1"); strings.Count(page, "JA4") != 2 {
		t.Errorf("the flow does not show what the server saw:\n%s", page)
	}
}

// With the option every client is greeted for alike.
func TestOwnHello(t *testing.T) {
	t.Parallel()
	o := newGreeted(t)
	p := start(t, "--set", "tls_hello=own")
	own := ""
	for range 2 {
		for _, newest := range []string{"1.3", "1.2"} {
			run(t, []string{"https_proxy=" + p.URL()}, need(t, "curl"), "-sS", "--http1.1", "--tls-max", newest, "--cacert", p.CA, o.URL)
		}
		for _, name := range o.names() {
			if own == "" {
				own = name
			}
			if name != own {
				t.Errorf("the origin saw %s and %s", own, name)
			}
		}
	}
	p.stop()
}
