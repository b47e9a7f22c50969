package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"midstream/internal/ws"
)

// A client that says all it has and ends, before the server has read any of it, has
// said it: all of it arrives, then the end, with hooks that wait and without, whatever
// the connection is. One that resets instead ends the server's connection, too.
func TestCasesWhatIsSaidBeforeTheEndArrives(t *testing.T) {
	t.Parallel()
	const waiting = `
const later = () => new Promise(ok => setTimeout(ok, 1));
export async function tcp_message(flow) { await later(); }
export async function websocket_message(flow) { await later(); }`
	hooks := map[string][]string{"": nil, " with hooks": {"-s", scriptFile(t, waiting)}}
	for name, args := range hooks {
		t.Run("a"+name, func(t *testing.T) {
			t.Parallel()
			p := start(t, args...)
			read := make(chan struct{})
			came := make(chan string, 1)
			reset := make(chan error, 1)
			begun := make(chan struct{}, 10)
			script := func(c io.Reader) {
				<-read
				first := make([]byte, 1)
				n, _ := io.ReadFull(c, first)
				begun <- struct{}{}
				all, err := io.ReadAll(c)
				came <- string(first[:n]) + string(all)
				reset <- err
			}
			raw := newRawOrigin(t, p, false, func(c *peer) { script(c.in) })
			socket := newRawOrigin(t, p, true, func(c *peer) {
				r, err := http.ReadRequest(c.in)
				if err != nil {
					return
				}
				fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", ws.Accept(r.Header.Get("Sec-WebSocket-Key")))
				script(c.in)
			})
			authority := "localhost:" + port(socket.Addr)
			tcp := func() net.Conn { return tunnel(t, p, "localhost:"+port(raw.Addr)) }
			over := func(dial socketDial) func() net.Conn {
				return func() net.Conn {
					conn, _, _, err := dial("/", "")
					if err != nil {
						t.Fatal(err)
					}
					return conn
				}
			}
			for way, dial := range map[string]func() net.Conn{
				"raw": tcp, "WebSocket": over(p.socketsInTLS(authority)), "WebSocket on a stream": over(p.socketsOnStreams(authority)),
			} {
				conn := dial()
				e := &wsEnd{t: t, conn: conn, mask: true}
				var said string
				for i := range 10 {
					said += string(e.frame(0x82, strings.Repeat(fmt.Sprint(i), 4000)))
				}
				if _, err := io.WriteString(conn, said); err != nil {
					t.Fatalf("%s: %v", way, err)
				}
				closeWrite(conn)
				read <- struct{}{}
				soon(t, begun, "the first octet")
				if got := soon(t, came, "what was said"); got != said {
					t.Errorf("%s: %d octets of %d arrived", way, len(got), len(said))
				}
				if err := soon(t, reset, "the end"); err != nil {
					t.Errorf("%s ended with %v", way, err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil { // the server's end
					t.Errorf("%s: %v", way, err)
				}
				conn.Close()
			}
			// A reset may take with it what lies before it; it is not lost itself.
			conn := tcp()
			io.WriteString(conn, "\x01 said before the reset")
			read <- struct{}{}
			soon(t, begun, "the first octet")
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
			if got := soon(t, came, "the reset"); !strings.HasPrefix("\x01 said before the reset", got) || got == "" {
				t.Errorf("before the reset came %q", got)
			}
			if err := soon(t, reset, "the reset"); err == nil {
				t.Error("the reset came as a proper end")
			}
			p.stop()
			list := p.midstream("flows", "list", "--session", p.Session)
			if strings.Count(list, "completed") != 3 || strings.Count(list, "client left") != 1 {
				t.Errorf("the flows:\n%s", list)
			}
		})
	}
}
