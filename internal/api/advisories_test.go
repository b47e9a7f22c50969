package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What has been found in interfaces like this one, row by row: each is a way in that
// some other tool once had. Names that lead here (CVE-2018-14505), the proxy as a way
// to the page (CVE-2025-23217), and bodies with an origin have tests of their own.
func TestWaysInThatOthersHad(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		// What a server says must not become a field of the page's answers.
		w.Header()["Content-Type"] = []string{"text/html\xff; name=\"a\tb\""}
		w.Header()["Content-Encoding"] = []string{"x\x80y"}
		io.WriteString(w, "hello")
	})
	secret := filepath.Join(t.TempDir(), "secret.html")
	if err := os.WriteFile(secret, []byte("of the disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := r.server.ListenWeb(t.Context(), Web{})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.URL)
	token := u.Query().Get("token")
	r.through("/page")
	raw := func(line string, fields ...string) string {
		t.Helper()
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", line, u.Host, strings.Join(append(fields, ""), "\r\n"))
		b, err := io.ReadAll(bufio.NewReader(c))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	bearer := "Authorization: Bearer " + token
	status := func(answer string) string { return strings.TrimPrefix(answer, "HTTP/1.1 ")[:3] }
	head := func(answer string) string { h, _, _ := strings.Cut(answer, "\r\n\r\n"); return h }

	t.Run("a path that leaves the page's files", func(t *testing.T) {
		up := strings.Repeat("/..", 12)
		for _, path := range []string{up + secret, "/assets" + up + secret, strings.ReplaceAll("/assets"+up, "/..", "/%2e%2e") + secret, "/assets/..%2f..%2f..%2f..%2f..%2f..%2f.." + strings.ReplaceAll(secret, "/", "%2f"),
			`/assets/..\..\..\..` + secret, "//" + secret, "/" + secret, "/assets/%00" + secret, "/file://" + secret} {
			if answer := raw("GET "+path, bearer); strings.Contains(answer, "of the disk") {
				t.Errorf("%s: %s", path, answer)
			}
		}
	})
	t.Run("a path that leaves a flow", func(t *testing.T) {
		for _, path := range []string{"/api/v1/flows/..%2f..%2foptions", "/api/v1/flows/1/..%2f/body", "/api/v1/flows/1/request%2f..%2f..%2f/view", "/api/v1/options/..%2fstate", "/api/v1/flows/" + url.PathEscape(secret)} {
			if answer := raw("GET "+path, bearer); status(answer) < "400" && !strings.HasPrefix(status(answer), "30") || strings.Contains(answer, "of the disk") {
				t.Errorf("%s: %s", path, answer)
			}
		}
	})
	t.Run("an address that leads elsewhere once it is clean", func(t *testing.T) {
		for _, path := range []string{"//evil.test/", `/\evil.test/`, "/%5cevil.test/", "/%2f/evil.test/", "///evil.test"} {
			for _, line := range strings.Split(head(raw("GET "+path+"?token="+token)), "\r\n") {
				name, to, _ := strings.Cut(line, ": ")
				if !strings.EqualFold(name, "Location") {
					continue
				}
				if l, err := u.Parse(strings.ReplaceAll(to, `\`, "/")); err != nil || l.Host != u.Host || strings.Contains(to, token) {
					t.Errorf("%s leads to %s", path, to)
				}
			}
		}
	})
	t.Run("a token that is told on", func(t *testing.T) {
		answer := raw("GET /?token="+token+"&a=b", "Referer: http://evil.test/")
		if status(answer) != "303" || strings.Contains(answer, token) || !strings.Contains(head(answer), "\r\nReferrer-Policy: no-referrer\r\n") || !strings.Contains(head(answer), "HttpOnly; SameSite=Strict") {
			t.Error(answer)
		}
		for _, path := range []string{"/", "/?token=wrong", "/api/v1/state", "/api/v1/nothing?token=" + token, "/login"} {
			if answer := raw("GET " + path); strings.Contains(answer, token) {
				t.Errorf("%s: %s", path, answer)
			}
		}
		for _, path := range []string{"/api/v1/state", "/api/v1/options", "/api/v1/log", "/api/v1/flows/last", "/api/v1/stats"} {
			if answer := raw("GET "+path, bearer); status(answer) != "200" || strings.Contains(answer, token) {
				t.Errorf("%s: %s", path, answer)
			}
		}
	})
	t.Run("a request of another page", func(t *testing.T) {
		// Forms and images of other pages cannot send what changes something, also
		// where the browser would add the cookie.
		cookie := ""
		for _, line := range strings.Split(head(raw("GET /?token="+token)), "\r\n") {
			if v, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
				cookie, _, _ = strings.Cut(v, ";")
			}
		}
		body := "numbers=1"
		for _, fields := range [][]string{{"Origin: http://evil.test"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, {"Origin: http://" + u.Host + ".evil.test"}} {
			answer := raw("POST /api/v1/flows/delete", append(fields, "Cookie: "+cookie, "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf("Content-Length: %d", len(body)), "", body)...)
			if status(answer) != "403" {
				t.Errorf("%s: %s", fields, answer)
			}
		}
		if cookie == "" || status(raw("GET /api/v1/flows/1", "Cookie: "+cookie)) != "200" {
			t.Error("the flow, or the cookie, is gone")
		}
	})
	t.Run("fields made of what a server said", func(t *testing.T) {
		answer := raw("GET /api/v1/flows/1/response/body?as=raw", bearer)
		for _, line := range strings.Split(head(answer), "\r\n") {
			if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Errorf("%q", line)
			}
		}
		if !strings.Contains(answer, "Midstream-Type: text/html?; name=\"a?b\"\r\n") {
			t.Error(answer)
		}
	})
}
