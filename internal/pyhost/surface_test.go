package pyhost

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

func TestSurface(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/surface.py")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, string(source))
	var names []string
	for _, c := range r.host.Commands() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "my.add my.flows my.words" {
		t.Errorf("commands %q", got)
	}
	r.prints("all is well\n")
}

// stream runs a transform over pieces.
func stream(t *testing.T, s hook.Stream, pieces ...string) string {
	t.Helper()
	if s.Transform == nil {
		t.Fatal("there is no stream function")
	}
	tr := s.Transform()
	var out []string
	emit := func(p []byte) error { out = append(out, string(p)); return nil }
	for _, p := range pieces {
		if err := tr.Chunk(context.Background(), []byte(p), emit); err != nil {
			return strings.Join(out, "|") + " error " + err.Error()
		}
	}
	if err := tr.End(context.Background(), emit); err != nil {
		return strings.Join(out, "|") + " error " + err.Error()
	}
	return strings.Join(out, "|")
}

func TestStreamFunctions(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def each(chunk):
    return chunk.upper() if chunk else b"end"
def several(chunk):
    return [chunk, b"", b"-"] if chunk else []
def new_generator(chunk):
    yield chunk
    yield b"+"
def old_generator(chunks):
    yield b"begin"
    for chunk in chunks:
        yield chunk * 2
        yield b"."
    yield b"end"
def wrong(chunk):
    return "text"
def fails(chunk):
    raise ValueError("no more")
class Keeps:
    def __call__(self, chunk):
        self.last = chunk
        return chunk
kinds = {"/each": each, "/several": several, "/new": new_generator, "/old": old_generator, "/wrong": wrong, "/fails": fails, "/none": lambda c: None, "/keeps": Keeps()}
def requestheaders(flow):
    if flow.request.method == "POST":
        flow.request.stream = each
def responseheaders(flow):
    if flow.request.path == "/true": flow.response.stream = True
    elif flow.request.path == "/false": flow.response.stream = False
    elif flow.request.path in kinds: flow.response.stream = kinds[flow.request.path]
`)
	for path, want := range map[string]string{
		"/each": "AB|C|end", "/several": "ab|-|c|-", "/new": "ab|+|c|+|+", "/old": "begin|abab|.|cc|.|end", "/none": "", "/keeps": "ab|c",
		"/wrong": " error script " + r.path + ": TypeError: a stream function returns bytes or an iterable of bytes, not str",
		"/fails": " error script " + r.path + ": ValueError: no more",
	} {
		x := r.trip("GET", "http://example.com"+path)
		if err := x.request(""); err != nil {
			t.Fatal(err)
		}
		if err := x.response(200, ""); err != nil {
			t.Fatal(err)
		}
		if got := stream(t, x.Response.Stream, "ab", "c"); got != want {
			t.Errorf("%s gives %q, want %q", path, got, want)
		}
		x.end()
	}
	for path, want := range map[string]hook.Wish{"/true": hook.DoNotWait, "/false": hook.KeepAsIs, "/": hook.NoWish} {
		x := r.trip("POST", "http://example.com"+path)
		if err := x.request(""); err != nil {
			t.Fatal(err)
		}
		if err := x.response(200, ""); err != nil {
			t.Fatal(err)
		}
		if x.Response.Stream.Wish != want || x.Response.Stream.Transform != nil {
			t.Errorf("%s: %+v", path, x.Response.Stream)
		}
		if got := stream(t, x.Request.Stream, "x"); got != "X|end" {
			t.Errorf("the request gives %q", got)
		}
		x.end()
	}
}

func TestWhatChangesReachesTheMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def request(flow):
    q = flow.request
    q.method = "PUT"
    q.url = "https://other.example:8443/new?a=b"
    q.headers.add("X-Bin", b"\xff\xfe")
    q.headers["Set"] = "v"
    del q.headers["Gone"]
    q.content = b"new body"
    q.trailers = [(b"X-T", b"1")]
    flow.marked, flow.comment = True, "said ü"
    flow.metadata["k"] = "v"
    flow.metadata["n"] = 3
    flow.metadata["o"] = object()
    flow.server_conn.via = ("http", ("parent.example", 3128))
def response(flow):
    r = flow.response
    assert r.reason == "OK" and r.status_code == 200, r
    assert flow.request.content == b"new body"
    assert flow.client_conn.peername == ("192.0.2.7", 4711) and flow.client_conn.proxy_mode.full_spec == "regular"
    assert flow.request.timestamp_start == 1700000001.0 and flow.client_conn.timestamp_start == 1700000000.0
    r.status_code, r.reason = 201, "Made"
    r.headers["Content-Type"] = "text/html; charset=utf-8"
    r.text = "grüße"
`)
	x := r.trip("GET", "http://example.com/", "Host", "example.com", "Gone", "1", "X-Keep", "kept")
	x.Request.Fields[2].Wire = "X-Keep:   kept"
	if err := x.request("old"); err != nil {
		t.Fatal(err)
	}
	if err := x.response(200, "body"); err != nil {
		t.Fatal(err)
	}
	x.end()
	if r.err.String() != "" || x.findings() != "" {
		t.Error(r.err.String(), x.findings())
	}
	q := x.Request
	if q.Method != "PUT" || q.URL() != "https://other.example:8443/new?a=b" || q.Fields.Get("Host") != "other.example:8443" ||
		q.Fields.Get("X-Bin") != "\xff\xfe" || q.Fields.Has("Gone") || q.Fields[1].Line() != "X-Keep:   kept" || q.Trailers.Get("X-T") != "1" {
		t.Errorf("%+v", q.Request)
	}
	if p, _ := q.Raw(); string(p) != "new body" {
		t.Errorf("body %q", p)
	}
	if q.Via == nil || q.Via.Address() != "parent.example:3128" {
		t.Errorf("via %v", q.Via)
	}
	if x.Marker != ":default:" || x.Comment != "said ü" || x.Metadata["k"] != "v" || x.Metadata["n"] != "3" || len(x.Metadata) != 2 {
		t.Errorf("%q %q %v", x.Marker, x.Comment, x.Metadata)
	}
	if p, _ := x.Response.Raw(); x.Response.Status != 201 || x.Response.Reason != "Made" || string(p) != "grüße" {
		t.Errorf("%+v %q", x.Response.Response, p)
	}
}

func TestWhatWouldBreakAMessageIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def request(flow):
    q, p = flow.request, flow.request.path
    if p == "/crlf": q.headers["A"] = "b\r\nInjected: 1"
    if p == "/name": q.headers["A b"] = "c"
    if p == "/method": q.method = "GET /x"
    if p == "/path": q.path = "/a b"
    if p == "/host": q.data.host = "a/b"
    if p == "/port": q.port = 70000
    if p == "/scheme": q.scheme = "ftp"
    if p == "/content": q.data.content = "text"
    if p == "/response": flow.response = "text"
`)
	for path, want := range map[string]string{
		"/crlf": "has a line end", "/name": "would break the message", "/method": "no method", "/path": "write %20", "/host": "no host",
		"/port": "no port", "/scheme": "neither http nor https", "/content": "is bytes, not str", "/response": "flow.response takes a Response",
	} {
		x := r.trip("GET", "http://example.com"+path)
		if err := x.request(""); err != nil {
			t.Error(path, err)
		}
		if f := x.findings(); !strings.Contains(f, want) {
			t.Errorf("%s: findings %q, want %q", path, f, want)
		}
		if x.Request.Method != "GET" || x.Request.Path != path || x.Response != nil || len(x.Request.Fields) != 0 {
			t.Errorf("%s: it was changed: %+v", path, x.Request.Request)
		}
		x.end()
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def client_connected(client):
    if client.peername[0] == "192.0.2.9": client.error = "not you"
def clientconnect(client):
    print("old", client.peername[1])
def client_disconnected(client): print("gone", client.peername[1])
def server_connect(data):
    if data.server.address[0] == "move.example": data.server.address = ("127.0.0.1", 81)
    if data.server.address[0] == "no.example": data.server.error = "not there"
    if data.server.address[0] == "via.example": data.server.via = ("https", ("parent.example", 8080))
def server_connected(data): print("connected", data.server.peername[1], data.client.peername[1])
def server_connect_error(data): print("failed", data.server.error)
def serverdisconnect(server): print("server gone", server.address)
`)
	ctx := context.Background()
	client := &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.7:1000"}
	if err := r.set.ClientConnected(ctx, client); err != nil {
		t.Error(err)
	}
	err := r.set.ClientConnected(ctx, &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.9:1000"})
	if f, ok := errors.AsType[*hook.Refusal](err); !ok || !strings.Contains(f.Reason, "not you") {
		t.Error(err)
	}
	d := &hook.Dial{Client: client, Address: "move.example:80"}
	if err := r.set.ServerConnect(ctx, d); err != nil || d.Address != "127.0.0.1:81" {
		t.Error(err, d.Address)
	}
	if err := r.set.ServerConnect(ctx, &hook.Dial{Client: client, Address: "no.example:80"}); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Error(err)
	}
	d = &hook.Dial{Client: client, Address: "via.example:80"}
	if err := r.set.ServerConnect(ctx, d); err != nil || d.Via == nil || d.Via.Address() != "parent.example:8080" || d.Via.Scheme != "https" {
		t.Error(err, d.Via)
	}
	server := &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.8:443", Address: "example.com:443"}
	r.set.ServerConnected(ctx, &hook.Dial{Client: client, Server: server, Address: "example.com:443"})
	r.set.ServerConnectError(ctx, &hook.Dial{Client: client, Address: "example.com:443", Err: errors.New("refused")})
	r.set.ServerDisconnected(ctx, &hook.Dial{Client: client, Server: server, Address: "example.com:443"})
	r.set.ClientDisconnected(ctx, client)
	want := "old 1000\nold 1000\nconnected 443 1000\nfailed refused\nserver gone ('example.com', 443)\ngone 1000\n"
	r.prints(want)
}

