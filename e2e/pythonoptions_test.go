package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// laterScript changes options while traffic passes, as many scripts do, in each of the
// ways that there are.
const laterScript = `
from mitmproxy import ctx

class Later:
    def load(self, loader):
        loader.add_option("har", str, "", "")

    def running(self):
        ctx.options.http2 = False
        ctx.options.update(session_keep=3600, keep_alt_svc_header=True)
        print("goes on:", ctx.options.session_keep, ctx.options.http2)

    def configure(self, updated):
        if "keep_alt_svc_header" in updated and ctx.options.keep_alt_svc_header:
            ctx.options.tls_version_client_max = "TLS1_2"

    def requestheaders(self, flow):
        q = flow.request.query
        if "insecure" in q:
            ctx.options.ssl_insecure = q["insecure"] == "yes"
        elif "dump" in q:
            ctx.options.hardump = ctx.options.har
        elif "answers" in q:
            ctx.options.server_replay = [ctx.options.har]
        elif "ask" in q:
            ctx.options.proxyauth = "anna:right"
        elif "none" in q:
            ctx.options.tls_version_server_min = "TLS0_9"

addons = [Later()]
`

// Options that a script changes when midstream runs count from then on; one that
// counts at the start is told of, and the script goes on with what it has set.
func TestPythonChangesOptionsLater(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	o := newOrigin(t)
	var counted atomic.Int32
	o.mux.HandleFunc("/counted", func(w http.ResponseWriter, r *http.Request) {
		counted.Add(1)
		w.WriteHeader(http.StatusTeapot)
	})
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	defer stranger.Close()
	dir := t.TempDir()
	path, har := filepath.Join(dir, "later.py"), filepath.Join(dir, "later.har")
	write(t, path, laterScript)

	p := start(t, "-s", path, "--set", "har="+har)
	status := func(p *proxy, url string) int {
		t.Helper()
		r := get(t, p.client(), url)
		io.Copy(io.Discard, r.Body)
		return r.StatusCode
	}
	for _, c := range []struct {
		set  string
		want int
	}{{"no", 502}, {"yes", 404}, {"no", 502}} {
		status(p, o.HTTP+"/hello?insecure="+c.set)
		if got := status(p, strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)); got != c.want {
			t.Errorf("ssl_insecure set to %s: %d, not %d", c.set, got, c.want)
		}
	}
	proxy, _ := url.Parse(p.URL())
	r, err := (&http.Client{Timeout: patience, Transport: &http.Transport{Proxy: http.ProxyURL(proxy), ForceAttemptHTTP2: true, DisableKeepAlives: true,
		TLSClientConfig: trusting(t, p.CA)}}).Get(o.HTTPS + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.TLS.Version != tls.VersionTLS12 || r.TLS.NegotiatedProtocol == "h2" {
		t.Errorf("the client got %s and %q", tls.VersionName(r.TLS.Version), r.TLS.NegotiatedProtocol)
	}
	status(p, o.HTTP+"/hello?dump")
	if got := status(p, o.HTTP+"/counted"); got != 418 {
		t.Errorf("%d", got)
	}
	if got := status(p, o.HTTP+"/hello?none"); got != 200 { // it fails in the script, and nothing else
		t.Errorf("%d", got)
	}
	status(p, o.HTTP+"/hello?ask")
	if got := status(p, o.HTTP+"/hello"); got != 407 {
		t.Errorf("a client that has not said who it is got %d", got)
	}
	p.stop()
	if out := p.stdout.String(); !strings.Contains(out, "goes on: 3600 False\n") {
		t.Errorf("the script did not go on: %s", out)
	}
	for _, want := range []string{
		"option session_keep counts when midstream starts: start midstream with --set session_keep=VALUE, or set it in the load event of a script; until then 3600 counts for this script alone",
		"OptionsError", "tls_version_server_min",
	} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("standard error lacks %q", want)
		}
	}
	if text, err := os.ReadFile(har); err != nil || !strings.Contains(string(text), "/counted") || strings.Contains(string(text), "insecure=yes") {
		t.Errorf("what was written since the option was set: %v\n%s", err, text)
	}

	p = start(t, "-s", path, "--set", "har="+har)
	status(p, o.HTTP+"/hello?answers")
	if got := status(p, o.HTTP+"/counted"); got != 418 || counted.Load() != 1 {
		t.Errorf("%d; the server was asked %d times, although there is an answer", got, counted.Load())
	}
}
