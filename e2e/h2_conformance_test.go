package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"midstream/internal/h2spec"
)

// conformanceOrigins are the servers that stand behind the proxy while it is
// tested: what they do must not show.
var conformanceOrigins = []struct {
	name      string
	protocols []string
	answer    http.HandlerFunc
}{
	{"HTTP2, reads the body", bothHTTP, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "an answer of more than five octets")
	}},
	{"HTTP1, reads the body", onlyHTTP1, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "an answer of more than five octets")
	}},
	{"HTTP2, answers with a length", bothHTTP, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		const text = "an answer of more than five octets"
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		io.WriteString(w, text)
	}},
}

// conforms runs the conformance tests through what opens makes of an origin at
// 127.0.0.2, which is named localhost: the port that h2spec is given.
func conforms(t *testing.T, opens func(t *testing.T, origin *net.TCPAddr) (host string, port int, args []string)) {
	t.Parallel()
	bin := h2spec.Build(t)
	for _, o := range conformanceOrigins {
		t.Run(o.name, func(t *testing.T) {
			var asked atomic.Int64
			at := serveAt(t, "127.0.0.2:0", o.protocols, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				o.answer(w, r)
			}))
			host, port, args := opens(t, at)
			h2spec.Run(t, bin, host, port, args...)
			if n := asked.Load(); n < h2spec.Tests/2 {
				t.Errorf("only %d requests have reached the origin", n)
			}
		})
	}
}

func TestReverseModePassesH2spec(t *testing.T) {
	conforms(t, func(t *testing.T, origin *net.TCPAddr) (string, int, []string) {
		p := start(t, "-q", "-k", "-m", "reverse:https://"+origin.String(), "--set", "connection_strategy=lazy")
		n, _ := strconv.Atoi(port(p.Addr))
		return "127.0.0.1", n, []string{"-t", "-k"}
	})
}

// h2spec knows of no proxies: a forwarder of our own asks the proxy for a tunnel
// and makes its TLS, for each connection that comes in. It listens on the
// origin's port, so that the authority is the tunnel's.
func TestTunnelsPassH2spec(t *testing.T) {
	conforms(t, func(t *testing.T, origin *net.TCPAddr) (string, int, []string) {
		p := start(t, "-q", "--set", "connection_strategy=lazy")
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(origin.Port))
		if err != nil {
			t.Skipf("the origin's port is not free on another address: %v", err)
		}
		trust := trusting(t, p.CA)
		trust.ServerName, trust.NextProtos = "localhost", []string{"h2"}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					far, err := tunnelTo(p.Addr, origin.String(), trust)
					if err != nil {
						t.Errorf("%v", err)
						return
					}
					splice(c.(*net.TCPConn), far)
				}()
			}
		}()
		t.Cleanup(func() { ln.Close(); <-ended })
		return "localhost", origin.Port, nil
	})
}

// tunnelTo asks the proxy for a tunnel and shakes hands in it.
func tunnelTo(proxy, target string, config *tls.Config) (*tls.Conn, error) {
	c, err := net.Dial("tcp", proxy)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target)
	br := bufio.NewReader(c)
	for n := 0; ; n++ {
		line, err := br.ReadString('\n')
		if err != nil || n == 0 && !strings.Contains(line, " 200 ") {
			c.Close()
			return nil, fmt.Errorf("CONNECT %s: %q, %v", target, line, err)
		}
		if line == "\r\n" {
			break
		}
	}
	s := tls.Client(c, config)
	if err := s.Handshake(); err != nil {
		c.Close()
		return nil, fmt.Errorf("handshake in a tunnel to %s: %w", target, err)
	}
	return s, nil
}

// splice copies both ways, each with its end, until both have ended.
func splice(a *net.TCPConn, b *tls.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(b, a)
		b.CloseWrite()
	}()
	io.Copy(a, b)
	a.CloseWrite()
	b.Close()
	a.CloseRead()
	<-done
}
