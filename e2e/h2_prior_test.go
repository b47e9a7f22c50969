package e2e

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// plainServer serves a handler without TLS, in HTTP/1 or HTTP/2, and returns its
// URL.
func plainServer(t testing.TB, two bool, handler http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(!two)
	s.Protocols.SetUnencryptedHTTP2(two)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(ln)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return "http://" + ln.Addr().String()
}

// A client that speaks HTTP/2 without TLS is served in a tunnel and in reverse
// mode, before servers that speak it and servers that do not. (With the address
// of a proxy only, curl speaks HTTP/1.1 to it.)
func TestHTTP2WithoutTLS(t *testing.T) {
	program := need(t, "curl")
	t.Parallel()
	for _, two := range []bool{true, false} {
		came := "HTTP/1.1"
		if two {
			came = "HTTP/2.0"
		}
		base := plainServer(t, two, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Came", r.Proto)
			io.Copy(w, r.Body)
		}))
		file := patternFile(t, 2<<20)
		for name, way := range map[string]struct{ flags, args []string }{
			"tunnel":  {nil, []string{"--proxytunnel", "--proxy", "PROXY", base + "/echo"}},
			"reverse": {[]string{"--mode", "reverse:" + base}, []string{"PROXY/echo"}},
		} {
			t.Run(fmt.Sprint(name, " to ", came), func(t *testing.T) {
				t.Parallel()
				p := start(t, way.flags...)
				out := filepath.Join(t.TempDir(), "out")
				args := []string{"-sS", "--http2-prior-knowledge", "--noproxy", "", "--max-time", "60", "-o", out, "-w", "%{http_version} %{http_code} %header{x-came}", "--data-binary", "@" + file}
				for _, a := range way.args {
					args = append(args, strings.Replace(a, "PROXY", p.URL(), 1))
				}
				if got := run(t, nil, program, args...); got != "2 200 "+came || fileSHA256(t, out) != fileSHA256(t, file) {
					t.Errorf("%q", got)
				}
				s := p.recorded()
				f := s.flow("/echo")
				f.completed()
				if f.Request.Size != 2<<20 || f.Response.Size != 2<<20 {
					t.Errorf("recorded as %+v", f)
				}
			})
		}
	}
}

// Where HTTP/2 is switched off, the client and the flow say so.
func TestHTTP2WithoutTLSRefused(t *testing.T) {
	program := need(t, "curl")
	t.Parallel()
	p := start(t, "--no-http2", "--mode", "reverse:http://localhost:1")
	if got := run(t, nil, program, "-sS", "-w", "%{http_code}", "--http2-prior-knowledge", p.URL()); !strings.HasSuffix(got, "505") || !strings.Contains(got, "HTTP/2 is switched off") {
		t.Errorf("curl: %s", got)
	}
	s := p.recorded()
	if text := s.show(s.flows[0]); !strings.Contains(text, "http2-refused") || !strings.Contains(text, "HTTP/2 is switched off") {
		t.Errorf("shown as:\n%s", text)
	}
}
