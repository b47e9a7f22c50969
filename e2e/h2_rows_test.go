package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// arrivals are what an origin got, a line each: how the request ended matters.
type arrivals struct {
	mu    sync.Mutex
	lines []string
}

func (a *arrivals) add(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

// rowsOrigin serves the rows of this file in one version, frame by frame or octet
// by octet, and notes how requests came.
func rowsOrigin(t *testing.T, p *proxy, two bool, a *arrivals) string {
	if !two {
		o := newRawOrigin(t, p, true, func(c *peer) {
			for {
				r, err := http.ReadRequest(c.in)
				if err != nil {
					return
				}
				a.add("%s %s framed=%v", r.Method, r.URL.Path, r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Content-Length") != "")
				switch r.URL.Path {
				case "/unframed":
					io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n0123456789")
					return
				case "/304", "/204":
					fmt.Fprintf(c, "HTTP/1.1 %s X\r\nETag: \"x\"\r\n\r\n", r.URL.Path[1:])
				case "/spaces":
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Spaced:  1.mxp _dca \r\n\r\n")
				case "/head":
					io.WriteString(c, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\n\r\n")
				default:
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}
		})
		return "https://localhost:" + port(o.Addr)
	}
	return newFrameOrigin(t, p, func(f *frames) {
		open := map[uint32]string{}
		for {
			frame, err := f.next()
			if err != nil {
				return
			}
			id := frame.Header().StreamID
			r, ok := frame.(*http2.MetaHeadersFrame)
			if !ok {
				if _, reset := frame.(*http2.RSTStreamFrame); !reset && id > 0 {
					a.add("%s: %v", open[id], frame.Header().Type)
				}
				continue
			}
			path := r.PseudoValue("path")
			open[id] = path
			a.add("%s %s framed=%v", r.PseudoValue("method"), path, !r.StreamEnded())
			switch path {
			case "/unframed":
				f.head(id, false, ":status", "200")
				f.WriteData(id, true, []byte("0123456789"))
			case "/304", "/204":
				f.head(id, true, ":status", path[1:], "etag", `"x"`)
			case "/spaces":
				f.head(id, true, ":status", "200", "x-spaced", " 1.mxp _dca ")
			case "/head":
				f.head(id, true, ":status", "200", "etag", `"x"`)
			default:
				f.head(id, false, ":status", "200", "content-length", "2")
				f.WriteData(id, true, []byte("ok"))
				f.WriteRSTStream(id, http2.ErrCodeNo)
			}
		}
	})
}

// rowsClient asks for paths over one connection and returns what came, as it is
// on the wire.
type rowsClient func(t *testing.T, method, path string) string

func rowsClient1(t *testing.T, conn net.Conn, authority, version string) rowsClient {
	var wire bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &wire))
	return func(t *testing.T, method, path string) string {
		t.Helper()
		wire.Reset()
		fmt.Fprintf(conn, "%s %s %s\r\nHost: %s\r\nIf-None-Match: \"x\"\r\n\r\n", method, path, version, authority)
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return wire.String()
	}
}

func rowsClient2(conn net.Conn, authority string) rowsClient {
	io.WriteString(conn, http2.ClientPreface)
	f := newFrames(conn)
	f.WriteSettings()
	id := uint32(1)
	return func(t *testing.T, method, path string) string {
		t.Helper()
		f.head(id, true, ":method", method, ":scheme", "https", ":authority", authority, ":path", path, "if-none-match", `"x"`)
		got := ""
		for {
			frame, err := f.next()
			if err != nil {
				t.Fatalf("%s: behind %q: %v", path, got, err)
			}
			switch x := frame.(type) {
			case *http2.MetaHeadersFrame:
				for _, field := range x.Fields {
					got += field.Name + "=" + field.Value + ";"
				}
			case *http2.DataFrame:
				if got += " DATA " + string(x.Data()); len(x.Data()) == 0 && strings.Count(got, "DATA") > 1 {
					got = strings.TrimSuffix(got, " DATA ") // the end of a body that was one
				}
			case *http2.RSTStreamFrame:
				got += " RESET " + x.ErrCode.String()
			default:
				got += fmt.Sprint(" ", frame)
			}
			if frame.Header().Flags.Has(http2.FlagDataEndStream) || frame.Header().Type == http2.FrameRSTStream {
				id += 2
				return got
			}
		}
	}
}

// Messages without a body, without a length and with odd fields, between all
// versions, as they are on the wire: no END_STREAM is moved, no framing invented,
// nothing left behind that the next message would begin with.
func TestVersionsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"1", "2"} {
		for _, two := range []bool{false, true} {
			t.Run(fmt.Sprint(client, " to HTTP/2 ", two), func(t *testing.T) {
				t.Parallel()
				p := start(t, "-s", scriptFile(t, "export function requestheaders(flow) { flow.request.stream = true; }\n"))
				a := &arrivals{}
				base := rowsOrigin(t, p, two, a)
				authority := strings.TrimPrefix(base, "https://")
				connect := func(protocol string) net.Conn {
					config := trusting(t, p.CA)
					config.ServerName, config.NextProtos = "localhost", []string{protocol}
					c := tls.Client(tunnel(t, p, authority), config)
					c.SetDeadline(time.Now().Add(patience))
					err := c.Handshake()
					// A client is told no more than the server has agreed to.
					if got := c.ConnectionState().NegotiatedProtocol; err != nil || got != protocol && !(client == "1" && two && got == "") {
						t.Fatalf("agreed on %q, %v", got, err)
					}
					return c
				}
				var ask rowsClient
				if client == "1" {
					ask = rowsClient1(t, connect("http/1.1"), authority, "HTTP/1.1")
				} else {
					ask = rowsClient2(connect("h2"), authority)
				}
				for range 2 { // what one leaves behind would show in the next
					for _, c := range [][3]string{{"GET", "/304", "304"}, {"GET", "/204", "204"}, {"HEAD", "/head", "200"}} {
						got := ask(t, c[0], c[1])
						low := strings.ToLower(got)
						if !strings.Contains(got, c[2]) || !strings.Contains(got, `"x"`) || strings.Contains(low, "transfer-encoding") || strings.Contains(low, "content-length") || strings.Contains(got, "DATA") ||
							client == "1" && !strings.HasSuffix(got, "\r\n\r\n") {
							t.Errorf("%s %s: %q", c[0], c[1], got)
						}
					}
					got := ask(t, "GET", "/spaces")
					if !strings.Contains(got, "-spaced=1.mxp _dca;") && !strings.Contains(strings.ToLower(got), "x-spaced: 1.mxp _dca\r\n") && (client != "1" || two) {
						t.Errorf("spaces: %q", got)
					}
					if got := ask(t, "GET", "/plain"); !strings.HasSuffix(got, "ok") {
						t.Errorf("plain: %q", got)
					}
				}
				got := ask(t, "GET", "/unframed")
				want := " DATA 0123456789"
				chunked := client == "1" && two
				if chunked {
					want = "\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"
				} else if client == "1" {
					want = "\r\n\r\n0123456789" // until the close, as at the server
				}
				if !strings.Contains(got, want) || strings.Contains(strings.ToLower(got), "content-length") || chunked != strings.Contains(strings.ToLower(got), "transfer-encoding: chunked") {
					t.Errorf("without a length: %q", got)
				}
				if client == "1" {
					c := connect("http/1.1")
					got := rowsClient1(t, c, authority, "HTTP/1.0")(t, "GET", "/unframed")
					if !strings.HasSuffix(got, "\r\n\r\n0123456789") || two && !strings.Contains(got, "Connection: close\r\n") {
						t.Errorf("without a length, to HTTP/1.0: %q", got)
					}
				}
				s := p.recorded()
				for _, f := range s.flows {
					f.completed()
				}
				if text := s.show(s.flow("/spaces")); two != strings.Contains(text, "field-space-around-value") {
					t.Errorf("the flow with spaces is shown as:\n%s", text)
				}
				a.mu.Lock()
				defer a.mu.Unlock()
				for _, line := range a.lines {
					if !strings.HasSuffix(line, "framed=false") {
						t.Errorf("the origin got %s", line)
					}
				}
			})
		}
	}
}

