package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"midstream/internal/ws"
)

// peer is the client's end of a feed by WebSocket.
type peer struct {
	t     *testing.T
	c     net.Conn
	in    *bufio.Reader
	split *ws.Splitter
}

// feedSocket asks for the feed of a view; it returns the answer where that is no
// 101.
func (r *rig) feedSocket(at Address, view string, fields map[string]string) (*peer, *http.Response) {
	r.t.Helper()
	u, _ := url.Parse(at.Plain)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	key := ws.NewKey()
	req, _ := http.NewRequest("GET", at.Plain+"api/v1/views/"+view+"/feed", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "Authorization": "Bearer secret"} {
		req.Header.Set(name, value)
	}
	for name, value := range fields {
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
		if value == "" {
			req.Header.Del(name)
		}
	}
	if err := req.Write(c); err != nil {
		r.t.Fatal(err)
	}
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != 101 {
		return nil, resp
	}
	if resp.Header.Get("Sec-WebSocket-Accept") != ws.Accept(key) || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		r.t.Errorf("%v", resp.Header)
	}
	p := &peer{r.t, c, in, ws.NewSplitter(ws.Deflate{}, 8<<20)}
	r.t.Cleanup(p.split.Close)
	return p, nil
}

// next returns the next message; false where the connection ended.
func (p *peer) next() (ws.Message, bool) {
	p.t.Helper()
	for {
		if m, ok := p.split.Next(); ok {
			return *m, true
		}
		buf := make([]byte, 4096)
		n, err := p.in.Read(buf)
		if err != nil {
			return ws.Message{}, false
		}
		p.split.Write(buf[:n])
	}
}

// event returns the data of the next event of a name.
func (p *peer) event(name string, out any) {
	p.t.Helper()
	for {
		m, ok := p.next()
		if !ok || m.Opcode == ws.Close {
			p.t.Fatalf("the feed ended before %s", name)
		}
		var e struct {
			Event string
			Data  json.RawMessage
		}
		if m.Opcode != ws.Text {
			continue
		}
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			p.t.Fatal(err)
		}
		if e.Event == name {
			if err := json.Unmarshal(e.Data, out); err != nil {
				p.t.Fatal(err)
			}
			return
		}
	}
}

func (p *peer) say(h ws.Header, payload string) {
	p.t.Helper()
	h.Length = int64(len(payload))
	b := []byte(payload)
	if h.Masked {
		ws.Cipher(b, h.Mask, 0)
	}
	if _, err := p.c.Write(append(ws.AppendHeader(nil, h), b...)); err != nil {
		p.t.Fatal(err)
	}
}

// closing is the code of the close frame that comes.
func (p *peer) closing() int {
	p.t.Helper()
	for {
		m, ok := p.next()
		if !ok {
			p.t.Fatal("the connection ended without a close frame")
		}
		if m.Opcode == ws.Close {
			code, _ := ws.ParseClose(m.Payload)
			return code
		}
	}
}

var fromClient = ws.Header{Fin: true, Opcode: ws.Text, Masked: true, Mask: [4]byte{1, 2, 3, 4}}

