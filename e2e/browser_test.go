package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A fresh browser in one command: it trusts, sends localhost through the proxy
// too, asks nobody else for anything, and leaves no profile behind.
func TestBrowser(t *testing.T) {
	for _, c := range []struct {
		choice string
		args   func(dir string) []string
	}{
		{"chromium", func(string) []string {
			args := []string{"--headless", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom", "--virtual-time-budget=5000"}
			if os.Geteuid() == 0 {
				args = append(args, "--no-sandbox")
			}
			return args
		}},
		{"firefox-esr", func(dir string) []string {
			return []string{"--headless", "--screenshot", filepath.Join(dir, "page.png")}
		}},
	} {
		t.Run(c.choice, func(t *testing.T) {
			path := need(t, c.choice)
			if c.choice == "firefox-esr" {
				need(t, "certutil")
			}
			t.Parallel()
			o, u := newOrigin(t), newcomer(t)
			o.mux.HandleFunc("/first", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				io.WriteString(w, "<!DOCTYPE html><title>first</title><p>hello browser<img src='"+o.HTTP+"/picture'>")
			})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, append([]string{"browser", "--browser", path, o.HTTPS + "/first", "--"}, c.args(u.dir)...)...)
			var out, errs bytes.Buffer
			cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = cleanEnv(u.env...), u.dir, &out, &errs, patience
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
			}
			if c.choice == "chromium" && !strings.Contains(out.String(), "hello browser") {
				t.Errorf("it shows %s", out.String())
			}
			if !strings.Contains(errs.String(), "with a fresh profile passes through 127.0.0.1:") || !strings.Contains(errs.String(), "; recorded in ") {
				t.Errorf("it says %s", errs.String())
			}
			if left, _ := filepath.Glob(filepath.Join(u.Confdir, "browser", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			s := u.recorded()
			s.flow("/first").completed()
			s.flow("/picture")
			for _, f := range s.flows {
				if !strings.HasPrefix(f.URL, o.HTTPS) && !strings.HasPrefix(f.URL, o.HTTP) {
					t.Errorf("it asked for %s", f.URL)
				}
			}
		})
	}
}

func TestBrowserSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	u := newcomer(t)
	for line, want := range map[string]string{
		"--browser netscape":                    `browser "netscape" was not found: it is one of chromium, chrome, edge, brave, firefox, or the path of a program`,
		"https://a.example/ https://b.example/": "midstream browser takes one URL, and got 2 words",
	} {
		if _, errs, err := attempt(t, u.env, binary, append([]string{"browser"}, strings.Fields(line)...)...); err == nil || !strings.Contains(errs, want) {
			t.Errorf("%s: %v, %s", line, err, errs)
		}
	}
}
