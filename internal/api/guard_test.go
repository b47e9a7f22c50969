package api

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"midstream/internal/ca"
)

// Who may come in: the names that lead here, the pages that ask, the secrets.
func TestTheGuard(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.URL)
	token, port := u.Query().Get("token"), u.Port()
	bearer := "Bearer " + token
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	cookie := ""
	for _, c := range []struct {
		name, method, path, host string
		fields                   map[string]string
		status                   int
	}{
		{"nobody", "GET", "/api/v1/state", "", nil, 401},
		{"a wrong token", "GET", "/api/v1/state", "", map[string]string{"Authorization": "Bearer x"}, 401},
		{"the token", "GET", "/api/v1/state", "", map[string]string{"Authorization": bearer}, 200},
		{"the token in the address of the API", "GET", "/api/v1/state?token=" + token, "", nil, 401},
		{"the page without a token", "GET", "/", "", nil, 401},
		{"the page with a wrong token", "GET", "/?token=x", "", nil, 403},
		{"the page with the token", "GET", "/?token=" + token + "&a=b", "", nil, 303},
		{"the cookie", "GET", "/api/v1/state", "", map[string]string{"Cookie": "@"}, 200},
		{"a cookie of another port", "GET", "/api/v1/state", "", map[string]string{"Cookie": "midstream-1=@"}, 401},
		{"localhost", "GET", "/api/v1/state", "localhost:" + port, map[string]string{"Authorization": bearer}, 200},
		{"IPv6", "GET", "/api/v1/state", "[::1]:" + port, map[string]string{"Authorization": bearer}, 200},
		{"a rebound name", "GET", "/api/v1/flows", "evil.test:" + port, map[string]string{"Authorization": bearer}, 403},
		{"a rebound name, the page", "GET", "/", "evil.test:" + port, map[string]string{"Cookie": "@"}, 403},
		{"another address", "GET", "/api/v1/flows", "192.0.2.1:" + port, map[string]string{"Authorization": bearer}, 403},
		{"another port", "GET", "/api/v1/flows", "127.0.0.1:1", map[string]string{"Authorization": bearer}, 403},
		{"a name that ends like one", "GET", "/api/v1/flows", "127.0.0.1.evil.test:" + port, map[string]string{"Authorization": bearer}, 403},
		{"another page", "PATCH", "/api/v1/options", "", map[string]string{"Cookie": "@", "Origin": "http://evil.test"}, 403},
		{"another port's page", "PATCH", "/api/v1/options", "", map[string]string{"Cookie": "@", "Origin": "http://127.0.0.1:1"}, 403},
		{"a sandboxed page", "PATCH", "/api/v1/options", "", map[string]string{"Cookie": "@", "Origin": "null"}, 403},
		{"a feed for another page", "GET", "/api/v1/views/x/feed", "", map[string]string{"Cookie": "@", "Origin": "http://evil.test"}, 403},
		{"an image on another page", "GET", "/api/v1/state", "", map[string]string{"Cookie": "@", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"a page of another port of this machine", "GET", "/api/v1/state", "", map[string]string{"Cookie": "@", "Sec-Fetch-Site": "same-site"}, 403},
		{"a link on another page", "GET", "/", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 401},
		{"our own page", "PATCH", "/api/v1/options", "", map[string]string{"Cookie": "@", "Origin": "http://127.0.0.1:" + port}, 200},
	} {
		req, _ := http.NewRequest(c.method, at.Plain[:len(at.Plain)-1]+c.path, strings.NewReader("{}"))
		if c.host != "" {
			req.Host = c.host
		}
		for name, value := range c.fields {
			if value == "@" {
				value = "midstream-" + port + "=@"
			}
			req.Header.Set(name, strings.ReplaceAll(value, "@", cookie))
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, resp.StatusCode, c.status, body)
		}
		if strings.Contains(string(body), token) {
			t.Errorf("%s: the token is in the answer", c.name)
		}
		if h := resp.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", c.name, h)
		}
		if c.status == 303 {
			set := resp.Cookies()[0]
			if cookie = set.Value; set.Name != "midstream-"+port || !set.HttpOnly || set.SameSite != http.SameSiteStrictMode || cookie == token || resp.Header.Get("Location") != "/?a=b" {
				t.Errorf("%s: %v, to %s", c.name, set, resp.Header.Get("Location"))
			}
		}
	}
}

