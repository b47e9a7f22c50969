package e2e

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// eventsScript notes what each event tells, and prints all of it at the end.
const eventsScript = `
import os
from mitmproxy import ctx, http, io, tls

notes = []
copies = []

def note(*words):
    notes.append(" ".join(str(w) for w in words))

def tls_clienthello(data: tls.ClientHelloData):
    h = data.client_hello
    note("clienthello", h.sni, h.alpn_protocols, len(h.cipher_suites) > 3, len(h.raw_bytes()) == len(h.raw_bytes(False)) + 9,
         (16, b"\x00\x0c\x02h2\x08http/1.1") in h.extensions, data.context.server.address[0], data.context.server.peername[0])
    data.ignore_connection = h.sni == "ignored.example"

def tls_start_client(data):
    note("start client", data.ssl_conn)
    try:
        data.ssl_conn = object()
    except NotImplementedError as e:
        note("no OpenSSL", "midstream does TLS itself" in str(e))

def tls_established_client(data):
    c = data.conn
    note("established client", c is data.context.client, c.tls_established, c.sni, c.tls_version, len(c.certificate_list), c.mitmcert is not None)

def tls_established_server(data):
    c = data.conn
    note("established server", c.address[0], c.sni, c.certificate_list[0].altnames)

def tls_failed_client(data):
    note("failed client", data.conn.sni, data.conn.tls_established, "refused" in data.conn.error or "certificate" in data.conn.error)

def tls_failed_server(data):
    note("failed server", "certificate is" in data.conn.error)

def http_connect(flow):
    if flow.request.host == "refused.example":
        flow.response = http.Response.make(403)

def http_connected(flow):
    note("connected", flow.request.host, flow.response.status_code)

def http_connect_error(flow):
    note("connect error", flow.request.host, flow.response.status_code)

def http_connect_upstream(flow):
    note("connect upstream", flow.request.method, flow.request.host, flow.request.port)
    flow.request.headers["X-Added"] = "by a script"

def socks5_auth(data):
    note("socks", data.username, data.password, data.valid, data.client_conn.peername[0])
    data.valid = data.password == "right"

def server_connect(data):
    if data.server.address == ("moved.example", 80):
        data.server.address = ("127.0.0.1", int(ctx.options.origin))
    if data.server.address[0] == "nowhere.example":
        data.server.error = "not there today"

def server_connect_error(data):
    note("server error", data.server.address[0], data.server.error)

class Options:
    def load(self, loader):
        loader.add_option("origin", str, "", "The port of the origin.")

    def response(self, flow):
        note("response", flow.request.path, flow.request.content, flow.is_replay, flow in copies)
        if flow.is_replay:
            note("curl", ctx.master.commands.call("export", "curl", flow))
            path = os.path.join(os.path.dirname(__file__), "out.har")
            ctx.master.commands.call("save.har", [flow], path)
            with open(path, "rb") as f:
                note("read back", [(f.request.path, f.response.content) for f in io.FlowReader(f).stream()])
        elif flow.request.path == "/hello?copy":
            copy = flow.copy()
            copy.request.path = "/hello?copied"
            copies.append(copy)
            ctx.master.commands.call("replay.client", [copy])

    def update(self, flows):
        if flows[0].response:
            self.last = flows[0].id

addons = [Options()]

def done():
    for line in notes:
        print("*", line)
`

