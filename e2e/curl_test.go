package e2e

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// curl runs curl through the proxy, trusting its authority, and returns what it
// printed.
func curl(t *testing.T, p *proxy, args ...string) string {
	t.Helper()
	return run(t, nil, need(t, "curl"), append([]string{"-sS", "--proxy", p.URL(), "--noproxy", "", "--cacert", p.CA, "--max-time", "60"}, args...)...)
}

// patternFile writes the first size bytes of a pattern.
func patternFile(t *testing.T, size int64) string {
	t.Helper()
	var b bytes.Buffer
	io.CopyN(&b, &pattern{}, size)
	path := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCurl(t *testing.T) {
	need(t, "curl")
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	const size = 3 << 20
	upload := patternFile(t, size)
	hash := patternSHA256(size)

	for _, base := range []string{o.HTTP, o.HTTPS} {
		t.Run(base[:strings.Index(base, ":")], func(t *testing.T) {
			if got := curl(t, p, base+"/hello"); got != "hello\n" {
				t.Errorf("GET %q", got)
			}
			if got := curl(t, p, "-I", base+"/big?size=12345"); !strings.Contains(got, "Content-Length: 12345") {
				t.Errorf("HEAD %q", got)
			}
			for _, path := range []string{"/big?size=3145728", "/big?size=3145728&chunked=1"} {
				file := filepath.Join(t.TempDir(), "got")
				curl(t, p, "-o", file, base+path)
				if got := fileSHA256(t, file); got != hash {
					t.Errorf("%s came with hash %s", path, got)
				}
			}
			if got := curl(t, p, "-i", "--http1.0", base+"/big?size=3&chunked=1"); !strings.HasSuffix(got, "\r\n\r\n\x00\x01\x02") || strings.Contains(got, "chunked") {
				t.Errorf("HTTP/1.0: %q", got)
			}
			want := "3145728 " + hash + "\n"
			if got := curl(t, p, "-T", upload, base+"/sink?put"); got != want {
				t.Errorf("upload with length: %q", got)
			}
			if a := o.asked("/sink?put"); a.Chunked || a.Method != "PUT" || a.Header.Get("Content-Length") != "3145728" {
				t.Errorf("upload with length arrived as %+v", a)
			}
			if got := curl(t, p, "-T", upload, "-H", "Transfer-Encoding: chunked", base+"/sink?chunks"); got != want {
				t.Errorf("upload in chunks: %q", got)
			}
			if a := o.asked("/sink?chunks"); !a.Chunked {
				t.Errorf("upload in chunks arrived as %+v", a)
			}
			got := curl(t, p, "-v", "--stderr", "-", "-H", "Expect: 100-continue", "--data-binary", "@"+upload, base+"/sink?expect")
			if !strings.Contains(got, "< HTTP/1.1 100") || !strings.Contains(got, hash) {
				t.Errorf("Expect: %.2000s", got)
			}
			if a := o.asked("/sink?expect"); a.Header.Get("Expect") != "100-continue" {
				t.Errorf("Expect did not reach the origin: %+v", a.Header)
			}
			got = curl(t, p, "-i", "--raw", base+"/trailers")
			if !strings.Contains(got, "body with trailers\n") || !strings.Contains(got, "\r\nX-Sum: abc123\r\n") {
				t.Errorf("trailers: %q", got)
			}
			got = curl(t, p, "-i", base+"/hints")
			hints, rest, _ := strings.Cut(got, "HTTP/1.1 102")
			if !strings.Contains(hints, "HTTP/1.1 103 Early Hints\r\n") || !strings.Contains(hints, "\r\nLink: </style.css>; rel=preload\r\n") || !strings.Contains(rest, "HTTP/1.1 200 OK") || !strings.HasSuffix(rest, "after hints\n") {
				t.Errorf("interim responses: %q", got)
			}
		})
	}
	s := p.recorded()
	f := s.flow("/hello")
	f.completed()
	if f.Status != 200 || f.Method != "GET" {
		t.Errorf("recorded %+v", f)
	}
	if f := s.flow("/big?size=12345"); f.Method != "HEAD" || f.Response.Disposition != "none" || f.Response.Size != 0 {
		t.Errorf("HEAD is recorded as %+v", f)
	}
	for _, path := range []string{"/big?size=3145728", "/big?size=3145728&chunked=1"} {
		f := s.flow(path)
		f.completed()
		if f.Response.Size != size || f.Response.Record != "complete" {
			t.Errorf("%s is recorded as %+v", path, f)
		}
		if got := textSHA256(s.body(f)); got != hash {
			t.Errorf("%s is recorded with hash %s", path, got)
		}
	}
	for _, path := range []string{"/sink?put", "/sink?chunks", "/sink?expect"} {
		f := s.flow(path)
		f.completed()
		if got := textSHA256(s.body(f, "--request")); got != hash || f.Request.Size != size {
			t.Errorf("%s is recorded as %+v with hash %s", path, f, got)
		}
	}
}

// A proxy address may itself be https: then curl speaks TLS to the proxy, and
// TLS with the origin within that.
func TestCurlTLSToTheProxy(t *testing.T) {
	need(t, "curl")
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	address := "https://localhost" + p.Addr[strings.LastIndex(p.Addr, ":"):]
	for _, base := range []string{o.HTTP, o.HTTPS} {
		if got := curl(t, p, "--proxy", address, "--proxy-cacert", p.CA, base+"/hello"); got != "hello\n" {
			t.Errorf("%s: %q", base, got)
		}
	}
	p.recorded().flow("/hello").completed()
}

// A client that does not trust the authority is the most common fault of the
// first hour: the flow says so, and what to do.
func TestCurlThatDoesNotTrust(t *testing.T) {
	program := need(t, "curl")
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	_, errs, err := attempt(t, nil, program, "-sS", "--proxy", p.URL(), "--noproxy", "", o.HTTPS+"/hello")
	if err == nil || !strings.Contains(errs, "certificate") {
		t.Errorf("curl: %v %s", err, errs)
	}
	s := p.recorded()
	if text := s.text(); !strings.Contains(text, "ca trust") && !strings.Contains(p.stderr.String(), "ca trust") && !strings.Contains(p.stdout.String(), "ca trust") {
		t.Errorf("nothing says what to do:\n%s", text)
	}
}
