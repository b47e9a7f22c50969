package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An addonKit is a midstream with some of the addons in testdata/addons, and an
// origin that answers for every host but the loopback ones.
type addonKit struct {
	*testing.T
	o   *origin
	p   *proxy
	dir string // of the addons
}

// an addonRow is an addon and what is to be seen when it runs.
type addonRow struct {
	name  string
	check func(k *addonKit)
	// alone means that the check runs the addon by itself.
	alone bool
}

// newAddonKit starts midstream with the addons.
func newAddonKit(t *testing.T, env []string, names []string, args ...string) *addonKit {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	k := &addonKit{T: t, o: newOrigin(t), dir: t.TempDir()}
	if err := os.CopyFS(k.dir, os.DirFS("testdata/addons")); err != nil {
		t.Fatal(err)
	}
	k.o.mux.HandleFunc("/seen", k.seen)
	k.o.mux.HandleFunc("/page", page)
	k.o.mux.HandleFunc("/swapped", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.FormValue("type"))
		io.WriteString(w, "Some Letters")
	})
	route := filepath.Join(k.dir, "route.js")
	write(t, route, fmt.Sprintf(`export function server_connect(data) {
  const [host, port] = data.server.address;
  if (host.endsWith(".example") || host === "192.0.2.1") data.server.address = ["127.0.0.1", port === 443 ? %s : %s];
}`, port(strings.TrimPrefix(k.o.HTTPS, "https://")), port(strings.TrimPrefix(k.o.HTTP, "http://"))))
	line := append([]string{"-k", "-s", route}, args...)
	for _, name := range names {
		line = append(line, "-s", filepath.Join(k.dir, name+".py"))
	}
	k.p = startIn(t, env, line...)
	return k
}

// seen gives back what it was asked, for a person: a line of the request, fields,
// and behind an empty line the body; trailers are fields of the name's prefix "t:".
func (k *addonKit) seen(w http.ResponseWriter, r *http.Request) {
	body := k.o.note(r)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s %s\n", r.Method, r.Host, r.URL.RequestURI())
	for _, fields := range []struct {
		prefix string
		h      http.Header
	}{{"", r.Header}, {"t:", r.Trailer}} {
		names := make([]string, 0, len(fields.h))
		for name := range fields.h {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&out, "%s%s: %s\n", fields.prefix, name, strings.Join(fields.h[name], ", "))
		}
	}
	fmt.Fprintf(&out, "\n%s", body)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.Write(out.Bytes())
}

// page is a page with links and cookies.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Set-Cookie", "a=1; Path=/; Secure")
	w.Header().Add("Set-Cookie", "b=2; HttpOnly")
	w.Header().Set("Strict-Transport-Security", "max-age=1")
	if to := r.FormValue("to"); to != "" {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
	io.WriteString(w, `<html><head></head><body><a href="/there">an event</a> https://links.example/`+r.FormValue("say")+"</body></html>")
}

// An answered is what a client got.
type answered struct {
	Status int
	Header http.Header
	Body   string
	// Trailer is that of the message.
	Trailer http.Header
}

// ask sends a request with a body, "" for none, and fields, name and value by turns.
func (k *addonKit) ask(method, url, body string, fields ...string) answered {
	k.Helper()
	a, err := k.attempt(method, url, body, fields...)
	if err != nil {
		k.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

func (k *addonKit) attempt(method, url, body string, fields ...string) (answered, error) {
	k.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, url, content)
	if err != nil {
		k.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	c := k.p.client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, string(p), resp.Trailer}, err
}

// says fails where the text lacks one of the parts.
func (k *addonKit) says(text string, parts ...string) {
	k.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			k.Errorf("no %q in %q", p, text)
		}
	}
}

// logged waits for a line on standard error, printed for one on standard output.
func (k *addonKit) logged(text string) {
	k.Helper()
	k.p.waitStderr(regexp.QuoteMeta(text))
}

func (k *addonKit) printed(text string) {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if k.p.stdout.wait(ctx, k.p.ended, regexp.QuoteMeta(text)) == nil {
		k.Errorf("nothing printed %q", text)
	}
}

// file is what an addon has written beside itself.
func (k *addonKit) file(name string) string {
	k.Helper()
	p, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		k.Fatal(err)
	}
	return string(p)
}

// command runs one that a script declares, by the control API.
func (k *addonKit) command(name string, args ...string) string {
	k.Helper()
	body, _ := json.Marshal(map[string]any{"args": args})
	return k.call("POST", "/commands/"+name, string(body))
}

