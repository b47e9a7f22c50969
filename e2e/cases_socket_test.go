package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"midstream/internal/ws"
)

// What a client of WebSocket asks and what its server answers pass as they are said:
// offers and choices, another answer than 101, and what lies behind either head.
func TestCasesWebSocketHandshakes(t *testing.T) {
	t.Parallel()
	const key, accept = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	ask := func(lines string) string {
		return "GET {T}/chat?x=1 HTTP/1.1\r\nHost: {H}\r\n" + lines + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	}
	plain := ask("Connection: Upgrade\r\nUpgrade: websocket\r\n")
	agreed := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n"
	client, server := &wsEnd{mask: true}, &wsEnd{}
	all := map[string]socketCase{
		"plain":                              {asked: plain, answer: agreed, raw: true},
		"frames behind the answer":           {asked: plain, answer: agreed, behind: string(server.frame(0x81, "welcome")) + string(server.frame(0x89, "")), raw: true},
		"frames behind the asking":           {asked: plain, answer: agreed, early: string(client.frame(0x81, "at once")), raw: true},
		"subprotocols":                       {asked: plain + "Sec-WebSocket-Protocol: p1,  p2\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n", answer: agreed + "Sec-WebSocket-Protocol: p2\r\n", raw: true},
		"a subprotocol that was not offered": {asked: plain + "Sec-WebSocket-Protocol: p1\r\n", answer: agreed + "Sec-WebSocket-Protocol: p9\r\n", raw: true},
		"extensions that nobody knows":       {asked: plain + "Sec-WebSocket-Extensions: x-a; b=\"c\", permessage-deflate\r\n", answer: agreed + "Sec-WebSocket-Extensions: x-a; b=\"c\"\r\n", raw: true},
		"the words in other letters": {asked: ask("connection: keep-alive, UPGRADE\r\nUPGRADE: WebSocket\r\n"), answer: strings.ReplaceAll(agreed, "websocket", "WebSocket"), raw: true,
			arrives: ask("connection: UPGRADE\r\nUPGRADE: WebSocket\r\n")},
		"another reason phrase and fields": {asked: plain + "Cookie: a=b\r\nAuthorization: Basic eDp5\r\nOrigin: null\r\n", answer: strings.Replace(agreed, "Switching Protocols", "Web Socket Protocol Handshake", 1) + "Set-Cookie: c=d\r\nServer: x\r\nDate: now\r\n", raw: true},
		"an accept that is wrong":          {asked: plain, answer: strings.Replace(agreed, accept, "bm90IGl0", 1), raw: true},
		"101 with a length":                {asked: plain, answer: agreed + "Content-Length: 0\r\n", head: agreed, raw: true},
		"101 said to be chunked":           {asked: plain, answer: agreed + "Transfer-Encoding: chunked\r\n", head: agreed, raw: true},
		"404":                              {asked: plain, answer: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"},
		"401":                              {asked: plain, answer: "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n"},
		"a redirect":                       {asked: plain, answer: "HTTP/1.1 302 Found\r\nLocation: wss://other.test/\r\nContent-Length: 0\r\n"},
		"426 for another version":          {asked: strings.Replace(plain, "Version: 13", "Version: 99", 1), answer: "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13, 8\r\nContent-Length: 0\r\n"},
		"200 for who does not switch":      {asked: plain, answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"},
		"a switch to what is no WebSocket": {asked: strings.Replace(plain, "websocket", "tcp", 1), answer: "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", raw: true},
	}
	for _, w := range ways {
		for hooks, args := range map[string][]string{"": nil, " with hooks": {"-s", scriptFile(t, socketScript)}} {
			t.Run(w.name+hooks, func(t *testing.T) {
				t.Parallel()
				p := startCases(t, args...)
				for name, c := range all {
					t.Run(name, func(t *testing.T) { c.run(t, p, w) })
				}
			})
		}
	}
}

// A socketCase is one handshake.
type socketCase struct {
	asked, answer string // heads without their last line, which pass as they are
	head          string // what the client gets as a head instead; "" for answer
	arrives       string // what the server gets instead from a proxy that was asked as one; "" for asked
	early         string // what the client sends in one write with its head
	behind        string // what the server sends in one write with its own
	raw           bool   // octets pass afterwards; else it goes on as HTTP
}

func (c socketCase) run(t *testing.T, p *proxy, w way) {
	came := make(chan string, 2)
	o := newRawOrigin(t, p, w.secured, func(s *peer) {
		for answer := c.answer + "\r\n" + c.behind; ; answer = okResponse {
			head, err := headOctets(s.in)
			if err != nil {
				return
			}
			came <- head
			io.WriteString(s, answer)
			if c.raw {
				io.Copy(s, s.in)
				return
			}
		}
	})
	conn := w.reach(t, p, o.Addr)
	conn.send(w.spell(c.asked, o.Addr) + "\r\n" + c.early)
	_, head := conn.head()
	want := c.head
	if want == "" {
		want = c.answer
	}
	if head != want+"\r\n" {
		t.Errorf("the client got %q, want %q", head, want)
	}
	if c.arrives == "" || w.secured {
		c.arrives = c.asked
	}
	if got, want := soon(t, came, "the head"), arrives(c.arrives, o.Addr)+"\r\n"; got != want {
		t.Errorf("the server got %q, want %q", got, want)
	}
	if !c.raw {
		conn.send(w.spell("GET {T}/next HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
		if _, head := conn.head(); head != strings.TrimSuffix(okResponse, "ok") {
			t.Errorf("behind it came %q", head)
		}
		conn.conn.Close()
		return
	}
	later := string((&wsEnd{mask: true}).frame(0x82, "later"))
	conn.send(later)
	got := make([]byte, len(c.behind+c.early+later))
	if _, err := io.ReadFull(conn.in, got); err != nil || string(got) != c.behind+c.early+later {
		t.Errorf("behind the head came %q, want %q, %v", got, c.behind+c.early+later, err)
	}
	closeWrite(conn.conn)
	conn.ended()
}

// A stream that asks for WebSocket is answered with what its server of HTTP/1.1 says:
// with its choice, or with the answer of one that does not switch; one that switches
// without having understood is none.
func TestCasesWebSocketOnStreams(t *testing.T) {
	t.Parallel()
	p := start(t)
	came := make(chan *http.Request, 1)
	base := "https://localhost:" + port(newRawOrigin(t, p, true, func(c *peer) {
		for {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			came <- r
			accept := ws.Accept(r.Header.Get("Sec-WebSocket-Key"))
			switch r.URL.Path {
			case "/404":
				io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing")
			case "/302":
				io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
			case "/wrong":
				fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", ws.Accept("another"))
				return
			case "/200":
				io.WriteString(c, okResponse)
			default:
				fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: p2\r\n\r\n", accept)
				io.Copy(c, c.in)
				return
			}
		}
	}).Addr)
	f, authority := h2Through(t, p, base)
	id := uint32(1)
	for _, c := range []struct{ path, status, content string }{
		{"/404", "404", "nothing"}, {"/302", "302", ""}, {"/wrong", "502", ""}, {"/200", "502", ""}, {"/fine", "200", ""},
	} {
		f.head(id, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", authority, ":path", c.path,
			"sec-websocket-version", "13", "sec-websocket-protocol", "p1,  p2", "origin", "https://page.test", "cookie", "a=1", "cookie", "b=2")
		var a h2Answer
		if c.path == "/fine" {
			var head *http2.MetaHeadersFrame
			for head == nil {
				frame, err := f.next()
				if err != nil {
					t.Fatal(err)
				}
				if head, _ = frame.(*http2.MetaHeadersFrame); head == nil && frame.Header().StreamID == id {
					t.Fatal(frame) // of the streams before come their ends
				}
			}
			for _, h := range head.Fields {
				a.fields = append(a.fields, h.Name+"="+h.Value)
			}
			if want := []string{":status=200", "sec-websocket-protocol=p2"}; !slices.Equal(a.fields, want) {
				t.Errorf("%s: %q, want %q", c.path, a.fields, want)
			}
		} else if a = f.answer(t, id); a.status() != c.status || c.status != "502" && a.content != c.content {
			t.Errorf("%s: %+v", c.path, a)
		}
		r := soon(t, came, "the request")
		if r.Method != "GET" || r.Host != authority || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-WebSocket-Protocol") != "p1,  p2" ||
			r.Header.Get("Sec-WebSocket-Key") == "" || r.Header.Get("Cookie") != "a=1; b=2" || r.Header.Get("Origin") != "https://page.test" {
			t.Errorf("%s: the server got %s %s %q", c.path, r.Method, r.Host, r.Header)
		}
		id += 2
	}
	// It closes as any stream does, and the connection goes on.
	f.WriteData(id-2, true, (&wsEnd{mask: true}).frame(0x88, "\x03\xe8"))
	if a := f.answer(t, id-2); !strings.HasPrefix(a.content, "\x88") {
		t.Errorf("the close frame came back as %+v", a)
	}
	f.head(id, true, ":method", "GET", ":scheme", "https", ":authority", authority, ":path", "/200")
	if a := f.answer(t, id); a.content != "ok" {
		t.Errorf("behind them: %+v", a)
	}
}

// A WebSocket that is asked for in the tunnel to one server goes there or nowhere,
// whatever other server its head names, and its credentials with it.
func TestCasesWebSocketGoesWhereItsTunnelDoes(t *testing.T) {
	t.Parallel()
	p := start(t)
	other, own := make(chan string, 10), make(chan string, 10)
	origin := func(to chan<- string) *rawOrigin {
		return newRawOrigin(t, p, true, func(c *peer) {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			to <- r.Host + " " + r.Header.Get("Authorization")
			fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", ws.Accept(r.Header.Get("Sec-WebSocket-Key")))
			io.Copy(c, c.in)
		})
	}
	a, b := "localhost:"+port(origin(other).Addr), "localhost:"+port(origin(own).Addr)
	first := secure(t, p, a, "localhost")
	const ask = "GET /ws HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	fmt.Fprintf(first, ask, a, "one")
	if got := soon(t, other, "the first"); got != a+" Basic one" {
		t.Errorf("the first came as %q", got)
	}
	second := secure(t, p, b, "localhost")
	fmt.Fprintf(second, ask, a, "two")
	if got := soon(t, own, "the second"); got != a+" Basic two" {
		t.Errorf("the second came as %q", got)
	}
	f, _ := h2Through(t, p, "https://"+b)
	f.head(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", a, ":path", "/ws", "sec-websocket-version", "13", "authorization", "Basic three")
	if got := f.answer(t, 1); got.status() != "421" {
		t.Errorf("another authority on a stream: %+v", got)
	}
	first.Close()
	second.Close()
	s := p.recorded()
	if len(other) > 0 || len(own) > 0 {
		t.Errorf("more came: %d, %d", len(other), len(own))
	}
	noted := 0
	for _, f := range s.flows {
		if strings.Contains(s.show(f), "host-mismatch") {
			noted++
		}
	}
	if noted != 1 {
		t.Errorf("%d flows say that their host is another", noted)
	}
}
