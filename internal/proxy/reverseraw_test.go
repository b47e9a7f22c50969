package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

// echo greets where it is told to, then sends back what comes, in TLS or without.
func echo(t *testing.T, secure, greets bool, alpn ...string) uint16 {
	return rawOrigin(t, func(c net.Conn) {
		if secure {
			cfg := originTLS()
			cfg.NextProtos = alpn
			s := tls.Server(c, cfg)
			defer s.Close()
			c = s
		}
		if greets {
			io.WriteString(c, "220 hello\n")
		}
		io.Copy(c, c)
	})
}

func TestReverseRaw(t *testing.T) {
	for _, scheme := range []string{"tcp", "tls"} {
		for _, greets := range []bool{true, false} {
			for _, strategy := range []Strategy{Eager, Lazy} {
				if greets && strategy == Lazy {
					continue // who is not connected to cannot greet
				}
				port := echo(t, scheme == "tls", greets, "h2")
				r := newRig(t, func(c *Config) {
					c.Modes, c.Strategy, c.HTTP2 = mustParse(t, "reverse:"+scheme+"://localhost:"+local(port)[len("127.0.0.1:"):]+"@0"), strategy, true
				})
				for _, secure := range []bool{false, true} {
					if greets && secure {
						continue // the server has spoken before the client's hello
					}
					p := r.dial()
					if secure {
						p = p.mustSecure(&tls.Config{ServerName: "mail.test", NextProtos: []string{"h2"}})
						if got := p.state().NegotiatedProtocol; scheme == "tls" && got != "h2" || scheme == "tcp" && got != "" {
							t.Errorf("%s: ALPN %q", scheme, got)
						}
					}
					if greets {
						if line, err := p.r.ReadString('\n'); line != "220 hello\n" {
							t.Fatalf("%s: %q %v", scheme, line, err)
						}
					}
					for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\x01\n"} {
						p.send("%s", text)
						if got := string(p.take(len(text))); got != text {
							t.Errorf("%s: %q", scheme, got)
						}
					}
					p.Close()
				}
				for _, f := range r.flows.wait(t, map[bool]int{true: 1, false: 2}[greets]) {
					if f.Kind != flow.TCP || f.Server.Address != "localhost:"+local(port)[len("127.0.0.1:"):] || (f.Server.TLS != nil) != (scheme == "tls") {
						t.Errorf("%s: %+v", scheme, f.Server)
					}
				}
			}
		}
	}
}

func TestReverseRawFails(t *testing.T) {
	plain := echo(t, false, true)
	for spec, text := range map[string]string{
		"reverse:tcp://" + local(closedPort(t)): "connection refused",
		"reverse:tls://" + local(closedPort(t)): "connection refused",
		"reverse:tls://" + local(plain):         "does not speak TLS",
	} {
		r := newRig(t, func(c *Config) { c.Modes = mustParse(t, spec+"@0") })
		if c, err := net.Dial("tcp", r.addr); err == nil { // it may be reset already
			p := newPeer(t, c)
			p.Write([]byte("hello, hello, hello, hello\n"))
			if b, err := io.ReadAll(p); err == nil || len(b) > 0 {
				t.Errorf("%s: the client sees a proper end: %q", spec, b)
			}
		}
		if f := r.flows.wait(t, 1)[0]; f.Outcome.Kind != flow.Failed || !strings.Contains(f.Outcome.Text, text) {
			t.Errorf("%s: %+v", spec, f.Outcome)
		}
	}
}

func TestAltSvc(t *testing.T) {
	for in, want := range map[string]string{
		`h3=":443"; ma=86400`: `h3=":8080"; ma=86400`,
		`h3="alt.test:443"; ma="1:2"; persist=1, h2="[::1]:44"`: `h3=":8080"; ma="1:2"; persist=1, h2=":8080"`,
		"clear":    "clear",
		`h3=":443`: `h3=":443`,
		`h3=443`:   `h3=443`,
		"":         "",
	} {
		if got := rewriteAltSvc(in, "8080"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	port := rawOrigin(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nALT-SVC: h3=\":443\"; ma=1\r\nContent-Length: 0\r\nAlt-Svc: clear\r\n\r\n")
	})
	for mode, want := range map[string]string{"reverse:http://" + local(port): "", "regular": `h3=":443"; ma=1`} {
		r := newRig(t, func(c *Config) { c.Modes, c.Hooks = mustParse(t, mode+"@0"), addons(t, AltSvc{}) })
		p := r.dial()
		p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
		_, h, _ := p.response()
		if want == "" {
			_, at, _ := net.SplitHostPort(r.addr)
			want = `h3=":` + at + `"; ma=1`
		}
		if got := h.Values("Alt-Svc"); !slices.Equal(got, []string{want, "clear"}) {
			t.Errorf("%s: %q", mode, got)
		}
	}
}

func FuzzAltSvc(f *testing.F) {
	f.Add(`h3=":443"; ma=1, h2="x:1"`)
	f.Fuzz(func(t *testing.T, s string) {
		once := rewriteAltSvc(s, "1")
		if again := rewriteAltSvc(once, "1"); again != once {
			t.Fatalf("%q: %q, then %q", s, once, again)
		}
	})
}

// A word that could begin a request of HTTP waits for nothing where there is no HTTP,
// also when the server speaks at the same time.
func TestReverseRawPassesAWordOn(t *testing.T) {
	for _, scheme := range []string{"tcp", "tls"} {
		port := echo(t, scheme == "tls", false)
		r := newRig(t, func(c *Config) {
			c.Modes = mustParse(t, "reverse:"+scheme+"://"+local(port)+"@0")
			c.TLS.HandshakeTimeout = time.Hour
		})
		for _, secure := range []bool{false, true} {
			p := r.dial()
			if secure {
				p = p.mustSecure(&tls.Config{ServerName: "mail.test"})
			}
			p.send("hi")
			if got := string(p.take(2)); got != "hi" {
				t.Errorf("%s: %q", scheme, got)
			}
			p.Close()
		}
	}
}

// In a tunnel it waits a moment, then it is passed on.
func TestTunnelPassesAWordOn(t *testing.T) {
	port := echo(t, false, false)
	r := newRig(t, func(c *Config) { c.TLS.HandshakeTimeout = time.Hour })
	p := r.dial()
	p.connect(local(port))
	p.send("hi")
	if got := string(p.take(2)); got != "hi" {
		t.Errorf("%q", got)
	}
}