// shows waits until the control API shows parts in the response of the last flow for
// a path, which is recorded beside its client's getting it.
func (k *addonKit) shows(path string, parts ...string) {
	k.Helper()
	said := ""
	for give := time.Now().Add(patience); time.Now().Before(give); {
		said = k.call("GET", "/flows/"+k.p.live(path)+"/response/view?as=auto", "")
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(said, p) }) {
			return
		}
	}
	k.Fatalf("the response for %s is shown as %q, want %q", path, said, parts)
}

// call asks the control API.
func (k *addonKit) call(method, path, body string) string {
	k.Helper()
	m := k.p.waitStderr(`web interface at (http://127\.0\.0\.1:\d+)/\?token=(\w+)`)
	r, err := http.NewRequest(method, m[1]+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+m[2])
	c := &http.Client{Timeout: patience}
	resp, err := c.Do(r)
	if err != nil {
		k.Fatal(err)
	}
	defer resp.Body.Close()
	p, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		k.Fatalf("%s %s: %s %s", method, path, resp.Status, p)
	}
	return string(p)
}

// until runs a command until it answers what is wanted: what a flow is about is
// recorded behind the answer to its client.
func (k *addonKit) until(name, want string, args ...string) {
	k.Helper()
	said := ""
	for give := time.Now().Add(patience); time.Now().Before(give); {
		if said = k.command(name, args...); strings.Contains(said, want) {
			return
		}
	}
	k.Fatalf("command %s says %q, want %q", name, said, want)
}

// show is what the record says of the last flow for a path.
func (k *addonKit) show(path string) string {
	k.Helper()
	return k.p.midstream("flows", "show", k.p.live(path), "--session", k.p.Session)
}

// oneParent is a proxy that says of each request that it came through it.
func oneParent(t *testing.T, name string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s was asked for %s", name, r.URL)
	})}
	done := make(chan struct{})
	go func() {
		s.Serve(ln)
		close(done)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return ln.Addr().String()
}

// notAddons are the files among mitmproxy's examples that are no addons.
var notAddons = []string{"mitmproxywrapper"} // it sets the proxy of macOS and starts mitmproxy

// There is an addon of the same name for each of mitmproxy's examples, and each is run.
func TestEveryExampleHasItsAddon(t *testing.T) {
	t.Parallel()
	names := strings.Fields(`anatomy anatomy2 commands-flows commands-paths commands-simple contentview-interactive contentview dns-simple
		duplicate-modify-replay filter-flows http-add-header http-modify-form http-modify-query-string http-redirect-requests
		http-reply-from-proxy http-stream-modify http-stream-simple http-trailers internet-in-mirror io-read-saved-flows
		io-write-flow-file log-events nonblocking options-configure options-simple shutdown tcp-simple websocket-inject-message
		websocket-simple wsgi-flask-app all_markers block_dns_over_https change_upstream_proxy check_ssl_pinning custom_next_layer
		dns_spoofing domain_fronting har_dump http_manipulate_cookies httpdump jsondump link_expander mitmproxywrapper
		modify_body_inject_iframe ntlm_upstream_proxy portfile remote-debug save_streamed_data search sslstrip
		suppress_error_responses test_jsondump test_xss_scanner tls_passthrough upstream_pac xss_scanner
		scanner_index scanner_inject scanner_watchdog`)
	var run []string
	for _, g := range addonGroups {
		for _, row := range g.rows {
			run = append(run, row.name)
		}
	}
	for _, name := range names {
		if !slices.Contains(run, name) && !slices.Contains(notAddons, name) {
			t.Errorf("no addon of the kind of %s is run", name)
		}
	}
	for _, name := range run {
		if _, err := os.Stat(filepath.Join("testdata/addons", name+".py")); err != nil {
			t.Error(err)
		}
	}
}

// Addons of the kinds that mitmproxy's examples show run, and do what they are for.
func TestAddonsAsTheExamples(t *testing.T) {
	t.Parallel()
	for _, g := range addonGroups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for _, row := range g.rows {
				if !row.alone {
					names = append(names, row.name)
				}
			}
			var env, args []string
			if g.set != nil {
				env, args = g.set(t)
			}
			k := newAddonKit(t, env, names, args...)
			for _, row := range g.rows {
				t.Run(row.name, func(t *testing.T) {
					one := *k
					one.T = t
					row.check(&one)
				})
			}
			if g.end != nil {
				k.p.stop()
				g.end(k)
			}
		})
	}
}
