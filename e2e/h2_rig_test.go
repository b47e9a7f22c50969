package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// The ALPN names that the tests' peers agree to.
var (
	onlyHTTP1 = []string{"http/1.1"}
	bothHTTP  = []string{"h2", "http/1.1"}
)

// versions are those of the client and of the origin that a message passes
// between. A client gets HTTP/2 before an origin of HTTP/1 only where the origin
// is not asked first, or where the client speaks nothing else.
type versions struct {
	name           string
	client, server []string
	flags          []string
}

var betweenVersions = []versions{
	{"2 to 2", bothHTTP, bothHTTP, nil},
	{"1 to 1", onlyHTTP1, bothHTTP, nil},
	{"2 to 1", bothHTTP, onlyHTTP1, []string{"--set", "connection_strategy=lazy"}},
	{"2 alone to 1", []string{"h2"}, onlyHTTP1, nil},
}

// h2Server serves a handler in the protocols given, and returns its URL.
func h2Server(t testing.TB, protocols []string, handler http.Handler) string {
	t.Helper()
	return "https://localhost:" + strconv.Itoa(serveAt(t, "127.0.0.1:0", protocols, handler).Port)
}

// serveAt is h2Server at a host:port of the test's own.
func serveAt(t testing.TB, address string, protocols []string, handler http.Handler) *net.TCPAddr {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("%s cannot be listened on: %v", address, err)
	}
	s := &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: 1 << 20,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: protocols},
		Protocols: new(http.Protocols),
	}
	for _, name := range protocols {
		if name == "h2" {
			s.Protocols.SetHTTP2(true)
		} else {
			s.Protocols.SetHTTP1(true)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeTLS(ln, "", "")
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return ln.Addr().(*net.TCPAddr)
}

// speaking is a client with one connection of its own at most to each origin for
// HTTP/2, that offers the protocols given.
func (p *proxy) speaking(protocols []string) *http.Client {
	tr := &http.Transport{
		Proxy:                  http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addr}),
		TLSClientConfig:        trusting(p.t, p.CA),
		DisableCompression:     true,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              new(http.Protocols),
	}
	for _, name := range protocols {
		if name == "h2" {
			tr.Protocols.SetHTTP2(true)
		} else {
			tr.Protocols.SetHTTP1(true)
		}
	}
	p.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// eachVersions runs a test between each pair of versions, with a proxy and an
// origin of its own. Whether client and origin speak what they should is part of
// the test.
func eachVersions(t *testing.T, handler http.Handler, test func(t *testing.T, p *proxy, c *http.Client, base string), flags ...string) {
	t.Parallel()
	for _, v := range betweenVersions {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			base := h2Server(t, v.server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if want := v.name[len(v.name)-1:]; fmt.Sprint(r.ProtoMajor) != want {
					t.Errorf("%s came in %s", r.URL.Path, r.Proto)
				}
				handler.ServeHTTP(w, r)
			}))
			p := start(t, append(v.flags, flags...)...)
			c := p.speaking(v.client)
			inner := c.Transport
			c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				if err == nil && (resp.ProtoMajor == 2) != (v.client[0] == "h2") {
					resp.Body.Close()
					return nil, errors.New("the answer is of " + resp.Proto)
				}
				return resp, err
			})
			test(t, p, c, base)
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// soon waits for what is to come, and fails the test when it does not.
func soon[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s does not come", what)
	}
	return v
}
