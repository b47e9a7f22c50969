package http2

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"midstream/flow"
	"midstream/internal/transport"
)

// tunnelled runs serve with the server's end of a tunnel, under a fake clock, and
// gives the test the client's end, frame by frame. The client's window is one of
// 10 octets.
func tunnelled(t *testing.T, serve func(net.Conn), client func(*h2.Framer)) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		srv := NewServer(transport.New(b), ServerConfig{})
		served := make(chan error, 1)
		go func() {
			served <- srv.Serve(context.Background(), func(st *Stream) {
				if _, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{}); err != nil {
					t.Error(err)
					return
				}
				raw, err := st.Upgrade()
				if err != nil {
					t.Error(err)
					return
				}
				serve(raw.(net.Conn))
			})
		}()
		fr := h2.NewFramer(a, a)
		go func() {
			a.Write([]byte(h2.ClientPreface))
			fr.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 10})
			var block bytes.Buffer
			enc := hpack.NewEncoder(&block)
			enc.WriteField(hpack.HeaderField{Name: ":method", Value: "CONNECT"})
			enc.WriteField(hpack.HeaderField{Name: ":authority", Value: "h.test:1"})
			fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: block.Bytes()})
		}()
		client(fr)
		a.Close()
		<-served
	})
}

// framesOf reads what comes on the stream of a tunnel until its end or reset.
func framesOf(fr *h2.Framer) (data string, end string) {
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return data, err.Error()
		}
		switch f := f.(type) {
		case *h2.DataFrame:
			if data += string(f.Data()); f.StreamEnded() {
				return data, "end"
			}
		case *h2.RSTStreamFrame:
			return data, f.ErrCode.String()
		}
	}
}

// A tunnel's deadlines bound what waits, and what waits already; the connection is
// of use behind them.
func TestTunnelDeadlines(t *testing.T) {
	over := make(chan struct{})
	tunnelled(t, func(c net.Conn) {
		defer close(over)
		begin := time.Now()
		c.SetReadDeadline(begin.Add(time.Second))
		n, err := c.Read(make([]byte, 10))
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("read %d, %v after %v", n, err, time.Since(begin))
		}
		c.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { c.SetReadDeadline(time.Unix(1, 0)) })
		if n, err := c.Read(make([]byte, 10)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read that waits: %d, %v", n, err)
		}
		begin = time.Now()
		c.SetWriteDeadline(begin.Add(time.Second))
		n, err = c.Write(make([]byte, 15)) // more than the window
		if n != 10 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("wrote %d, %v after %v", n, err, time.Since(begin))
		}
		// As the end of TLS does: an end can be told behind a deadline.
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("end: %v", err)
		}
		if c.LocalAddr() == nil || c.RemoteAddr() == nil {
			t.Error("it has no addresses")
		}
		c.Close()
	}, func(fr *h2.Framer) {
		if data, end := framesOf(fr); len(data) != 10 || end != "end" {
			t.Errorf("the client got %d octets, %s", len(data), end)
		}
		<-over
	})
}

// Close ends a Write that waits, and Reset tells the client of a failure.
func TestTunnelCloseAndReset(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(net.Conn) error
		want string
	}{
		{"close", net.Conn.Close, h2.ErrCodeCancel.String()},
		{"reset", func(c net.Conn) error { return c.(interface{ Reset() error }).Reset() }, h2.ErrCodeConnect.String()},
	} {
		tunnelled(t, func(nc net.Conn) {
			wrote := make(chan error)
			go func() {
				_, err := nc.Write(make([]byte, 15))
				wrote <- err
			}()
			synctest.Wait() // it waits for the client's window
			c.end(nc)
			if err := <-wrote; err == nil {
				t.Errorf("%s: the write goes through", c.name)
			}
			if _, err := nc.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("%s: read behind it: %v", c.name, err)
			}
		}, func(fr *h2.Framer) {
			if data, end := framesOf(fr); len(data) != 10 || end != c.want {
				t.Errorf("%s: the client got %d octets, %s", c.name, len(data), end)
			}
		})
	}
	tunnelled(t, func(nc net.Conn) { nc.Write([]byte("bye")); nc.Close() }, func(fr *h2.Framer) {
		data, end := framesOf(fr)
		if rest, reset := framesOf(fr); data != "bye" || end != "end" || rest != "" || reset != h2.ErrCodeNo.String() {
			t.Errorf("close: the client got %q, %s, then %q, %s", data, end, rest, reset)
		}
	})
}

// Greeted waits for the server's SETTINGS, and says why they do not come.
func TestGreeted(t *testing.T) {
	for _, c := range []struct {
		name     string
		server   func(net.Conn, *h2.Framer)
		greeted  bool
		extended bool
	}{
		{"SETTINGS", func(_ net.Conn, fr *h2.Framer) { fr.WriteSettings() }, true, false},
		{"SETTINGS that allow extended CONNECT", func(_ net.Conn, fr *h2.Framer) {
			fr.WriteSettings(h2.Setting{ID: h2.SettingEnableConnectProtocol, Val: 1})
		}, true, true},
		{"HTTP/1.1", func(nc net.Conn, _ *h2.Framer) { io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n") }, false, false},
		{"the end", func(nc net.Conn, _ *h2.Framer) { nc.Close() }, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			client, err := NewClient(transport.New(a), ClientConfig{})
			if err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, b)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := client.Greeted(ctx); err == nil {
				t.Errorf("%s: greeted before", c.name)
			}
			go c.server(b, h2.NewFramer(b, nil))
			extended, err := client.TakesProtocols(t.Context())
			if (err == nil) != c.greeted || extended != c.extended {
				t.Errorf("%s: %v, %v", c.name, extended, err)
			}
			client.Close()
			b.Close()
		})
	}
}
