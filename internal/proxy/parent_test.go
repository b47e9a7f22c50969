package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// visit makes one exchange over TLS through a tunnel, and returns the body.
func (r *rig) visit(host string, port uint16) string {
	r.t.Helper()
	p := r.dial()
	p.connect(hostPort(host, port))
	s := p.mustSecure(&tls.Config{ServerName: strings.Trim(host, "[]"), InsecureSkipVerify: true})
	s.send("GET /x HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	status, _, body := s.response()
	return fmt.Sprint(status, " ", body)
}

func TestUpstreamMode(t *testing.T) {
	_, port := webOrigin(t, true)
	for _, scheme := range []string{"http", "https"} {
		parent := newParent(t, scheme == "https", nil)
		r := throughParent(t, scheme, parent, nil)
		if got := r.visit("shop.test", port); !strings.HasPrefix(got, "200 GET /x host=shop.test sni=shop.test") {
			t.Errorf("%s: %s", scheme, got)
		}
		p := r.dial()
		for _, target := range []string{"http://a.test/1", "http://a.test/2?q", "http://b.test:81/", "http://[2001:db8::1]:81/y", "http://[2001:db8::1]/"} {
			p.send("GET %s HTTP/1.1\r\nHost: x.test\r\nProxy-Authorization: Basic b3VyczpvdXJz\r\n\r\n", target)
			authority, _, _ := strings.Cut(strings.TrimPrefix(target, "http://"), "/")
			if status, _, body := p.response(); status != 200 || body != "GET "+target+" for="+authority+" body=" {
				t.Errorf("%s: %d %s", target, status, body)
			}
		}
		p.send("POST http://a.test/p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc")
		if _, _, body := p.response(); body != "POST http://a.test/p for=a.test body=abc" {
			t.Error(body)
		}
		p.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if status, _, _ := p.response(); status != 400 {
			t.Errorf("a request for the proxy itself: %d", status)
		}
		if strings.Contains(parent.all(), "Proxy-Authorization") {
			t.Errorf("what is for us went to the parent: %s", parent.all())
		}
		for _, f := range r.flows.wait(t, 7) {
			if f.Server == nil && f.Outcome.Kind != flow.Refused || f.Server != nil && f.Server.Via != scheme+"://"+local(parent.port) {
				t.Errorf("%s: %+v", f.Request.URL(), f.Server)
			}
		}
	}
}

func TestUpstreamConnectHead(t *testing.T) {
	_, port := webOrigin(t, true)
	for _, without := range []bool{false, true} {
		parent := newParent(t, false, nil)
		r := throughParent(t, "http", parent, func(c *Config) { c.Upstream.ConnectWithoutHost, c.Upstream.TLS.Insecure = without, true })
		r.visit("[::1]", port)
		target := hostPort("::1", port)
		want := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"
		if without {
			want = "CONNECT " + target + " HTTP/1.1\r\n\r\n"
		}
		if got := parent.all(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A 407 is answered on the same connection; what the parent wants is known from then
// on, on other connections too.
func TestUpstreamCredentials(t *testing.T) {
	_, port := webOrigin(t, true)
	to := hostPort("shop.test", port)
	for _, c := range []struct {
		auth           string
		chunked, close bool
		want           []string
	}{
		{"basic", false, false, []string{"1: CONNECT %s", "1: CONNECT %s Basic", "2: CONNECT %s Basic", "3: GET http://a.test/1 Basic", "3: POST http://a.test/2 Basic", "3: GET http://a.test/3 Basic"}},
		{"basic", true, false, []string{"1: CONNECT %s", "1: CONNECT %s Basic", "2: CONNECT %s Basic", "3: GET http://a.test/1 Basic", "3: POST http://a.test/2 Basic", "3: GET http://a.test/3 Basic"}},
		{"basic", false, true, []string{"1: CONNECT %s", "2: CONNECT %s Basic", "3: CONNECT %s Basic", "4: GET http://a.test/1 Basic", "4: POST http://a.test/2 Basic", "4: GET http://a.test/3 Basic"}},
		// Before a body the parent is asked: what was right for one request may not be for the next.
		{"digest", false, false, []string{"1: CONNECT %s", "1: CONNECT %s Digest", "2: CONNECT %s Digest", "3: GET http://a.test/1 Digest", "3: OPTIONS http://a.test Digest", "3: POST http://a.test/2 Digest", "3: GET http://a.test/3 Digest"}},
	} {
		parent := newParent(t, false, func(p *parentProxy) { p.auth, p.chunked, p.hangUp = c.auth, c.chunked, c.close })
		r := throughParent(t, "http", parent, withCredentials)
		for range 2 {
			if got := r.visit("shop.test", port); !strings.HasPrefix(got, "200 ") {
				t.Fatalf("%+v: %s", c, got)
			}
		}
		p := r.dial()
		for i, body := range []string{"", "abc", ""} {
			method, framing := "GET", ""
			if body != "" {
				method, framing = "POST", "Content-Length: 3\r\n"
			}
			p.send("%s http://a.test/%d HTTP/1.1\r\nHost: a.test\r\n%s\r\n%s", method, i+1, framing, body)
			if status, _, got := p.response(); status != 200 || !strings.HasSuffix(got, "body="+body) {
				t.Errorf("%+v: %d %s", c, status, got)
			}
		}
		var want []string
		for _, w := range c.want {
			want = append(want, strings.ReplaceAll(w, "%s", to))
		}
		if got := parent.log(); !slices.Equal(got, want) {
			t.Errorf("%+v:\n%s\nwant\n%s", c, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, f := range r.flows.wait(t, 5) {
			if f.Request.Fields.Has("Proxy-Authorization") || f.Response != nil && f.Response.Status == 407 {
				t.Errorf("%s: the flow shows what is between us and the parent", f.Request.URL())
			}
		}
		if strings.Contains(r.log.String(), "secret") || strings.Contains(r.log.String(), "YW5uYTpzZWNyZXQ=") {
			t.Error("credentials in the log")
		}
	}
}

// The first request is one of plain http, and one with a body, whose parent is asked
// before.
func TestUpstreamCredentialsForPlainRequests(t *testing.T) {
	for _, auth := range []string{"basic", "digest"} {
		for _, stale := range []bool{false, true} {
			parent := newParent(t, false, func(p *parentProxy) { p.auth, p.stale = auth, stale })
			r := throughParent(t, "http", parent, withCredentials)
			p := r.dial()
			p.send("POST http://a.test/1 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
			if status, _, body := p.response(); status != 200 || !strings.HasSuffix(body, "body=abc") {
				t.Errorf("%s: %d %s", auth, status, body)
			}
			for range 3 {
				p.send("GET http://a.test/2 HTTP/1.1\r\nHost: a.test\r\n\r\n")
				if status, _, body := p.response(); status != 200 {
					t.Errorf("%s: %d %s", auth, status, body)
				}
			}
			log := parent.log()
			if log[0] != "1: OPTIONS http://a.test" || !strings.HasPrefix(log[1], "1: POST http://a.test/1 ") || parent.conns != 1 {
				t.Errorf("%s on %d connections", log, parent.conns)
			}
		}
	}
}

func TestUpstreamRefusals(t *testing.T) {
	_, port := webOrigin(t, true)
	for _, c := range []struct {
		name, text string
		change     func(*parentProxy)
		cfg        func(*Config)
	}{
		{"no credentials", "it wants credentials (407); give them with upstream_auth", func(p *parentProxy) { p.auth = "basic" }, nil},
		{"wrong ones", "it does not take the credentials (407); check upstream_auth", func(p *parentProxy) { p.auth = "basic" },
			func(c *Config) { c.Parents.User, c.Parents.Password = "anna", "wrong" }},
		{"wrong ones, Digest", "it does not take the credentials (407); check upstream_auth", func(p *parentProxy) { p.auth = "digest" },
			func(c *Config) { c.Parents.User, c.Parents.Password = "anna", "wrong" }},
		{"another status", "it answered 403 No", func(p *parentProxy) { p.refuse = 403 }, nil},
	} {
		parent := newParent(t, false, c.change)
		r := throughParent(t, "http", parent, c.cfg)
		got := r.visit("shop.test", port)
		what := "connect to server " + hostPort("shop.test", port) + " through parent proxy http://" + local(parent.port) + ": "
		if !strings.HasPrefix(got, "502 ") || !strings.Contains(got, what+c.text) {
			t.Errorf("%s: %s", c.name, got)
		}
		if parent.auth == "" {
			continue
		}
		for _, head := range []string{"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"} {
			p := r.dial()
			p.send("%s", head)
			if status, h, body := p.response(); status != 502 || !strings.Contains(body, c.text) || h.Get("Proxy-Authenticate") != "" {
				t.Errorf("%s: %d %v %s", c.name, status, h, body)
			}
		}
	}
}

// A parent that is broken in one way or another.
func TestUpstreamFaults(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		text  string
	}{
		"closes":                 {func(c net.Conn) { c.Read(make([]byte, 4096)) }, "it closed the connection in place of an answer to CONNECT"},
		"not HTTP, and it waits": {func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); io.Copy(io.Discard, c) }, "it is not HTTP"},
		"101": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			io.Copy(io.Discard, c)
		}, "it answered 101 Switching Protocols"},
		"not HTTP":     {func(c net.Conn) { io.WriteString(c, "SSH-2.0\n\n"); io.Copy(io.Discard, c) }, "it is not HTTP"},
		"endless head": {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "); io.Copy(c, endless{}) }, "larger than 64 KiB"},
		"407 for ever": {func(c net.Conn) {
			for {
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=x, nonce=y, stale=true\r\nContent-Length: 0\r\n\r\n")
			}
		}, "again and again"},
		"no known scheme": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 407 x\r\nProxy-Authenticate: Kerberos\r\nProxy-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, c)
		}, "by kerberos, bearer only; there are Basic, Digest and NTLM"},
		"NTLM broken off": {func(c net.Conn) {
			for {
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")
			}
		}, "it broke off the NTLM handshake"},
		"NTLM damaged": {func(c net.Conn) {
			for {
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM TlRMTVNTUAACAAAA\r\nContent-Length: 0\r\n\r\n")
			}
		}, "its NTLM challenge: "},
		"no way": {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 407 x\r\n\r\n"); io.Copy(io.Discard, c) }, "does not say how"},
	} {
		parent := &parentProxy{port: rawOrigin(t, c.serve)}
		r := throughParent(t, "http", parent, withCredentials)
		if got := r.visit("shop.test", 443); !strings.HasPrefix(got, "502 ") || !strings.Contains(got, c.text) {
			t.Errorf("%s: %s", name, got)
		}
	}
	r := throughParent(t, "http", &parentProxy{port: closedPort(t)}, nil)
	if got := r.visit("shop.test", 443); !strings.Contains(got, "connection refused") || !strings.Contains(got, "through parent proxy") {
		t.Error(got)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// byScript sends flows through parents as a script does.
type byScript func(host string) *flow.Via

func (b byScript) HTTPConnect(_ context.Context, x *hook.Exchange) error {
	x.Request.Via = b(x.Request.Host)
	return nil
}

func (b byScript) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	x.Request.Via = b(x.Request.Host)
	return nil
}

// Each server may have a parent of its own, and what is for one parent never reaches
// another one or a server, nor after one has failed.
func TestParentPerServer(t *testing.T) {
	_, plain := webOrigin(t, false)
	_, secured := webOrigin(t, true)
	a := newParent(t, false, func(p *parentProxy) { p.auth = "basic" })
	b := newParent(t, false, nil)
	via := func(p *parentProxy, user string) *flow.Via {
		return &flow.Via{Scheme: "http", Host: "127.0.0.1", Port: p.port, User: user, Password: "secret"}
	}
	routes := func(c *Config) {
		withCredentials(c) // for the mode's own parent, which is A
		for _, text := range []string{`^b\.test:=http://` + local(b.port), `^localhost:|^127\.=direct`, `^a2\.test:=http://anna:secret@` + local(a.port)} {
			route, err := ParseRoute(text)
			if err != nil {
				t.Fatal(err)
			}
			c.Parents.Routes = append(c.Parents.Routes, route)
		}
	}
	script := byScript(func(host string) *flow.Via {
		switch host {
		case "b.test":
			return via(b, "")
		case "a.test", "a2.test":
			return via(a, "anna")
		}
		return nil
	})
	for name, change := range map[string]func(*Config){
		"routes": routes,
		"script": func(c *Config) { c.Hooks = addons(t, script) },
	} {
		mode := a
		if name == "script" {
			mode = b
		}
		r := throughParent(t, "http", mode, func(c *Config) { c.Upstream.TLS.Insecure = true; change(c) })
		before := len(a.log())
		for _, host := range []string{"a.test", "a2.test", "b.test", "127.0.0.1"} {
			port := plain
			p := r.dial()
			p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", hostPort(host, port))
			if status, _, body := p.response(); status != 200 {
				t.Errorf("%s, %s: %d %s", name, host, status, body)
			}
			if got := r.visit(host, secured); !strings.HasPrefix(got, "200 ") {
				t.Errorf("%s, %s: %s", name, host, got)
			}
		}
		if n := len(a.log()) - before; n < 4 {
			t.Errorf("%s: A was asked %d times", name, n)
		}
	}
	if got := b.all(); strings.Contains(got, "Proxy-Authorization") || !strings.Contains(got, "CONNECT b.test:") || !strings.Contains(got, "GET http://b.test:") || strings.Contains(got, "a.test") {
		t.Errorf("B was told:\n%s", got)
	}
	if got := a.all(); strings.Contains(got, "b.test") || strings.Contains(got, "127.0.0.1:") {
		t.Errorf("A was told:\n%s", got)
	}
}

// What speaks first inside a tunnel through a parent is passed on, TLS to the parent
// or not.
func TestServerFirstThroughParent(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) {
		io.WriteString(c, "220 hello\r\n")
		io.Copy(c, c)
	})
	for _, scheme := range []string{"http", "https"} {
		parent := newParent(t, scheme == "https", nil)
		r := throughParent(t, scheme, parent, nil)
		p := r.dial()
		p.connect(hostPort("mail.test", port))
		line, err := p.r.ReadString('\n')
		if err != nil || line != "220 hello\r\n" {
			t.Errorf("%s: %q %v", scheme, line, err)
		}
		p.send("QUIT\r\n")
		if line, _ = p.r.ReadString('\n'); line != "QUIT\r\n" {
			t.Errorf("%s: %q", scheme, line)
		}
	}
}

