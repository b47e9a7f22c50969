package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script writes a script for a test and returns its path.
func script(t *testing.T, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my.js")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// raw is a connection to the proxy as a client's own code has it.
func raw(t *testing.T, p *proxy) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn, bufio.NewReader(conn)
}

// A CONNECT that is refused leaves its connection open for the one with
// credentials, and both ways of refusing are flows.
func TestConnectIsRefusedAndAskedAgain(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	target := strings.TrimPrefix(o.HTTPS, "https://")
	p := start(t, "-s", script(t, `
function http_connect(flow) {
  if (flow.request.host === "elsewhere.invalid") {
    [flow.request.host, flow.request.port] = ["localhost", `+port(target)+`];
  } else if (flow.request.host === "kill.invalid") {
    flow.kill();
  } else if (!flow.request.headers["Proxy-Authorization"]) {
    flow.comment = "asked for credentials";
    flow.response = Response.make(407, "who is it?\n", { "Proxy-Authenticate": 'Basic realm="test"' });
  }
}
`))
	conn, in := raw(t, p)
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != 407 || string(body) != "who is it?\n" || r.ContentLength != int64(len(body)) || r.Close || r.Header.Get("Proxy-Authenticate") == "" {
		t.Fatalf("%d %v %q", r.StatusCode, r.Header, body)
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic eDp5\r\n\r\n", target, target)
	if r, err = http.ReadResponse(in, &http.Request{Method: "CONNECT"}); err != nil || r.StatusCode != 200 {
		t.Fatalf("with credentials: %v %v", r, err)
	}
	config := trusting(t, p.CA)
	config.ServerName = "localhost"
	if status, text := ask(t, tls.Client(conn, config), "/hello", target); status != 200 || text != "hello\n" {
		t.Errorf("in the tunnel: %d %q", status, text)
	}
	// To itself, and to no port.
	for wrong, status := range map[string]int{p.Addr: 403, "localhost:99999": 400} {
		conn, in := raw(t, p)
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: x\r\nProxy-Authorization: x\r\n\r\n", wrong)
		if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != status {
			t.Errorf("CONNECT %s: %v %v", wrong, r, err)
		}
		conn.Close()
	}
	// A hook sends one elsewhere, and ends another.
	c := tls.Client(tunnel(t, p, "elsewhere.invalid:1"), config)
	if status, text := ask(t, c, "/hello?elsewhere", target); status != 200 || text != "hello\n" {
		t.Errorf("elsewhere: %d %q", status, text)
	}
	killed, _ := raw(t, p)
	fmt.Fprintf(killed, "CONNECT kill.invalid:443 HTTP/1.1\r\nHost: x\r\n\r\n")
	if b, err := io.ReadAll(killed); len(b) > 0 || err != nil {
		t.Errorf("a killed CONNECT is answered %q %v", b, err)
	}

	s := p.recorded()
	for _, want := range []struct {
		target, outcome string
		status          int
	}{{target, "refused", 407}, {p.Addr, "refused", 403}, {"localhost:99999", "refused", 400}, {"kill.invalid:443", "killed after 0 bytes", 0}} {
		f := s.flow(want.target)
		if f.Method != "CONNECT" || f.URL != want.target || f.Status != want.status || f.Outcome != want.outcome {
			t.Errorf("%s is recorded as %+v", want.target, f)
		}
		if want.status != 0 && (!strings.HasPrefix(f.Error, fmt.Sprint(want.status, ": ")) || !strings.Contains(p.stdout.String(), fmt.Sprintf("CONNECT %s %d, ", want.target, want.status))) {
			t.Errorf("%s: %q; printed:\n%s", want.target, f.Error, p.stdout.String())
		}
	}
	if f := s.flow(target); s.body(f) != "who is it?\n" || !strings.Contains(s.show(f), "asked for credentials") {
		t.Errorf("recorded as\n%s", s.show(f))
	}
	s.flow("/hello").completed()
	s.flow("/hello?elsewhere").completed()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// server_connect sends a dial elsewhere, or refuses it with a page.
func TestServerConnectRedirectsAndRefuses(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	plain, secured := strings.TrimPrefix(o.HTTP, "http://"), strings.TrimPrefix(o.HTTPS, "https://")
	p := start(t, "-s", script(t, `
function server_connect(data) {
  const [host, port] = data.server.address;
  if (host === "moved.invalid") data.server.address = ["127.0.0.1", `+port(plain)+`];
  if (host === "closed.invalid") data.server.error = "closed for the night";
}
`))
	r := get(t, p.client(), "http://moved.invalid/hello?moved")
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 200 || string(body) != "hello\n" {
		t.Errorf("redirected: %d %q", r.StatusCode, body)
	}
	if got := o.asked("/hello?moved"); got.Method != "GET" {
		t.Errorf("the origin got %+v", got)
	}
	for _, scheme := range []string{"http", "https"} {
		r := get(t, p.client(), scheme+"://closed.invalid/hello?"+scheme)
		if body, _ := io.ReadAll(r.Body); r.StatusCode != 502 || !strings.Contains(string(body), "closed for the night") {
			t.Errorf("refused, %s: %d %q", scheme, r.StatusCode, body)
		}
	}
	r = get(t, p.client(), "https://"+secured+"/hello?left")
	if body, _ := io.ReadAll(r.Body); string(body) != "hello\n" {
		t.Errorf("left alone: %d %q", r.StatusCode, body)
	}
	s := p.recorded()
	s.flow("/hello?moved").completed()
	s.flow("/hello?left").completed()
	for _, scheme := range []string{"http", "https"} {
		if f := s.flow("/hello?" + scheme); f.Outcome != "refused" || !strings.Contains(f.Error, "closed for the night") {
			t.Errorf("recorded as %+v", f)
		}
	}
}

// kill ends an exchange from every hook: before its head was sent the connection
// closes without a word, after it the message ends as a broken one. The origin is
// not asked where the request had not left.
func TestKillInEveryHook(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "-s", script(t, `
function at(flow, hook) {
  if (flow.request.query.kill === hook) flow.kill();
}
function requestheaders(flow) { at(flow, "requestheaders"); }
function request(flow) { at(flow, "request"); }
function responseheaders(flow) {
  at(flow, "responseheaders");
  if (flow.request.query.kill === "chunk") flow.response.stream = (chunk) => { flow.kill(); return chunk; };
  if (flow.request.query.kill === "end") flow.response.stream = (chunk) => { if (chunk.length === 0) flow.kill(); return chunk; };
  if (flow.request.query.kill === "passed") flow.response.stream = true;
}
function response(flow) { at(flow, "response"); if (flow.request.query.kill === "passed") flow.kill(); }
function error(flow) { flow.comment = "error event: " + flow.error.msg; }
`))
	for _, base := range []string{o.HTTP, o.HTTPS} {
		scheme, _, _ := strings.Cut(base, ":")
		for hook, head := range map[string]bool{"requestheaders": false, "request": false, "responseheaders": false, "response": false, "chunk": true, "end": true, "passed": true} {
			path := "/big?size=5000&chunked=1&kill=" + hook + "&" + scheme
			var conn net.Conn
			target := strings.TrimPrefix(base, scheme+"://")
			if scheme == "https" {
				conn = secure(t, p, target, "localhost")
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, target)
			} else {
				conn, _ = raw(t, p)
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", base+path, target)
			}
			b, _ := io.ReadAll(conn)
			got := string(b)
			switch {
			case !head && got != "":
				t.Errorf("%s, %s: the client got %.100q", scheme, hook, got)
			case head && (!strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || strings.HasSuffix(got, "0\r\n\r\n")):
				t.Errorf("%s, %s: the client got %.100q, and in the end %.20q", scheme, hook, got, got[max(0, len(got)-20):])
			}
		}
	}
	s := p.recorded()
	for _, scheme := range []string{"http", "https"} {
		for _, hook := range []string{"requestheaders", "request", "responseheaders", "response", "chunk", "end", "passed"} {
			f := s.flow("kill=" + hook + "&" + scheme)
			if !strings.HasPrefix(f.Outcome, "killed after ") {
				t.Errorf("%s, %s is recorded as %+v", scheme, hook, f)
			}
			asked := false
			o.mu.Lock()
			for _, a := range o.seen {
				asked = asked || strings.HasSuffix(a.Path, "kill="+hook+"&"+scheme)
			}
			o.mu.Unlock()
			if early := hook == "requestheaders" || hook == "request"; asked == early {
				t.Errorf("%s, %s: the origin was asked: %v", scheme, hook, asked)
			}
		}
	}
}