// Every code with which a server of HTTP/2 resets a stream reaches a client of
// HTTP/2, before the head and behind it; a client of HTTP/1 gets a page, or sees
// that the body is cut.
func TestVersionsResets(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"1", "2"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			base := newFrameOrigin(t, p, func(f *frames) {
				for {
					frame, err := f.next()
					if err != nil {
						return
					}
					r, ok := frame.(*http2.MetaHeadersFrame)
					if !ok {
						continue
					}
					stage, number, _ := strings.Cut(r.PseudoValue("path")[1:], "/")
					code, _ := strconv.Atoi(number)
					if stage == "behind" {
						f.head(r.StreamID, false, ":status", "200")
						f.WriteData(r.StreamID, false, []byte("part"))
					}
					f.WriteRSTStream(r.StreamID, http2.ErrCode(code))
				}
			})
			authority := strings.TrimPrefix(base, "https://")
			config := trusting(t, p.CA)
			config.ServerName, config.NextProtos = "localhost", []string{"h2"}
			if client == "1" {
				config.NextProtos = []string{"http/1.1"}
			}
			dial := func() net.Conn {
				c := tls.Client(tunnel(t, p, authority), config)
				c.SetDeadline(time.Now().Add(patience))
				return c
			}
			if client == "1" {
				for code := range 13 {
					for _, stage := range []string{"before", "behind"} {
						c := dial()
						fmt.Fprintf(c, "GET /%s/%d HTTP/1.1\r\nHost: %s\r\n\r\n", stage, code, authority)
						resp, err := http.ReadResponse(bufio.NewReader(c), nil)
						if err != nil {
							t.Fatalf("%s %d: %v", stage, code, err)
						}
						b, err := io.ReadAll(resp.Body)
						if stage == "before" && (resp.StatusCode != 502 || err != nil) || stage == "behind" && (resp.StatusCode != 200 || string(b) != "part" || err == nil) {
							t.Errorf("%s %d: %d %q, %v", stage, code, resp.StatusCode, b, err)
						}
						c.Close()
					}
				}
				return
			}
			ask := rowsClient2(dial(), authority)
			for code := range 14 {
				want := "RESET " + http2.ErrCode(code).String()
				behind := want
				switch code {
				case 0: // a server that says nothing by it has failed all the same
					want, behind = ":status=502", "RESET "+http2.ErrCodeInternal.String()
				case 13: // it is asked in HTTP/1.1 then, which it does not speak
					want = ""
				}
				if got := ask(t, "GET", fmt.Sprint("/before/", code)); !strings.Contains(got, want) {
					t.Errorf("%v before the head: %q", http2.ErrCode(code), got)
				}
				if got := ask(t, "GET", fmt.Sprint("/behind/", code)); !strings.HasPrefix(got, ":status=200; DATA part") || !strings.Contains(got, behind) {
					t.Errorf("%v behind the head: %q", http2.ErrCode(code), got)
				}
			}
		})
	}
}
