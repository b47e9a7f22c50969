package http1

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"midstream/flow"
)

const browserHead = "GET /articles/2026/some-path?utm_source=news&utm_medium=mail HTTP/1.1\r\nHost: www.example.test\r\nConnection: keep-alive\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"156\", \"Not/A)Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ?0\r\nUpgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: none\r\n" +
	"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n\r\n"

func BenchmarkParseRequestHead(b *testing.B) {
	b.ReportAllocs()
	head := []byte(browserHead)
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		if _, _, err := ParseRequestHead(string(head), Tolerant, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrintRequestHead(b *testing.B) {
	b.ReportAllocs()
	r, _, err := ParseRequestHead(browserHead, Tolerant, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	for b.Loop() {
		if dst, err = printRequest(dst, r); err != nil {
			b.Fatal(err)
		}
	}
}

// endless gives the same octets again and again.
type endless struct {
	pipeConn
	data []byte
	at   int
}

func (c *endless) Read(p []byte) (int, error) {
	n := copy(p, c.data[c.at:])
	c.at = (c.at + n) % len(c.data)
	return n, nil
}

func BenchmarkChunkRelay(b *testing.B) {
	for name, size := range map[string]int{"64": 64, "16K": 16 << 10, "64K": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			chunk := append(append(appendChunkHeader(nil, size), bytes.Repeat([]byte("x"), size)...), "\r\n"...)
			r := new(reader)
			r.prepare(quiet{}, newSource(&endless{data: chunk}), flow.ToClient, "x")
			r.start(chunkedBody, Tolerant, Limits{}.withDefaults())
			s := new(sink)
			s.start(silent{}, nowhere{}, false, flow.ToClient, "x", chunkedBody)
			b.SetBytes(32 << 10)
			p := make([]byte, 32<<10)
			for b.Loop() {
				for n := 0; n < len(p); {
					m, err := r.Read(p)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := s.Write(p[:m]); err != nil {
						b.Fatal(err)
					}
					n += m
				}
			}
		})
	}
}

type nowhere struct{ pipeConn }

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// One keep-alive exchange through a Server and a Client over loopback TCP, with
// an origin and a client that cost as little as can be.
func BenchmarkKeepAliveExchange(b *testing.B) {
	b.ReportAllocs()
	clientSide, client := tcpPair(b)
	serverSide, origin := tcpPair(b)
	client.SetDeadline(time.Time{})
	origin.SetDeadline(time.Time{})
	srv := NewServer(clientSide, ServerConfig{})
	up := NewClient(serverSide, ClientConfig{})
	go respond(origin, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for proxyOne(srv, up) == nil {
		}
	}()
	answer := make([]byte, 1024)
	for b.Loop() {
		if _, err := io.WriteString(client, browserHead); err != nil {
			b.Fatal(err)
		}
		if _, err := client.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
	client.Close()
	<-done
	srv.Close()
	up.Close()
	origin.Close()
}

// respond answers every read with a response.
func respond(c net.Conn, response string) {
	p := make([]byte, 4096)
	for {
		if _, err := c.Read(p); err != nil {
			return
		}
		if _, err := io.WriteString(c, response); err != nil {
			return
		}
	}
}

// proxyOne is the smallest engine.
func proxyOne(srv *Server, up *Client) error {
	st, err := srv.Next(context.Background())
	if err != nil {
		return err
	}
	call, err := up.Open(context.Background(), st.Request(), st.Framing())
	if err != nil {
		return err
	}
	head, _, err := call.Head(st.Context())
	if err != nil {
		return err
	}
	sink, err := st.RespondMore(head, call.Framing())
	if err != nil {
		return err
	}
	var p [1024]byte
	for {
		n, err := call.Response().Read(p[:])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if _, err := sink.Write(p[:n]); err != nil {
			return err
		}
	}
	err = sink.Close(nil)
	call.Close()
	return err
}