// Credentials for the target of a reverse mode go to it alone, and are not recorded.
func TestReverseCredentials(t *testing.T) {
	got := make(chan string, 4)
	serve := func(c net.Conn) {
		p := newPeer(t, c)
		got <- field(p.head(), "Authorization")
		io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	}
	target, other := rawOrigin(t, serve), rawOrigin(t, serve)
	r := newRig(t, func(c *Config) {
		c.Modes = mustParse(t, "reverse:http://"+local(target)+"@0")
		withCredentials(c)
		c.Hooks = addons(t, elsewhere(other))
	})
	for path, want := range map[string]string{"/": "Basic YW5uYTpzZWNyZXQ=", "/other": "theirs"} {
		p := r.dial()
		p.send("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: theirs\r\n\r\n", path)
		p.response()
		if a := <-got; a != want {
			t.Errorf("%s: %q", path, a)
		}
	}
	for _, f := range r.flows.wait(t, 2) {
		if f.Request.Fields.Get("Authorization") != "theirs" {
			t.Errorf("%+v", f.Request.Fields)
		}
	}
}

// elsewhere sends /other to another port.
type elsewhere uint16

func (e elsewhere) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Request.Path == "/other" {
		x.Request.Port = uint16(e)
	}
	return nil
}

func TestParseRoute(t *testing.T) {
	for text, want := range map[string]string{
		`.=direct`:                            "",
		`^a=b:=http://p:1`:                    "http://p:1",
		`x=p.test`:                            "http://p.test:80",
		`x=https://u:a=b@p.test`:              "https://p.test:443",
		`x=http://u:http%3a//@p.test:1`:       "http://p.test:1",
		`\.corp\.test:443$=http://[::1]:3128`: "http://[::1]:3128",
	} {
		r, err := ParseRoute(text)
		if err != nil || r.Via.String() != want {
			t.Errorf("%s: %v %v", text, r.Via, err)
		}
	}
	for text, why := range map[string]string{"": "REGEX", "x": "REGEX", "=direct": "REGEX", "(=direct": "", "x=ftp://p": "scheme", "x=http://u:hunter2@": "host"} {
		_, err := ParseRoute(text)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
