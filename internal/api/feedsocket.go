package api

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"midstream/internal/ws"
)

// maxSaid bounds a message that a reader of a feed sends, in octets.
const maxSaid = 4 << 10

// upgrades tells whether a request asks for WebSocket (RFC 6455 section 4.1).
func upgrades(r *http.Request) bool {
	for _, value := range r.Header.Values("Upgrade") {
		for name := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(name), "websocket") {
				return true
			}
		}
	}
	return false
}

func checkUpgrade(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	if r.Header.Get("Sec-WebSocket-Version") != "13" || err != nil || len(key) != 16 {
		return badRequest("the request for WebSocket has no Sec-WebSocket-Version of 13, or no Sec-WebSocket-Key")
	}
	return nil
}

// eventFrame is a message of text, unmasked: {"event": name, "data": data}.
func eventFrame(name string, data []byte) []byte {
	const rest = `{"event":,"data":}`
	quoted := strconv.Quote(name)
	h := ws.Header{Fin: true, Opcode: ws.Text, Length: int64(len(rest) + len(quoted) + len(data))}
	p := ws.AppendHeader(make([]byte, 0, ws.MaxHeader+int(h.Length)), h)
	p = append(append(append(p, `{"event":`...), quoted...), `,"data":`...)
	return append(append(p, data...), '}')
}

// socket is a reader by WebSocket.
type socket struct {
	c net.Conn

	mu   sync.Mutex // guards fail, and keeps frames whole
	fail error
}

func (o *socket) write(p []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail == nil {
		_ = o.c.SetWriteDeadline(time.Now().Add(writeLimit)) // a connection that is over says so when it is written to
		_, o.fail = o.c.Write(p)
	}
	return o.fail == nil
}

func (o *socket) control(code ws.Opcode, payload []byte) bool {
	p := ws.AppendHeader(make([]byte, 0, ws.MaxHeader+len(payload)), ws.Header{Fin: true, Opcode: code, Length: int64(len(payload))})
	return o.write(append(p, payload...))
}

func (o *socket) tell(m *told) bool { return o.write(m.asFrame()) }
func (o *socket) alive() bool       { return o.control(ws.Ping, nil) }

func (o *socket) event(name string, v any) bool {
	data, err := json.Marshal(v)
	return err == nil && o.write(eventFrame(name, data))
}

// serveSocket is the feed by WebSocket. What the reader says is its window.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, v *view, mine *reader) error {
	s.ends.Add(1) // the connection is not the HTTP server's any more
	defer s.ends.Done()
	c, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return conflict("the connection cannot become WebSocket: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Time{}) // the HTTP server's are no longer meant
	out := &socket{c: c}
	var head strings.Builder
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ws.Accept(r.Header.Get("Sec-WebSocket-Key")) + "\r\n")
	_ = w.Header().Write(&head) // a builder takes all
	head.WriteString("\r\n")
	if !out.write([]byte(head.String())) {
		return nil
	}
	left, said := make(chan struct{}), make(chan int, 1)
	go func() {
		defer close(left)
		said <- out.listen(rest.Reader, v, s.hub.wishAnew)
	}()
	s.feedTo(out, v, mine, left)
	code := goingAway
	select {
	case code = <-said:
	default:
	}
	out.control(ws.Close, ws.AppendClose(nil, code, ""))
	_ = c.SetDeadline(time.Now()) // listen returns
	<-left
	return nil
}

// Codes of the end of a feed (RFC 6455 section 7.4.1).
const (
	normal      = 1000
	goingAway   = 1001
	notWellMade = 1002
	notTaken    = 1003
	tooBig      = 1009
)

// listen takes what the reader says until it leaves, and returns with which code
// the connection is to be closed. moved is called behind each change of the window.
func (o *socket) listen(in io.Reader, v *view, moved func()) int {
	buf := make([]byte, 0, maxSaid+ws.MaxHeader)
	var said []byte
	begun := false
	for {
		h, n, err := ws.ParseHeader(buf)
		switch {
		case err != nil:
			return notWellMade
		case n > 0 && (h.Length > maxSaid || int64(len(said))+h.Length > maxSaid):
			return tooBig
		case n == 0 || int64(len(buf)-n) < h.Length:
			more, err := in.Read(buf[len(buf):cap(buf)])
			if buf = buf[:len(buf)+more]; more == 0 && err != nil {
				return normal
			}
			continue
		case !h.Masked || h.RSV != 0:
			return notWellMade
		}
		payload := buf[n : n+int(h.Length)]
		ws.Cipher(payload, h.Mask, 0)
		switch h.Opcode {
		case ws.Close:
			return normal
		case ws.Ping:
			if !o.control(ws.Pong, payload) {
				return normal
			}
		case ws.Pong:
		case ws.Text, ws.Continuation:
			if begun != (h.Opcode == ws.Continuation) {
				return notWellMade
			}
			said, begun = append(said, payload...), !h.Fin
			if h.Fin {
				if !takeWindow(v, said) {
					return notTaken
				}
				moved()
				said = said[:0]
			}
		default:
			return notTaken
		}
		buf = append(buf[:0], buf[n+int(h.Length):]...)
	}
}

// takeWindow reads {"window": {"from": 0, "n": 50}}.
func takeWindow(v *view, text []byte) bool {
	var in struct {
		Window *window `json:"window"`
	}
	if json.Unmarshal(text, &in) != nil || in.Window == nil || in.Window.check() != nil {
		return false
	}
	v.setWindow(*in.Window)
	return true
}