// What a script notes when a flow is over, in the response event of a body that
// passes or at the end of a chunk function, is on the flow; what it kept for the
// flow is let go: a generator's finally runs, and so does done of a version that
// was replaced, after its last flow.
func TestLateNotesReachTheFlow(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	source := `
export const observe = true;
export function responseheaders(flow) {
  const kind = flow.request.query.kind;
  if (kind === "chunks") {
    let n = 0;
    flow.response.stream = (chunk) => {
      n += chunk.length;
      if (chunk.length === 0) {
        flow.comment = "ended after " + n;
        flow.marked = ":eyes:";
        flow.metadata.total = String(n);
      }
      return chunk;
    };
  }
  if (kind === "generator") {
    flow.response.stream = async function* (chunks) {
      try {
        for await (const chunk of chunks) yield chunk;
      } finally {
        console.log("finally " + flow.request.query.who);
      }
    };
  }
}
export function response(flow) {
  if (flow.request.query.kind === "tee") flow.comment = "seen " + flow.response.raw_content.length;
}
export function done() { console.log("done of the first"); }
`
	path := script(t, source)
	p := start(t, "-s", path)
	c := p.client()
	read := func(path string) {
		t.Helper()
		r := get(t, c, o.HTTPS+path)
		if b, err := io.ReadAll(r.Body); err != nil || len(b) != 3000 {
			t.Fatalf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	read("/big?size=3000&kind=tee")
	read("/big?size=3000&kind=chunks")
	read("/big?size=3000&kind=generator&who=whole")
	p.waitStdout("finally whole")
	// One whose client leaves in the middle.
	long := get(t, p.client(), o.HTTPS+"/pieces?n=2&id=late&kind=generator&who=left")
	readPiece(t, long.Body, 0)
	// A new version: the old one lives as long as its last flow.
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(source, "done of the first", "done of the second")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.waitStderr(`script loaded`)
	if strings.Contains(p.stdout.String()+p.stderr.String(), "done of the first") {
		t.Error("done ran before the last flow of its version was over")
	}
	long.Body.Close()
	p.waitStdout("finally left")
	p.waitStdout("done of the first")
	s := p.recorded()
	for path, notes := range map[string][]string{
		"/big?size=3000&kind=tee":    {"seen 3000"},
		"/big?size=3000&kind=chunks": {"ended after 3000", ":eyes:", "total"},
	} {
		f := s.flow(path)
		f.completed()
		for _, note := range notes {
			if text := s.show(f); !strings.Contains(text, note) {
				t.Errorf("%s: no %q in\n%s", path, note, text)
			}
		}
	}
}

// waitStdout waits for a line on standard output, where scripts print.
func (p *proxy) waitStdout(pattern string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if p.stdout.wait(ctx, p.ended, pattern) == nil {
		p.t.Fatalf("midstream did not print %q", pattern)
	}
}
