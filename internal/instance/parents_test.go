package instance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func environ(kv ...string) func(string) string {
	return func(name string) string {
		for _, s := range kv {
			if n, v, _ := strings.Cut(s, "="); n == name {
				return v
			}
		}
		return ""
	}
}

func TestEnvironment(t *testing.T) {
	in := &Instance{cfg: Config{Getenv: environ("http_proxy=http://a.test:1", "HTTPS_PROXY=https://u:p@b.test", "NO_PROXY=.corp.test,192.0.2.0/24,exact.test:8080")}}
	e, err := in.readEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scheme, host string
		port         uint16
		want         string
	}{
		{"http", "x.test", 80, "http://a.test:1"},
		{"https", "x.test", 443, "https://b.test:443"},
		{"https", "2001:db8::1", 443, "https://b.test:443"},
		{"https", "www.corp.test", 443, ""},
		{"http", "192.0.2.9", 80, ""},
		{"http", "exact.test", 8080, ""},
		{"http", "exact.test", 80, "http://a.test:1"},
		{"http", "localhost", 80, ""},
		{"http", "127.0.0.1", 80, ""},
	} {
		if got := e.parent(c.scheme, c.host, c.port); got.String() != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if v := e.parent("https", "x.test", 443); v.User != "u" || v.Password != "p" {
		t.Error("the credentials of the variable are lost")
	}
}

func TestParentsThatCannotBe(t *testing.T) {
	loop, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := loop.Addr().(*net.TCPAddr).Port
	loop.Close()
	itself := "127.0.0.1:" + strconv.Itoa(port)
	for _, c := range []struct {
		sets, env []string
		text      string
	}{
		{[]string{"mode=upstream:env"}, nil, "neither HTTP_PROXY nor HTTPS_PROXY is set"},
		{[]string{"mode=upstream:env"}, []string{"https_proxy=socks5://x:hunter2@y"}, "variable https_proxy: scheme"},
		{[]string{"mode=upstream:env@" + itself}, []string{"HTTPS_PROXY=http://" + itself}, "is this midstream itself"},
		{[]string{"mode=upstream:env", "upstream_auth=u:hunter2"}, []string{"HTTPS_PROXY=http://a", "HTTP_PROXY=http://b"}, "for one of them only"},
		{[]string{"mode=upstream:http://a", "mode=upstream:http://b", "upstream_auth=u:hunter2"}, nil, "lead to http://a:80 and http://b:80"},
		{[]string{"mode=upstream:http://a", "mode=reverse:http://b", "upstream_auth=u:hunter2"}, nil, "lead to http://a:80 and http://b:80"},
		{[]string{"upstream_routes=x=ftp://u:hunter2@p"}, nil, "option upstream_routes, value 1: scheme"},
	} {
		in, err := Start(t.Context(), Config{Options: options(t, c.sets...), Getenv: environ(c.env...)})
		if in != nil {
			in.Close(t.Context())
		}
		if _, usage := errors.AsType[*UsageError](err); !usage || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v", c.sets, err)
		}
	}
}

// The environment's parent gets what is not excepted, with the credentials of
// upstream_auth.
func TestUpstreamEnv(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heads := make(chan *http.Request, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					c.Close()
					break
				}
				heads <- req
				if req.Header.Get("Proxy-Authorization") == "" {
					io.WriteString(c, "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
					continue
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nparent")
			}
		}
	}()
	in, stop := running(t, Config{
		Options: options(t, "mode=upstream:env", "upstream_auth=anna:secret"),
		Getenv:  environ("HTTP_PROXY=" + l.Addr().String()),
	})
	defer stop()
	c, err := net.Dial("tcp", in.Listeners()[0].Addresses[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET http://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(resp.Body); string(b) != "parent" {
		t.Errorf("%s", b)
	}
	first, second := <-heads, <-heads
	if first.Header.Get("Proxy-Authorization") != "" || second.Header.Get("Proxy-Authorization") != "Basic YW5uYTpzZWNyZXQ=" || second.RequestURI != "http://shop.test/x" {
		t.Errorf("%v, then %v", first, second)
	}
	if m := in.Listeners()[0].Mode; m != "upstream:env" {
		t.Error(m)
	}
}
