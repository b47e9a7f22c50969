package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A real browser loads a page whose script reads events and a streamed body
// piece by piece, each confirmed before the next is sent.
func TestChromium(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("chromium is not installed")
	}
	t.Parallel()
	o := newOrigin(t)
	page, err := os.ReadFile("testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	o.mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	reports := make(chan string, 1)
	o.mux.HandleFunc("/report", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
		select {
		case reports <- string(text):
		default:
		}
	})
	p := start(t)
	home := browserHome(t)
	args := []string{
		"--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir=" + filepath.Join(home, "profile"),
		"--proxy-server=" + p.URL(), "--proxy-bypass-list=<-loopback>",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	args = append(args, trustInBrowser(t, p, home)...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, append(args, o.HTTPS+"/page")...)
	cmd.Env = cleanEnv("HOME=" + home)
	var errs transcript
	cmd.Stdout, cmd.Stderr = &errs, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var report string
	select {
	case report = <-reports:
	case <-ctx.Done():
		t.Errorf("the page did not report\n%s", errs.String())
	}
	cancel()
	cmd.Wait()
	want := "hello hello\nevent 0\nevent 1\nevent 2\nevent 3\nevent 4\nend bye\npieces 4000\nupload 300000 " + textSHA256(strings.Repeat("u", 300_000))
	if report != want {
		t.Errorf("the page reports:\n%s\nnot:\n%s", report, want)
	}
	s := p.recorded()
	for _, path := range []string{"/page", "/events?id=page&n=5", "/pieces?id=fetch&n=4", "/sink?page"} {
		f := s.flow(path)
		if path != "/events?id=page&n=5" { // the page closes it after the last event
			f.completed()
		}
		if f.Status != 200 || f.Response.Disposition != "tee" {
			t.Errorf("%s is recorded as %+v", path, f)
		}
	}
	if got := s.body(s.flow("/page")); got != string(page) {
		t.Errorf("the page is recorded with %d bytes", len(got))
	}
}

// trustInBrowser puts the authority into the browser's database where certutil
// is installed; else the browser does not verify.
func trustInBrowser(t testing.TB, p *proxy, home string) []string {
	t.Helper()
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		return []string{"--ignore-certificate-errors"}
	}
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, nil, certutil, "-N", "--empty-password", "-d", "sql:"+db)
	run(t, nil, certutil, "-A", "-d", "sql:"+db, "-n", "midstream", "-t", "C,,", "-i", p.CA)
	return nil
}
