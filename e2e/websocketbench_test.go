package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/internal/ws"
)

const (
	benchMessages = 100_000
	benchPayload  = 100 // octets
	benchRounds   = 3
)

// BenchmarkWebSocket sends small messages through midstream, recorded and not,
// with a hook that only looks, and through a tunnel that midstream does not look
// into, all in one run: compare the ratios. ws is without TLS, wss with.
//
// A ping-pong waits for each echo. Pipelined messages are written one by one and
// nobody waits.
func BenchmarkWebSocket(b *testing.B) {
	o := newOrigin(b)
	o.mux.HandleFunc("/bench", func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
		serveBench(conn, buf.Reader, r.URL.RawQuery == "echo")
	})
	peers := []struct {
		name string
		p    *proxy
	}{
		{"tunnel", start(b, "--ignore-hosts", ".", "-q")},
		{"recorded", start(b, "-q")},
		{"unrecorded", start(b, "-q", "--stream", "0")},
		{"hooked", start(b, "-q", "-s", scriptFile(b, "export function websocket_message(flow) {}"))},
	}
	for _, scheme := range []string{"ws", "wss"} {
		for _, how := range []string{"pingpong", "pipelined"} {
			b.Run(scheme+"/"+how, func(b *testing.B) {
				for range b.N {
					rates := make(map[string][]float64)
					for range benchRounds {
						for _, peer := range peers {
							rates[peer.name] = append(rates[peer.name], benchPeer(b, o, peer.p, scheme, how))
						}
					}
					median := func(name string) float64 { slices.Sort(rates[name]); return rates[name][benchRounds/2] }
					for _, peer := range peers {
						b.ReportMetric(median(peer.name), peer.name+"-msg/s")
						if peer.name != "tunnel" {
							b.ReportMetric(median(peer.name)/median("tunnel"), peer.name+"-x-tunnel")
						}
					}
				}
			})
		}
	}
}

// serveBench echoes octets, or counts messages and says when all are there.
func serveBench(conn net.Conn, in *bufio.Reader, echo bool) {
	buf := make([]byte, 64<<10)
	if echo {
		for {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			conn.Write(buf[:n])
		}
	}
	s := ws.NewSplitter(ws.Deflate{}, 0)
	defer s.Close()
	for count := 0; count < benchMessages; {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		s.Write(buf[:n])
		for _, ok := s.Next(); ok; _, ok = s.Next() {
			count++
		}
	}
	conn.Write([]byte{0x88, 0})
	io.Copy(io.Discard, in)
}

// benchPeer returns messages a second.
func benchPeer(b *testing.B, o *origin, p *proxy, scheme, how string) float64 {
	base := o.HTTP
	if scheme == "wss" {
		base = o.HTTPS
	}
	_, address, _ := strings.Cut(base, "://")
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	head := make([]byte, 0, 512)
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := io.ReadFull(conn, one); err != nil {
			b.Fatal(err)
		}
	}
	if scheme == "wss" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	}
	query := ""
	if how == "pingpong" {
		query = "?echo"
	}
	fmt.Fprintf(conn, "GET /bench%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", query, address)
	in := bufio.NewReader(conn)
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 101 {
		b.Fatalf("%+v %v", r, err)
	}
	frame := (&wsEnd{mask: true}).frame(0x81, strings.Repeat("m", benchPayload))
	begin := time.Now()
	got := make([]byte, len(frame))
	for range benchMessages {
		if _, err := conn.Write(frame); err != nil {
			b.Fatal(err)
		}
		if how == "pingpong" {
			if _, err := io.ReadFull(in, got); err != nil {
				b.Fatal(err)
			}
		}
	}
	if how != "pingpong" {
		if _, err := io.ReadFull(in, got[:2]); err != nil {
			b.Fatal(err)
		}
	}
	return benchMessages / time.Since(begin).Seconds()
}