// The address for a browser that is started lets in once.
func TestATicketLetsInOnce(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{})
	if err != nil {
		t.Fatal(err)
	}
	once := at.Once()
	for i, want := range []int{200, 403} {
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar, Transport: new(http.Transport)}
		resp, err := client.Get(once)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
		if resp.StatusCode != want {
			t.Errorf("time %d: %d, want %d", i+1, resp.StatusCode, want)
		}
	}
}

// harmless are what changes nothing of midstream, by whatever method.
var harmless = map[string]bool{"POST /views": true, "DELETE /views/{view}": true, "PUT /views/{view}/window": true, "POST /rules/test": true, "POST /content/text": true, "POST /content/octets": true}

func TestReadOnlyChangesNothing(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	r.through("/a")
	for _, route := range r.server.table() {
		path := strings.NewReplacer("{id}", "1", "{side}", "response", "{view}", "none", "{name}", "mode").Replace(route.path)
		if route.method == "GET" && strings.HasSuffix(path, "feed") {
			continue
		}
		req, _ := http.NewRequest(route.method, at.Plain+"api/v1"+path, strings.NewReader("{}"))
		req.Header.Set("Authorization", "Bearer secret")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if changes := route.method != "GET" && !harmless[route.method+" "+route.path]; changes != (resp.StatusCode == 403) {
			t.Errorf("%s %s: %d", route.method, path, resp.StatusCode)
		}
	}
}

func TestBeyondThisMachineItNeedsAPasswordAndIsSecured(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.server.ListenWeb(t.Context(), Web{Host: "0.0.0.0"}); err == nil || !strings.Contains(err.Error(), "web_password") {
		t.Error(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	at, err := r.server.ListenWeb(t.Context(), Web{Host: "0.0.0.0", Password: string(hash)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(at.URL, "https://") || strings.Contains(at.URL, "token") {
		t.Error(at.URL)
	}
	pem, err := os.ReadFile(r.in.CA().Path(ca.CertFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	for token, want := range map[string]int{"secret": 200, "other": 401} {
		req, _ := http.NewRequest("GET", at.Plain+"api/v1/state", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", token, resp.StatusCode)
		}
	}
}

// The page cannot be reached through the proxy, by whatever name: not as a
// request, not in a tunnel, not by SOCKS.
func TestTheProxyDoesNotLeadToThePage(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.Plain)
	port := u.Port()
	names := []string{"127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost.", "LOCALHOST"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	token := at.URL[strings.Index(at.URL, "=")+1:]
	for _, name := range names {
		for _, way := range []string{
			"GET http://%[1]s/api/v1/state HTTP/1.1\r\nHost: %[1]s\r\nAuthorization: Bearer " + token + "\r\nConnection: close\r\n\r\n",
			"CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n\r\nGET /api/v1/state HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nAuthorization: Bearer " + token + "\r\nConnection: close\r\n\r\n",
		} {
			c, err := net.Dial("tcp", r.in.Proxies()[0])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, way, name+":"+port)
			b, _ := io.ReadAll(c)
			c.Close()
			if strings.Contains(string(b), `"version"`) || !strings.HasPrefix(string(b), "HTTP/1.1 ") {
				t.Errorf("%s by %s: %s", name, way[:7], b)
			}
		}
		host := strings.Trim(name, "[]")
		c, err := net.Dial("tcp", r.in.Proxies()[0])
		if err != nil {
			t.Fatal(err)
		}
		var p uint16
		fmt.Sscan(port, &p)
		c.Write(append(append([]byte{5, 1, 0, 5, 1, 0, 3, byte(len(host))}, host...), byte(p>>8), byte(p)))
		answer := make([]byte, 4)
		if _, err := io.ReadFull(bufio.NewReader(c), answer); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /api/v1/state HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", port, token)
		if b, _ := io.ReadAll(c); strings.Contains(string(b), `"version"`) {
			t.Errorf("%s by SOCKS: %s", name, b)
		}
		c.Close()
	}
}
