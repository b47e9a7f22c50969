package proxy

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/auth"
)

const anna = "Basic YW5uYTpzZWNyZXQ=" // anna:secret

func users(t *testing.T, value string) func(*Config) {
	u, err := auth.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Auth = u }
}

// A CONNECT without credentials is answered 407, and one with them on the same
// connection is served; what was said to us goes nowhere.
func TestProxyAuth(t *testing.T) {
	_, plain := webOrigin(t, false)
	_, secured := webOrigin(t, true)
	r := newRig(t, users(t, "anna:secret"))
	p := r.dial()
	for range 2 {
		p.send("CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", local(secured))
		status, h, body := p.response()
		if status != 407 || h.Get("Proxy-Authenticate") != `Basic realm="midstream", charset="UTF-8"` || h.Get("Connection") == "close" || h.Get("Content-Length") == "" || !strings.Contains(body, "user and password") {
			t.Fatalf("%d %v %s", status, h, body)
		}
	}
	p.send("CONNECT %s HTTP/1.1\r\nHost: x\r\nProxy-Authorization: %s\r\n\r\n", local(secured), anna)
	if head := p.head(); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Fatal(head)
	}
	s := p.mustSecure(&tls.Config{ServerName: "h.test"})
	s.send("GET /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if status, _, _ := s.response(); status != 200 {
		t.Error(status)
	}
	got := make(chan string, 1)
	origin := rawOrigin(t, func(c net.Conn) {
		got <- newPeer(t, c).head()
		c.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
	})
	q := r.dial()
	q.send("POST http://%s/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", local(plain))
	if status, _, _ := q.response(); status != 407 {
		t.Error(status)
	}
	q.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\nProxy-Authorization: basic  YW5uYTpzZWNyZXQ=\r\n\r\n", local(origin))
	if status, _, _ := q.response(); status != 204 {
		t.Error(status)
	}
	if head := <-got; strings.Contains(head, "Proxy-Authorization") {
		t.Errorf("the origin was told %q", head)
	}
	granted := 0
	for _, f := range r.flows.wait(t, 5) {
		if f.Request.Fields.Has("Proxy-Authorization") {
			t.Errorf("%s has credentials", f.Request.URL())
		}
		if f.Metadata["proxyauth"] == "anna" {
			granted++
		} else if f.Response.Status != 407 || f.Outcome.Kind != flow.Refused {
			t.Errorf("%+v", f)
		}
	}
	if granted != 2 {
		t.Errorf("%d flows have their user", granted)
	}
	if log := r.log.String(); strings.Contains(log, "secret") || strings.Contains(log, anna[6:]) {
		t.Error(log)
	}
}

func TestProxyAuthRefuses(t *testing.T) {
	_, plain := webOrigin(t, false)
	r := newRig(t, users(t, "anna:secret"))
	for _, said := range []string{
		"Basic " + base64.StdEncoding.EncodeToString([]byte("anna:wrong")),
		"Basic " + base64.StdEncoding.EncodeToString([]byte("anna")),
		"Basic !!!", "Bearer x", "Digest username=anna", "",
	} {
		p := r.dial()
		p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\nProxy-Authorization: %s\r\nAccept: text/html\r\n\r\n", local(plain), said)
		if status, _, body := p.response(); status != 407 || !strings.HasPrefix(body, "<!doctype html>") {
			t.Errorf("%s: %d %s", said, status, body)
		}
	}
}

// Clients of a reverse mode are asked as by a server, over HTTP/2 too, and the target
// never gets what they said to us.
func TestReverseAuth(t *testing.T) {
	got := make(chan string, 2)
	target := rawOrigin(t, func(c net.Conn) {
		for r := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			got <- req.Header.Get("Authorization")
			c.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
		}
	})
	r := newRig(t, func(c *Config) {
		users(t, "anna:secret")(c)
		c.Modes = mustParse(t, "reverse:http://"+local(target)+"@0")
		c.HTTP2 = true
	})
	p := r.dial()
	p.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	if status, h, _ := p.response(); status != 401 || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("%d %v", status, h)
	}
	p.send("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", anna)
	if status, _, _ := p.response(); status != 204 || <-got != "" {
		t.Error(status)
	}
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool(cas.ours), ServerName: "h.test"}}
	defer tr.CloseIdleConnections()
	for _, c := range []struct {
		password string
		status   int
	}{{"", 401}, {"secret", 204}} {
		req, _ := http.NewRequest("GET", "https://"+r.addr+"/y", nil)
		if c.password != "" {
			req.SetBasicAuth("anna", c.password)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.ProtoMajor != 2 {
			t.Errorf("%s %d", resp.Proto, resp.StatusCode)
		}
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string][2]bool{ // refused with block_global, with block_private
		"127.0.0.1:1": {false, false}, "[::1]:1": {false, false}, "[::ffff:127.0.0.1]:1": {false, false},
		"10.1.2.3:1": {false, true}, "192.168.1.1:1": {false, true}, "172.31.0.1:1": {false, true}, "[fd00::1]:1": {false, true},
		"[fe80::1%eth0]:1": {false, true}, "169.254.1.1:1": {false, true}, "192.0.2.7:1": {false, true}, "[2001:db8::1]:1": {false, true},
		"100.64.0.1:1": {false, false}, "172.32.0.1:1": {true, false}, "8.8.8.8:1": {true, false},
		"[2a00::1]:1": {true, false}, "[::ffff:8.8.8.8]:1": {true, false},
	} {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		got := [2]bool{(&Block{Global: true}).refuses(a) != nil, (&Block{Private: true}).refuses(a) != nil}
		if got != want || (&Block{}).refuses(a) != nil {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
