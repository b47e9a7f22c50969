package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"midstream/internal/ws"
)

// canaries are credentials that a test sends, each with a name of its own.
type canaries struct {
	mu   sync.Mutex
	up   []string // to the origin
	down []string // to the client
	// mute are those that are never recorded, and need not be found where nothing is
	// replaced.
	mute map[string]bool
}

func (c *canaries) add(to *[]string, place string) string {
	s := "CANARY-" + place + "-4f8e21"
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, old := range *to {
		if old == s {
			return s
		}
	}
	*to = append(*to, s)
	return s
}

func (c *canaries) toServer(place string) string { return c.add(&c.up, "up-"+place) }

func (c *canaries) toClient(place string) string { return c.add(&c.down, "down-"+place) }

// birds sends the canaries through a proxy, and has what came at both ends.
type birds struct {
	t *testing.T
	canaries
	p      *proxy
	plain  string // host:port
	secure string

	got    bytes.Buffer // at the origin; guarded by canaries.mu
	came   strings.Builder
	client *http.Client
}

func (b *birds) arrived(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(&b.got, format+"\n", args...)
}

// handle is the origin.
func (b *birds) handle(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, zerr := gzip.NewReader(bytes.NewReader(content)); zerr == nil {
			content, _ = io.ReadAll(z)
		}
	}
	b.arrived("%s %s %v %v %q %v", r.Method, r.RequestURI, r.Header, r.Trailer, content, err)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	at := r.URL.Query().Get("from") // the version, so that each canary is of one flow
	switch r.URL.Path {
	case "/fields":
		w.Header().Set("Set-Cookie", "sid="+b.toClient("set-cookie"+at)+"; Path=/")
		w.Header().Set("Location", "https://x.test/cb?code=1&access_token="+b.toClient("location"+at))
		w.Header().Set("X-Mine", b.toClient("mine"+at))
		w.Header().Set("Trailer", "X-Api-Key")
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "you sent "+r.Header.Get("Authorization")+"\n")
		flush()
		w.Header().Set("X-Api-Key", b.toClient("trailer"+at))
	case "/early":
		w.Header().Set("Set-Cookie", b.toClient("early"+at))
		w.WriteHeader(103)
		w.Header().Del("Set-Cookie")
		io.WriteString(w, "late")
	case "/json":
		w.Header().Set("Content-Type", "application/json")
		for _, c := range []byte(`{"user":{"access_token":"` + b.toClient("json"+at) + `","pins":[{"pin":"` + b.toClient("path"+at) + `"}]},"text":"` + b.toClient("regex"+at) + `"}`) {
			w.Write([]byte{c})
			flush()
		}
	case "/gzip":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		io.WriteString(g, `{"password":"`+b.toClient("gzip"+at)+`"}`)
		g.Close()
		for _, c := range z.Bytes() {
			w.Write([]byte{c})
			flush()
		}
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": hi\n\nevent: token\ndata: {\"refresh_token\":\"%s\"}\n\n", b.toClient("event"+at))
		flush()
		fmt.Fprintf(w, "data: %s\n\n", b.toClient("regex"+at))
	case "/broken":
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"a":1,"password":"`+b.toClient("broken"+at)+` and then it bre`)
		flush()
		panic(http.ErrAbortHandler)
	case "/grpc":
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		text := "\x0a" + string(rune(len(b.toClient("regex"+at)))) + b.toClient("regex"+at)
		w.Write(append([]byte{0, 0, 0, 0, byte(len(text))}, text...))
		w.Header().Set("Grpc-Status", "7")
		w.Header().Set("Grpc-Message", "no: ?token="+b.toClient("grpc-message"+at))
	default:
		io.WriteString(w, "ok")
	}
}

// do sends a request, and notes all that came back.
func (b *birds) do(req *http.Request) {
	resp, err := b.client.Do(req)
	if err != nil {
		fmt.Fprintln(&b.came, err)
		return
	}
	defer resp.Body.Close()
	var content []byte
	content, err = io.ReadAll(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if z, zerr := gzip.NewReader(bytes.NewReader(content)); zerr == nil {
			content, _ = io.ReadAll(z)
		}
	}
	fmt.Fprintln(&b.came, resp.Status, resp.Header, resp.Trailer, string(content), err)
}

func (b *birds) request(method, url string, body io.Reader, fields ...string) *http.Request {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return req
}