// The events that a Python addon may have of connections, handshakes and tunnels, in
// one midstream: what they tell, and what they change.
func TestPythonEvents(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	o := newOrigin(t)
	path := filepath.Join(t.TempDir(), "events.py")
	write(t, path, eventsScript)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(o.HTTP, "http://"))
	p := start(t, "--mode", "regular", "--mode", "socks5@0", "-s", path, "--set", "origin="+port)
	at := p.waitStderr(`listening on (127\.0\.0\.1:\d+).* \(socks5`)[1]

	read := func(c *http.Client, url string) (string, int) {
		t.Helper()
		r := get(t, c, url)
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b), r.StatusCode
	}
	if got, _ := read(p.client(), o.HTTPS+"/hello?copy"); got != "hello\n" {
		t.Errorf("%q", got)
	}
	r, err := p.client().Post(o.HTTP+"/echo", "text/plain", strings.NewReader("what was asked"))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r.Body)
	r.Body.Close()
	if got, _ := read(p.client(), "http://moved.example/hello"); got != "hello\n" {
		t.Errorf("the server of another address said %q", got)
	}
	if got, status := read(p.client(), "http://nowhere.example/"); status != 502 || !strings.Contains(got, "not there today") {
		t.Errorf("%d %q", status, got)
	}
	through := func(c *tls.Config) *http.Client {
		proxy, _ := url.Parse(p.URL())
		tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: c}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr, Timeout: patience}
	}
	// The certificate is the origin's own.
	r, err = through(&tls.Config{ServerName: "ignored.example", NextProtos: []string{"h2", "http/1.1"}, InsecureSkipVerify: true}).Get(o.HTTPS + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if cert := r.TLS.PeerCertificates[0]; cert.Issuer.CommonName != "origins of the tests" {
		t.Errorf("a connection that was to be ignored shows a certificate of %v", cert.Issuer)
	}
	if _, err := through(&tls.Config{RootCAs: trusting(t, authorityFile(t)).RootCAs}).Get(o.HTTPS + "/hello"); err == nil {
		t.Error("a client that does not trust midstream got an answer")
	}
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	defer stranger.Close()
	if _, status := read(p.client(), strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)); status != 502 {
		t.Errorf("a server that is not trusted: %d", status)
	}
	if _, err := p.client().Get("https://refused.example/"); err == nil {
		t.Error("a CONNECT that a hook refuses was granted")
	}
	curl := need(t, "curl")
	if out := run(t, nil, curl, "-sS", "-x", "socks5h://anna:right@"+at, o.HTTP+"/hello"); out != "hello\n" {
		t.Errorf("by SOCKS: %q", out)
	}
	if _, errs, err := attempt(t, nil, curl, "-sS", "-x", "socks5h://anna:wrong@"+at, o.HTTP+"/hello"); err == nil {
		t.Errorf("a wrong password was taken: %s", errs)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if p.stdout.wait(ctx, p.ended, `GET https://\S+/hello\?copied 200`) == nil {
		t.Error("the copy was not sent")
	}
	p.stop()
	want := []string{
		"clienthello localhost [] True True False localhost 127.0.0.1",
		"clienthello ignored.example [b'h2', b'http/1.1'] True True True localhost 127.0.0.1",
		"start client None", "no OpenSSL True",
		"established client True True localhost TLSv1.3 0 True",
		"established server localhost localhost ['localhost', ",
		"failed client localhost False True", "failed server True",
		"connected localhost 200", "connect error refused.example 403",
		"socks anna right True 127.0.0.1", "socks anna wrong True 127.0.0.1",
		"server error nowhere.example", "not there today",
		"response /hello?copy b'' None False", "response /hello?copied b'' request True",
		"response /echo b'what was asked' None False",
		"curl curl ", "/hello?copied", `read back [('/hello?copied', b'hello\n')]`,
	}
	out := p.stdout.String()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("the script has not noted %q", w)
		}
	}
}

// http_connect_upstream adds fields to the CONNECT that a parent proxy gets.
func TestPythonConnectUpstream(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *http.Request, 1)
	parent := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case got <- r:
		default: // it is asked again
		}
		w.WriteHeader(http.StatusForbidden)
	})}
	go parent.Serve(ln)
	defer parent.Close()
	path := filepath.Join(t.TempDir(), "parent.py")
	write(t, path, "def http_connect_upstream(flow):\n    flow.request.headers['X-Added'] = flow.request.method + ' by a script'\n")
	p := start(t, "--mode", "upstream:http://"+ln.Addr().String(), "-s", path)
	if r, err := p.client().Get("https://server.example/"); err == nil {
		r.Body.Close()
	}
	if r := <-got; r.Method != "CONNECT" || r.Host != "server.example:443" || r.Header.Get("X-Added") != "CONNECT by a script" {
		t.Errorf("%s %s %v", r.Method, r.Host, r.Header)
	}
}

// A script says something into a WebSocket on which nobody has said anything.
func TestPythonInjectsAtOnce(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	o := newOrigin(t)
	o.webSocket(t, "/ws", "", func(e *wsEnd) {
		e.want(0x81, "from a task") // to the server, as text
		echo(e)
	})
	path := filepath.Join(t.TempDir(), "inject.py")
	write(t, path, `
import asyncio
from mitmproxy import ctx

async def say(flow):
    await asyncio.sleep(0)
    ctx.master.commands.call("inject.websocket", flow, False, b"from a task")
    for i in range(3):
        ctx.master.commands.call("inject.websocket", flow, True, b"%d" % i, False)

def websocket_start(flow):
    asyncio.get_running_loop().create_task(say(flow))
`)
	p := start(t, "-s", path)
	e := dialWebSocket(t, p, o.HTTP, "/ws")
	for _, want := range []string{"0", "1", "2"} {
		e.want(0x82, want)
	}
	e.send(0x81, "hello")
	e.want(0x81, "hello")
}
