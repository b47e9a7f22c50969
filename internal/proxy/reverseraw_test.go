package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

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
	const sent = `h3=":443"; ma=1, h2="alt.test:443"; ma=2`
	port := rawOrigin(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nALT-SVC: %s\r\nContent-Length: 0\r\nAlt-Svc: h3=\":1\"\r\n\r\n", map[string]string{"/": sent, "/h3": `h3=":443"`}[r.URL.Path])
	})
	reverse := "reverse:http://" + local(port)
	for _, c := range []struct {
		mode, path string
		want       func(port string) []string
	}{
		{reverse, "/", func(port string) []string { return []string{`h2=":` + port + `"; ma=2`} }},
		{reverse, "/h3", func(string) []string { return []string{"clear"} }},
		{"regular", "/", func(string) []string { return []string{sent, `h3=":1"`} }},
	} {
		r := newRig(t, func(cfg *Config) { cfg.Modes, cfg.Hooks = mustParse(t, c.mode+"@0"), addons(t, AltSvc{}) })
		p := r.dial()
		p.send("GET http://%s%s HTTP/1.1\r\nHost: x\r\n\r\n", local(port), c.path)
		_, h, _ := p.response()
		_, at, err := net.SplitHostPort(r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Values("Alt-Svc"); !slices.Equal(got, c.want(at)) {
			t.Errorf("%s %s: %q, want %q", c.mode, c.path, got, c.want(at))
		}
	}
}