// exchanges sends what HTTP has.
func (b *birds) exchanges(base, at string) {
	get := b.request("GET", base+"/fields?from="+at+"&api_key="+b.toServer("query"+at)+"&x=1", nil)
	for _, name := range redactedFields {
		get.Header.Set(name, "Bearer "+b.toServer(strings.ToLower(name)+at))
	}
	get.Header.Set("Referer", "http://x.test/?token="+b.toServer("referer"+at))
	get.Header.Set("X-Mine", b.toServer("mine"+at))
	get.Header.Set("X-Plain", b.toServer("regex-field"+at))
	b.do(get)
	early := b.request("GET", base+"/early?from="+at, nil)
	early = early.WithContext(traceInterim(early.Context(), func(h textproto.MIMEHeader) { fmt.Fprintln(&b.came, h) }))
	b.do(early)
	for _, path := range []string{"/json", "/gzip", "/events", "/broken"} {
		b.do(b.request("GET", base+path+"?from="+at, nil))
	}
	b.do(b.request("POST", base+"/form", strings.NewReader("user=me&password="+b.toServer("form"+at)+"&x=y"), "Content-Type", "application/x-www-form-urlencoded"))
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	m.WriteField("user", "me")
	m.WriteField("client_secret", b.toServer("multipart"+at))
	m.Close()
	b.do(b.request("POST", base+"/multipart", &form, "Content-Type", m.FormDataContentType()))
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	fmt.Fprintf(g, `{"user":{"pins":[{"pin":"%s"}]},"password":"%s"}`, b.toServer("path"+at), b.toServer("gzip"+at))
	g.Close()
	up := b.request("POST", base+"/up", octetwise(z.Bytes()), "Content-Type", "application/json", "Content-Encoding", "gzip")
	up.Trailer = http.Header{"X-Api-Key": {b.toServer("trailer" + at)}}
	b.do(up)
	b.do(b.request("POST", base+"/text", octetwise([]byte("a line, "+b.toServer("regex-text"+at)+" and more")), "Content-Type", "text/plain"))
	b.do(b.request("GET", "http://127.0.0.1:1/refused?token="+b.muted("refused-query"+at), nil, "Authorization", "Bearer "+b.muted("refused"+at)))
}

// muted is toServer for what no origin gets.
func (b *birds) muted(place string) string {
	s := "CANARY-lost-" + place + "-4f8e21"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mute == nil {
		b.mute = make(map[string]bool)
	}
	b.mute[s] = true
	return s
}

// octetwise gives one octet a read, so that they come in pieces.
func octetwise(p []byte) io.Reader { return struct{ io.Reader }{oneByOne{bytes.NewReader(p)}} }

type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// socket sends messages both ways.
func (b *birds) socket() {
	conn, err := net.Dial("tcp", b.p.Addr)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET http://%s/socket HTTP/1.1\r\nHost: %[1]s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.%s\r\n\r\n", b.plain, b.toServer("protocol"))
	in := bufio.NewReader(conn)
	if _, err := http.ReadResponse(in, nil); err != nil {
		b.t.Fatal(err)
	}
	e := &wsEnd{t: nil, conn: conn, in: in, mask: true}
	text := `{"type":"auth","password":"` + b.toServer("socket") + `","note":"` + b.toServer("regex-socket") + `"}`
	half := strings.Index(text, "CANARY") + 4
	conn.Write(e.frame(0x01, text[:half]))
	conn.Write(e.frame(0x89, "ping"))
	conn.Write(e.frame(0x80, text[half:]))
	for range 2 {
		_, _, payload, err := e.receive()
		fmt.Fprintln(&b.came, payload, err)
	}
	conn.Write(e.frame(0x88, "\x03\xe8bye ?token="+b.toServer("close")))
	_, _, _, _ = e.receive()
}

func (b *birds) serveSocket(w http.ResponseWriter, r *http.Request) {
	b.arrived("%v", r.Header)
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	e := &wsEnd{conn: conn, in: buf.Reader}
	message := ""
	for range 4 {
		h, _, payload, err := e.receive()
		if !h.Opcode.Control() {
			message += payload
		}
		b.arrived("%s %s %v", message, payload, err)
		if err != nil {
			return
		}
		if h.Opcode == ws.Continuation {
			conn.Write(e.frame(0x81, `{"api_key":"`+b.toClient("socket")+`"}`))
			conn.Write(e.frame(0x81, "note "+b.toClient("regex-socket")))
		}
		if h.Opcode == ws.Close {
			conn.Write(e.frame(0x88, payload[:2]))
			return
		}
	}
}

// ignored sends a request on a connection that midstream does not read.
func (b *birds) ignored(address string) {
	conn := tunnel(b.t, b.p, address)
	defer conn.Close()
	for _, c := range []byte("GET /fields?from=-raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + b.toServer("raw") + "\r\n\r\n") {
		conn.Write([]byte{c})
	}
	all, err := io.ReadAll(conn)
	fmt.Fprintln(&b.came, string(all), err)
}

