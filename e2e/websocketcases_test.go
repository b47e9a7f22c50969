package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"midstream/internal/ws"
)

// heardVector is what the two ends of a conversation got.
type heardVector struct{ judge, speaker []byte }

// court lets vectors be spoken, by the client or by the server, with or without
// midstream between.
type court struct {
	t    *testing.T
	addr string
	mu   sync.Mutex
	next int
	open map[string]socketEnd
	mux  *http.ServeMux
}

// A socketEnd is the server's end of one conversation: offered is what came as
// extensions, accept agrees to others and returns the connection.
type socketEnd func(offered string, accept func(extensions string) (*wsEnd, error))

// A socketDial opens a WebSocket at path, and returns what was agreed.
type socketDial func(path, offer string) (conn net.Conn, in *bufio.Reader, agreed string, err error)

func newCourt(t *testing.T) *court {
	c := &court{t: t, open: make(map[string]socketEnd), mux: http.NewServeMux()}
	c.mux.HandleFunc("/ws/{id}/", func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("%s: %v", r.URL, err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		c.serve(r.PathValue("id"), r.Header.Get("Sec-WebSocket-Extensions"), func(extensions string) (*wsEnd, error) {
			if extensions != "" {
				extensions = "Sec-WebSocket-Extensions: " + extensions + "\r\n"
			}
			_, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
				ws.Accept(r.Header.Get("Sec-WebSocket-Key")), extensions)
			return &wsEnd{t: t, conn: conn, in: buf.Reader}, err
		})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = ln.Addr().String()
	s := &http.Server{Handler: c.mux}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return c
}

// serve is the server's end of the conversation id.
func (c *court) serve(id, offered string, accept func(extensions string) (*wsEnd, error)) {
	c.mu.Lock()
	serve := c.open[id]
	c.mu.Unlock()
	if serve == nil {
		c.t.Errorf("there is no conversation %q", id)
		return
	}
	serve(offered, accept)
}

// direct opens conversations with the origin itself, or through p.
func (c *court) direct(p *proxy) socketDial {
	return func(path, offer string) (net.Conn, *bufio.Reader, string, error) {
		address, target := c.addr, path
		if p != nil {
			address, target = p.Addr, "http://"+c.addr+path
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, nil, "", err
		}
		in, agreed, err := askSocket(conn, c.addr, target, offer)
		return conn, in, agreed, err
	}
}

// askSocket asks for a WebSocket over HTTP/1.1.
func askSocket(conn net.Conn, host, target, offer string) (in *bufio.Reader, agreed string, err error) {
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", target, host)
	if offer != "" {
		fmt.Fprintf(conn, "Sec-WebSocket-Extensions: %s\r\n", offer)
	}
	fmt.Fprint(conn, "\r\n")
	in = bufio.NewReader(conn)
	r, err := http.ReadResponse(in, nil)
	if err == nil && (r.StatusCode != 101 || r.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		err = fmt.Errorf("answered with %s, %q", r.Status, r.Header)
	}
	if err != nil {
		return nil, "", err
	}
	return in, r.Header.Get("Sec-WebSocket-Extensions"), nil
}

// hear lets the vector be spoken over what dial opens.
func (c *court) hear(v vector, byClient bool, dial socketDial, mark string) heardVector {
	c.mu.Lock()
	c.next++
	id := strconv.Itoa(c.next)
	served := make(chan []byte, 1)
	c.open[id] = func(offered string, accept func(string) (*wsEnd, error)) {
		if offered != v.offer {
			c.t.Errorf("%s: the extensions %q came as %q", v.name, v.offer, offered)
		}
		e, err := accept(v.agreed)
		if err != nil {
			c.t.Errorf("%s: %v", v.name, err)
			return
		}
		served <- c.end(e, v, !byClient)
	}
	c.mu.Unlock()
	conn, in, agreed, err := dial("/ws/"+id+"/"+mark, v.offer)
	if err != nil || agreed != v.agreed {
		c.t.Fatalf("%s: agreed on %q, %v", v.name, agreed, err)
	}
	defer conn.Close()
	mine := c.end(&wsEnd{t: c.t, conn: conn, in: in, mask: true}, v, byClient)
	conn.Close()
	var theirs []byte
	select {
	case theirs = <-served:
	case <-time.After(patience):
		c.t.Fatalf("%s: the server's end does not end", v.name)
	}
	if byClient {
		return heardVector{judge: theirs, speaker: mine}
	}
	return heardVector{judge: mine, speaker: theirs}
}

// end is one end, the speaker or the judge.
func (c *court) end(e *wsEnd, v vector, speaks bool) []byte {
	if speaks {
		return (&speaker{e: e}).run(v.steps(e))
	}
	j := &judge{e: e}
	in, out, _ := ws.Agreed(v.agreed)
	if e.mask {
		in, out = out, in
	}
	j.deflate.on = in.On
	j.deflate.in = squeezer{fresh: in.NoContext, bits: in.Bits}
	j.deflate.out = squeezer{fresh: out.NoContext, bits: out.Bits}
	return j.run()
}

// apart parts what was said into the frames of messages, the control frames, and
// what are no frames.
func apart(p []byte, deflate bool) (data, control, rest []byte) {
	s := ws.NewSplitter(ws.Deflate{On: deflate}, 0)
	defer s.Close()
	s.Write(p)
	for at := 0; at < len(p); {
		step := s.Step()
		if s.Err() != nil {
			return data, control, p[s.Err().Offset:]
		}
		if step.Frame != nil && step.Frame.Opcode.Control() {
			control = append(control, p[at:at+step.N]...)
		} else {
			data = append(data, p[at:at+step.N]...)
		}
		at += step.N
	}
	return data, control, nil
}

// lastClose is the code of the last frame, 0 where that is no close frame.
func lastClose(p []byte) int {
	for len(p) > 0 {
		h, n, err := ws.ParseHeader(p)
		if n == 0 || err != nil || int64(len(p)-n) < h.Length {
			return 0
		}
		payload := bytes.Clone(p[n : n+int(h.Length)])
		ws.Cipher(payload, h.Mask, 0)
		if p = p[n+len(payload):]; len(p) == 0 && h.Opcode == ws.Close {
			code, _ := ws.ParseClose(payload)
			return code
		}
	}
	return 0
}

// A bench is a way over which vectors are heard.
type bench struct {
	name   string
	dial   socketDial
	hooked bool // control frames pass a message that is held for hooks
	marked bool // what the flows say is looked at
}

// socketScript hears messages and changes none.
const socketScript = `
export function websocket_message(flow) {}
export function websocket_end(flow) { flow.comment = "ended with " + flow.websocket.close_code; }`

// Whatever an end says over WebSocket, right or wrong, reaches the other end as
// it was said, and that end's verdict is the one it gives without midstream: by
// vectors of every class of case of the known fuzzing suite, from either end,
// with hooks and without. One end of each is heard once more in another way: not recorded,
// told live, and over HTTP/2 on either side.
func TestWebSocketVectors(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	vectors := webSocketVectors()
	hooks := scriptFile(t, socketScript)
	hooked := start(t, "-s", hooks)
	benches := []bench{{"without hooks", c.direct(start(t)), false, false}, {"with hooks", c.direct(hooked), true, true}}
	others := append([]bench{
		{"not recorded", c.direct(start(t, "--set", "record=none")), false, false},
		{"not recorded, with hooks", c.direct(start(t, "--set", "record=heads", "-s", hooks)), true, false},
		{"told live", c.direct(start(t, "--set", "flow_detail=3")), false, false},
	}, c.overHTTP2(hooks)...)
	count := 0
	for i, v := range vectors {
		for byClient, mark := range map[bool]string{true: "client", false: "server"} {
			v := v
			count++
			steps := v.steps(&wsEnd{t: t, mask: byClient})
			v.steps = func(*wsEnd) []step { return steps } // making them costs more than saying them
			var sent []byte
			for _, s := range steps {
				sent = append(sent, s.send...)
			}
			direct := c.hear(v, byClient, c.direct(nil), "")
			if got := lastClose(direct.speaker); got != v.code || !bytes.Equal(direct.judge, sent) {
				t.Fatalf("%s by the %s: the verdict without midstream is %d, %d was meant", v.name, mark, got, v.code)
			}
			data, control, rest := apart(sent, v.agreed != "")
			if (len(rest) > 0) != v.broken {
				t.Errorf("%s: what is no frame is %.200q", v.name, rest)
			}
			ways := benches
			if byClient == (i/len(others)%2 == 0) {
				ways = append(benches[:2:2], others[i%len(others)])
			}
			for _, b := range ways {
				path := mark
				if b.marked {
					path = fmt.Sprintf("%s?%d", mark, count)
				}
				heard := c.hear(v, byClient, b.dial, path)
				if same := bytes.Equal(heard.judge, sent); !same && !b.hooked {
					t.Errorf("%s by the %s, %s: it came as %.200q, was %.200q", v.name, mark, b.name, heard.judge, sent)
				}
				gotData, gotControl, gotRest := apart(heard.judge, v.agreed != "")
				if !bytes.Equal(data, gotData) || !bytes.Equal(control, gotControl) || !bytes.Equal(rest, gotRest) {
					t.Errorf("%s by the %s, %s: it came as %.200q, was %.200q", v.name, mark, b.name, heard.judge, sent)
				}
				if !bytes.Equal(heard.speaker, direct.speaker) {
					t.Errorf("%s by the %s, %s: the answer is %.200q, without midstream %.200q", v.name, mark, b.name, heard.speaker, direct.speaker)
				}
			}
		}
	}
	t.Logf("%d vectors, each by client and server", len(vectors))
	vectorsAreNoted(t, hooked.recorded(), vectors)
}

// vectorsAreNoted checks what is on the flows: findings, and how it ended.
func vectorsAreNoted(t *testing.T, r *recording, vectors []vector) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range r.flows {
		_, mark, _ := strings.Cut(f.URL, "?")
		n, err := strconv.Atoi(mark)
		if err != nil {
			t.Fatalf("flow %s", f.URL)
		}
		v := vectors[(n-1)/2]
		class, _, _ := strings.Cut(v.name, ",")
		if kind := fmt.Sprint(class, v.broken, v.noText); seen[kind] && !strings.HasPrefix(v.name, "7 close") {
			continue
		} else {
			seen[kind] = true
		}
		page := r.show(f)
		if strings.Contains(page, "websocket-raw") != v.broken || strings.Contains(page, "message-not-text") != v.noText {
			t.Errorf("%s: raw is %v, not a text %v in\n%s", v.name, v.broken, v.noText, page)
		}
		if strings.Contains(page, "rewritten") {
			t.Errorf("%s: rewritten, in\n%s", v.name, page)
		}
		if _, code, ok := strings.Cut(v.name, "7 close, code "); ok {
			code, _, _ = strings.Cut(code, " ")
			if !strings.Contains(page, "ended with "+code) {
				t.Errorf("%s: no code %s in\n%s", v.name, code, page)
			}
		}
		if strings.HasPrefix(v.name, "7 close, none") && !strings.Contains(page, "ended with 1006") {
			t.Errorf("%s: not 1006, in\n%s", v.name, page)
		}
	}
}