func TestMessagesOfWebSocketsAndTunnels(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
from mitmproxy import ctx
def websocket_start(flow):
    assert flow.websocket.messages == []
def websocket_message(flow):
    m = flow.websocket.messages[-1]
    if m.from_client and m.is_text:
        m.text = m.text.upper()
        ctx.master.commands.call("inject.websocket", flow, True, b"more", False)
    elif m.content == b"drop":
        m.drop()
def websocket_end(flow):
    print(flow.websocket.close_code, flow.websocket.close_reason, flow.websocket.closed_by_client, len(flow.websocket.messages))
def tcp_message(flow):
    m = flow.messages[-1]
    if m.from_client: m.content = m.content.replace(b"foo", b"bar")
    ctx.master.commands.call("inject.tcp", flow, True, b"more")
    ctx.master.commands.call("inject.tcp", flow, False, b"less")
    try: ctx.master.commands.call("inject.websocket", flow, False, b"")
    except Exception as e: print(e)
def tcp_end(flow): print(flow.type, len(flow.messages))
`)
	ctx := context.Background()
	x := r.trip("GET", "http://example.com/")
	x.WebSocket = &hook.WebSocket{}
	if err := r.set.WebSocketStart(ctx, x.Exchange); err != nil {
		t.Fatal(err)
	}
	say := func(client, text bool, content string) (*hook.WebSocketMessage, []hook.Injected) {
		m := &hook.WebSocketMessage{FromClient: client, Text: text, Content: []byte(content)}
		x.WebSocket.Message = m
		if err := r.set.WebSocketMessage(ctx, x.Exchange); err != nil {
			t.Fatal(err)
		}
		return m, x.WebSocket.TakeInjected()
	}
	m, more := say(true, true, "hello")
	if string(m.Content) != "HELLO" || len(more) != 1 || !more[0].ToClient || more[0].Text || string(more[0].Content) != "more" {
		t.Errorf("%q %+v", m.Content, more)
	}
	if m, _ = say(false, false, "drop"); !m.Dropped() {
		t.Error("not dropped")
	}
	if m, _ = say(false, false, "\x00\xff"); !bytes.Equal(m.Content, []byte("\x00\xff")) {
		t.Errorf("%q", m.Content)
	}
	x.WebSocket.CloseCode, x.WebSocket.CloseReason, x.WebSocket.ClosedByClient = 1000, "bye", true
	if err := r.set.WebSocketEnd(ctx, x.Exchange); err != nil {
		t.Fatal(err)
	}
	x.end()
	y := r.trip("GET", "http://example.com/")
	y.TCP = &hook.TCP{Message: &hook.TCPMessage{FromClient: true, Content: []byte("foo\xff")}}
	if err := r.set.TCPMessage(ctx, y.Exchange); err != nil || string(y.TCP.Message.Content) != "bar\xff" {
		t.Errorf("%v %q", err, y.TCP.Message.Content)
	}
	if more := y.TCP.TakeInjected(); len(more) != 2 || !more[0].ToClient || more[1].ToClient || string(more[0].Content)+string(more[1].Content) != "moreless" {
		t.Errorf("injected %+v", more)
	}
	if err := r.set.TCPEnd(ctx, y.Exchange); err != nil {
		t.Fatal(err)
	}
	y.end()
	r.prints("1000 bye True 3\ninject.websocket: the flow is no open WebSocket\ntcp 1\n")
}