// flock sends everything, and returns what the API has shown and where the files are.
func flock(t *testing.T, args ...string) (*birds, string, string) {
	b := &birds{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("/", b.handle)
	mux.HandleFunc("/socket", b.serveSocket)
	plain := httptest.NewServer(mux)
	t.Cleanup(plain.Close)
	b.plain = plain.Listener.Addr().String()
	raw := httptest.NewServer(mux)
	t.Cleanup(raw.Close)
	later := httptest.NewUnstartedServer(mux)
	later.EnableHTTP2 = true
	later.TLS = trustedConfig(t)
	later.StartTLS()
	t.Cleanup(later.Close)
	_, port, _ := net.SplitHostPort(later.Listener.Addr().String())
	b.secure = "localhost:" + port

	dir := t.TempDir()
	script := filepath.Join(dir, "telling.js")
	if err := os.WriteFile(script, []byte(tellingScript), 0o600); err != nil {
		t.Fatal(err)
	}
	rawAt := raw.Listener.Addr().String()
	b.p = start(t, append([]string{"--web", "--web-port", "0", "--scripts", script, "--flow-detail", "3", "--set", "termlog_verbosity=debug",
		"--log-file", filepath.Join(dir, "log"), "-w", filepath.Join(dir, "x.mitm"), "--hardump", filepath.Join(dir, "x.har"),
		"--ignore-hosts", "^" + regexp.QuoteMeta(rawAt) + "$", "--set", "show_ignored_hosts=true"}, args...)...)
	m := b.p.waitStderr(`web interface at (http://127\.0\.0\.1:\d+)/\?token=(\w+)`)
	base, token := m[1]+"/api/v1", m[2]
	feed := b.watch(base, token)

	b.client = b.p.client()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.exchanges("http://"+b.plain, "-1")
	tr := b.client.Transport.(*http.Transport)
	tr.TLSClientConfig = trusting(t, b.p.CA)
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP2(true)
	b.exchanges("https://"+b.secure, "-2")
	b.do(b.request("POST", "https://"+b.secure+"/grpc?from=-2", strings.NewReader("\x00\x00\x00\x00\x00"), "Content-Type", "application/grpc", "TE", "trailers"))
	b.socket()
	b.ignored(rawAt)

	shown := feed() + b.ask(base, token)
	b.p.stop()
	return b, shown, dir
}

// watch reads the feed of a view; the function returned ends that and gives what
// came.
func (b *birds) watch(base, token string) func() string {
	ctx, cancel := context.WithCancel(context.Background())
	call := func(method, path, body string) *http.Response {
		req, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		return resp
	}
	resp := call("POST", "/views", `{}`)
	var view struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&view); err != nil || view.ID == "" {
		b.t.Fatal(err, resp.Status)
	}
	resp.Body.Close()
	call("PUT", "/views/"+view.ID+"/window", `{"from":0,"n":1000}`).Body.Close()
	stream := call("GET", "/views/"+view.ID+"/feed", "")
	var text transcript
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stream.Body.Close()
		_, _ = io.Copy(&text, stream.Body)
	}()
	return func() string {
		wait, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		// The last flow is that of the connection that is not read.
		text.wait(wait, ended, `"kind":"tcp"`)
		cancel()
		<-ended
		return text.String()
	}
}

// ask asks the API for everything about every flow.
func (b *birds) ask(base, token string) string {
	var all strings.Builder
	get := func(path string) string {
		req, _ := http.NewRequest("GET", base+path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		fmt.Fprintln(&all, path, resp.Status, resp.Header, resp.Trailer, string(text))
		return string(text)
	}
	var list struct {
		Flows []struct{ Number uint64 }
		Rows  []struct{ Number uint64 }
	}
	text := get("/flows?limit=1000")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		b.t.Fatalf("%v: %.300s", err, text)
	}
	n := 0
	for _, f := range append(list.Flows, list.Rows...) {
		n++
		at := fmt.Sprintf("/flows/%d", f.Number)
		get(at)
		get(at + "/export?as=raw")
		for _, side := range []string{"/request", "/response"} {
			get(at + side + "/body")
			get(at + side + "/body?as=raw")
			get(at + side + "/messages")
			get(at + side + "/view")
		}
	}
	if n < 20 {
		b.t.Errorf("the API knows %d flows: %.300s", n, text)
	}
	get("/log")
	get("/state")
	get("/save?as=har")
	get("/save?as=mitm")
	return all.String()
}

// files are the contents of all files below folders, by their names.
func files(t *testing.T, dirs ...string) map[string]string {
	all := make(map[string]string)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || filepath.Ext(path) == ".js" {
				return err
			}
			text, err := os.ReadFile(path)
			all[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// redactedFields are what is replaced without a rule.
var redactedFields = []string{"Authorization", "Cookie", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token", "X-Goog-Api-Key", "X-Csrf-Token", "X-Amz-Security-Token", "Private-Token", "X-Vault-Token"}

const tellingScript = `
export const observe = true; // bodies pass as they come
export function response(flow) {
  const a = flow.request.headers.get("authorization");
  if (a === null || a === undefined) return;
  console.log("script saw " + a);
  flow.comment = "with " + a;
  flow.metadata.set ? flow.metadata.set("seen", a) : flow.metadata.seen = a;
}
`
