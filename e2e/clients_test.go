package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The round: every client that is programmed for the tests asks for a small
// body, uploads one with a length and one in chunks, and reads events of which
// each comes only after it has confirmed the one before. So a proxy that holds
// anything back makes it hang.
func roundText() string {
	sum := sha256.Sum256([]byte(strings.Repeat("0123456789", 100_000)))
	size := "1000000 " + hex.EncodeToString(sum[:])
	return "hello 200 hello\nupload " + size + "\nchunked " + size +
		"\nevent 0\nevent 1\nevent 2\nevent 3\nevent 4\nend bye\n"
}

func TestClientsMakeTheRound(t *testing.T) {
	for _, c := range []struct {
		name string
		line func(t *testing.T, p *proxy) []string
	}{
		{"python requests", func(t *testing.T, p *proxy) []string {
			python := need(t, "python3")
			if exec.Command(python, "-c", "import requests").Run() != nil {
				t.Skip("the Python library requests is not installed")
			}
			return []string{python, "testdata/client_requests.py"}
		}},
		{"python standard library", func(t *testing.T, p *proxy) []string {
			return []string{need(t, "python3"), "testdata/client_stdlib.py"}
		}},
		{"node https", func(t *testing.T, p *proxy) []string {
			return []string{need(t, "node"), "testdata/client_https.mjs"}
		}},
		{"node fetch", func(t *testing.T, p *proxy) []string {
			return []string{need(t, "node"), "testdata/client_fetch.mjs"}
		}},
		{"java HttpClient", func(t *testing.T, p *proxy) []string {
			store := filepath.Join(p.Confdir, "midstream-ca-cert.p12")
			return []string{need(t, "java"), "-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStoreType=PKCS12", "testdata/Client.java"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t)
			p := start(t)
			line := c.line(t, p)
			env := []string{"ORIGIN=" + o.HTTPS, "PROXY=" + p.URL(), "CA=" + p.CA, "NODE_EXTRA_CA_CERTS=" + p.CA}
			if got := run(t, env, line[0], line[1:]...); strings.ReplaceAll(got, "\r", "") != roundText() {
				t.Errorf("the client got:\n%s\nnot:\n%s", got, roundText())
			}
			if a := o.asked("/sink?upload"); a.Chunked || a.Size != 1_000_000 || a.Header.Get("Content-Length") != "1000000" {
				t.Errorf("upload arrived as %+v", a)
			}
			if a := o.asked("/sink?chunked"); !a.Chunked || a.Size != 1_000_000 {
				t.Errorf("chunked upload arrived as %+v", a)
			}
			s := p.recorded()
			for path, size := range map[string]int64{"/hello": 6, "/events?id=round&n=5": 128, "/sink?upload": 0, "/sink?chunked": 0} {
				f := s.flow(path)
				f.completed()
				if f.Status != 200 || f.Response.Disposition != "tee" || f.Response.Record != "complete" {
					t.Errorf("%s is recorded as %+v", path, f)
				}
				if size > 0 && f.Response.Size != size {
					t.Errorf("%s is recorded with %d bytes, not %d", path, f.Response.Size, size)
				}
				if size == 0 && (f.Request.Size != 1_000_000 || f.Request.Record != "complete") {
					t.Errorf("%s is recorded as %+v", path, f)
				}
			}
			if got := s.body(s.flow("/hello")); got != "hello\n" {
				t.Errorf("recorded body %q", got)
			}
			if got := s.body(s.flow("/sink?chunked"), "--request"); got != strings.Repeat("0123456789", 100_000) {
				t.Errorf("the recorded upload is another: %d bytes", len(got))
			}
			var events strings.Builder
			for i := range 5 {
				fmt.Fprintf(&events, "id: %d\ndata: event %d\n\n", i, i)
			}
			if got := s.body(s.flow("/events?id=round&n=5")); got != events.String()+"event: done\ndata: bye\n\n" {
				t.Errorf("recorded events %q", got)
			}
		})
	}
}
