package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dot is a picture of one pixel.
const dot = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// gallery is a page of a hundred pictures that reports how many were shown, and
// what the other clients ask for.
func gallery(reports chan<- string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><script>
let shown = 0, over = 0;
function done(n) { shown += n; if (++over === 100) fetch("/report", { method: "POST", body: shown + " pictures, " + performance.getEntriesByType("navigation")[0].nextHopProtocol }); }
for (let i = 0; i < 100; i++) { const p = new Image(); p.onload = () => done(p.naturalWidth); p.onerror = () => done(0); p.src = "/dot/" + i; }
</script>`)
	})
	mux.HandleFunc("/dot/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/gif")
		io.WriteString(w, dot)
	})
	mux.HandleFunc("/report", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
		reports <- string(text)
	})
	mux.HandleFunc("/small/", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{"c=3", "d=4"}
		fmt.Fprintf(w, "%s %q", r.URL.Path, r.Header["Cookie"])
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "seven")
	})
	return mux
}

// startFor starts an origin and a proxy for a client between the versions.
func (v versions) startFor(t *testing.T, handler http.Handler) (p *proxy, base string, wrong *atomic.Int64) {
	wrong = new(atomic.Int64)
	base = h2Server(t, v.server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fmt.Sprint(r.ProtoMajor) != v.name[len(v.name)-1:] {
			wrong.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	return start(t, v.flags...), base, wrong
}

func TestHTTP2Curl(t *testing.T) {
	need(t, "curl")
	t.Parallel()
	for _, v := range betweenVersions {
		if v.client[len(v.client)-1] == "h2" {
			continue // curl offers HTTP/1.1 as well
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p, base, wrong := v.startFor(t, gallery(nil))
			version, number := "--http2", "2"
			if v.client[0] != "h2" {
				version, number = "--http1.1", "1.1"
			}
			file := patternFile(t, 2<<20)
			out := filepath.Join(t.TempDir(), "out")
			got := curl(t, p, version, "-o", out, "-w", "%{http_version} %{http_code} %{size_download}", "--data-binary", "@"+file, base+"/echo")
			if got != number+" 200 2097152" || fileSHA256(t, out) != fileSHA256(t, file) {
				t.Errorf("echo: %q", got)
			}
			got = curl(t, p, version, "--suppress-connect-headers", "-b", "a=1; b=2", "-D", "-", base+"/small/x")
			// A second client of an origin of HTTP/1 is offered no more than that.
			if v.name[0] == v.name[len(v.name)-1] && !strings.HasPrefix(got, "HTTP/"+number) || !strings.HasSuffix(got, `/small/x ["a=1; b=2"]`) || strings.Count(strings.ToLower(got), "set-cookie: ") != 2 {
				t.Errorf("small: %q", got)
			}
			got = curl(t, p, version, "--parallel", "--parallel-max", "50", base+"/small/[1-50]")
			if strings.Count(got, "/small/") != 50 {
				t.Errorf("fifty: %q", got)
			}
			if wrong.Load() > 0 {
				t.Errorf("%d requests came to the origin in another version", wrong.Load())
			}
			for _, f := range p.recorded().flows {
				f.completed()
			}
		})
	}
}

func TestHTTP2Node(t *testing.T) {
	node := need(t, "node")
	t.Parallel()
	p, base, wrong := betweenVersions[0].startFor(t, gallery(nil))
	got := run(t, []string{"ORIGIN=" + base, "PROXY=" + p.URL(), "CA=" + p.CA}, node, "testdata/client_http2.mjs")
	want := "tunnel 200 h2\nsmall true\necho 3000000 " + textSHA256(strings.Repeat("0123456789", 300_000)) + "\ntrailers seven\nhead 200 0\n"
	if strings.ReplaceAll(got, "\r", "") != want || wrong.Load() > 0 {
		t.Errorf("the client got:\n%s\nnot:\n%s\n%d requests came in another version", got, want, wrong.Load())
	}
	s := p.recorded()
	for _, f := range s.flows {
		f.completed()
	}
	if f := s.flow("/echo"); f.Request.Size != 3_000_000 || f.Response.Size != 3_000_000 || f.Response.Record != "complete" {
		t.Errorf("recorded as %+v", f)
	}
}

// A client that speaks HTTP/2 to an https:// proxy address has many tunnels on one
// connection.
func TestHTTP2NodeTunnels(t *testing.T) {
	node := need(t, "node")
	t.Parallel()
	p, base, _ := betweenVersions[1].startFor(t, gallery(nil))
	address := "https://localhost:" + port(p.Addr)
	got := run(t, []string{"ORIGIN=" + base, "PROXY=" + address, "CA=" + p.CA}, node, "testdata/client_connect2.mjs")
	if want := "tunnels 20 200 HTTP/1.1 200 OK true\nprotocol h2\nrefused 400\n"; strings.ReplaceAll(got, "\r", "") != want {
		t.Errorf("the client got:\n%s\nnot:\n%s", got, want)
	}
	s := p.recorded()
	if len(s.flows) != 21 {
		t.Errorf("%d flows are recorded", len(s.flows))
	}
	for _, f := range s.flows {
		if f.Method == "GET" {
			f.completed()
		}
	}
}

// A browser loads a page and its hundred pictures over one connection, through a
// proxy that it speaks HTTP/1.1 or, with an https:// address, HTTP/2 to.
func TestHTTP2Chromium(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			reports := make(chan string, 1)
			p, base, wrong := betweenVersions[0].startFor(t, gallery(reports))
			report := p.browse(scheme, base+"/page", reports)
			if report != "100 pictures, h2" || wrong.Load() > 0 {
				t.Errorf("the page reports %q; %d requests came in another version", report, wrong.Load())
			}
			shown := 0
			for _, f := range p.recorded().flows {
				if strings.Contains(f.URL, "/dot/") {
					f.completed()
					shown++
				}
			}
			if shown != 100 {
				t.Errorf("%d pictures are recorded", shown)
			}
		})
	}
}

// browse loads a page in Chromium, with the proxy under an address of scheme, and
// returns what the page reports.
func (p *proxy) browse(scheme, page string, reports <-chan string) (report string) {
	t := p.t
	t.Helper()
	browser := need(t, "chromium")
	home := t.TempDir()
	args := []string{
		"--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir=" + filepath.Join(home, "profile"),
		"--proxy-server=" + scheme + "://localhost:" + port(p.Addr), "--proxy-bypass-list=<-loopback>",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	args = append(args, trustInBrowser(t, p, home)...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, append(args, page)...)
	cmd.Env = cleanEnv("HOME=" + home)
	var errs transcript
	cmd.Stdout, cmd.Stderr = &errs, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case report = <-reports:
	case <-ctx.Done():
		t.Errorf("the page did not report\n%s", errs.String())
	}
	cancel()
	cmd.Wait()
	return report
}