func TestTheFeedByWebSocket(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	v := r.view(`{}`)
	p, refused := r.feedSocket(at, v.ID, nil)
	if refused != nil {
		t.Fatal(refused.Status)
	}
	if p.event("position", &v); v.State != "ready" {
		t.Errorf("%+v", v)
	}
	ping := fromClient
	ping.Opcode = ws.Ping
	p.say(fromClient, `{"window":{"from":0,"n":10}}`)
	p.say(ping, "hello")
	if m, ok := p.next(); !ok || m.Opcode != ws.Pong || string(m.Payload) != "hello" {
		t.Fatalf("%+v", m)
	}
	// The window was taken before the ping was answered.
	r.through("/a")
	var b Batch
	for p.event("batch", &b); len(b.Rows) == 0; p.event("batch", &b) {
	}
	if b.Rows[0].Path != "/a" || *b.Rows[0].Rank != 0 {
		t.Errorf("%+v", b)
	}
	// A message in two frames, with a ping between them.
	first, last := fromClient, fromClient
	first.Fin, last.Opcode = false, ws.Continuation
	p.say(first, `{"window":{"from":0,`)
	p.say(ping, "again")
	p.say(last, `"n":0}}`)
	for m, _ := p.next(); m.Opcode != ws.Pong; m, _ = p.next() {
	}
	r.in.Log().Warn("a word")
	var e LogEntry
	if p.event("log", &e); e.Text != "a word" {
		t.Errorf("%+v", e)
	}
	leave := fromClient
	leave.Opcode = ws.Close
	p.say(leave, "\x03\xe8")
	if code := p.closing(); code != 1000 {
		t.Error(code)
	}
	if _, err := p.in.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

func TestAFeedByWebSocketEnds(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	v := r.view(`{}`)
	unmasked, coded, binary, lost := fromClient, fromClient, fromClient, fromClient
	unmasked.Masked, coded.RSV, binary.Opcode, lost.Opcode = false, ws.RSV1, ws.Binary, ws.Continuation
	for name, c := range map[string]struct {
		h    ws.Header
		text string
		code int
	}{
		"not masked":      {unmasked, "{}", 1002},
		"compressed":      {coded, "{}", 1002},
		"binary":          {binary, "{}", 1003},
		"no window":       {fromClient, "{}", 1003},
		"no JSON":         {fromClient, "hello", 1003},
		"a wrong window":  {fromClient, `{"window":{"from":-4,"n":3}}`, 1003},
		"nothing begun":   {lost, "{}", 1002},
		"a large message": {fromClient, strings.Repeat(" ", maxSaid+1), 1009},
	} {
		p, refused := r.feedSocket(at, v.ID, nil)
		if refused != nil {
			t.Fatal(refused.Status)
		}
		p.say(c.h, c.text)
		if code := p.closing(); code != c.code {
			t.Errorf("%s: %d, want %d", name, code, c.code)
		}
	}
	p, _ := r.feedSocket(at, v.ID, nil)
	p.event("position", &v)
	r.call("DELETE", "/views/"+v.ID, "", nil)
	if code := p.closing(); code != 1001 {
		t.Errorf("the view ended: %d", code)
	}
	var st Stats
	for r.call("GET", "/stats", "", &st); st.Readers > 0; r.call("GET", "/stats", "", &st) {
	}
}

// A page that is not ours gets no feed, whatever cookie the browser adds.
func TestWhoGetsAFeedByWebSocket(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.Plain)
	v := r.view(`{}`)
	for name, c := range map[string]struct {
		fields map[string]string
		status int
	}{
		"our page":          {map[string]string{"Origin": "http://" + u.Host}, 101},
		"another page":      {map[string]string{"Origin": "http://evil.test"}, 403},
		"another port":      {map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		"another scheme":    {map[string]string{"Origin": "https://" + u.Host}, 403},
		"no origin at all":  {map[string]string{"Origin": "null"}, 403},
		"a rebound name":    {map[string]string{"Host": "evil.test:" + u.Port()}, 403},
		"nobody":            {map[string]string{"Authorization": ""}, 401},
		"a wrong secret":    {map[string]string{"Authorization": "Bearer x"}, 401},
		"another version":   {map[string]string{"Sec-WebSocket-Version": "8"}, 400},
		"no key":            {map[string]string{"Sec-WebSocket-Key": ""}, 400},
		"a key that is bad": {map[string]string{"Sec-WebSocket-Key": "YWJj"}, 400},
	} {
		status := 101
		if _, refused := r.feedSocket(at, v.ID, c.fields); refused != nil {
			status = refused.StatusCode
		}
		if status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
	if _, refused := r.feedSocket(at, "none", nil); refused == nil || refused.StatusCode != 404 {
		t.Errorf("%v", refused)
	}
}

// Both forms of an event say the same, and are made once.
func TestAnEventIsEncodedOnce(t *testing.T) {
	m := &told{name: "batch", data: []byte(`{"seq":1}`)}
	first, again := m.asText(), m.asText()
	if string(first) != "event: batch\ndata: {\"seq\":1}\n\n" || &first[0] != &again[0] {
		t.Errorf("%s", first)
	}
	want := `{"event":"batch","data":{"seq":1}}`
	if f := m.asFrame(); string(f) != fmt.Sprintf("\x81%c%s", len(want), want) || &f[0] != &m.asFrame()[0] {
		t.Errorf("%q", f)
	}
}
