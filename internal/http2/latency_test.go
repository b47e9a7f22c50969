package http2

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// farPipe is a connection whose octets take delay each way, however many there
// are. Both ends are to be closed.
func farPipe(delay time.Duration) (a, b net.Conn) {
	there, back := newFarHalf(delay), newFarHalf(delay)
	return &farConn{in: back, out: there}, &farConn{in: there, out: back}
}

type farConn struct{ in, out *farHalf }

// farHalf is one direction.
type farHalf struct {
	delay time.Duration
	mu    sync.Mutex
	more  sync.Cond
	queue []farPiece
	ended bool
	late  time.Time // the reader's deadline
}

type farPiece struct {
	due time.Time
	p   []byte
}

func newFarHalf(delay time.Duration) *farHalf {
	h := &farHalf{delay: delay}
	h.more.L = &h.mu
	return h
}

func (c *farConn) Write(p []byte) (int, error) {
	h := c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return 0, net.ErrClosed
	}
	h.queue = append(h.queue, farPiece{time.Now().Add(h.delay), append([]byte(nil), p...)})
	h.more.Broadcast()
	return len(p), nil
}

func (c *farConn) Read(p []byte) (int, error) {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if !h.late.IsZero() && !time.Now().Before(h.late) {
			return 0, os.ErrDeadlineExceeded
		}
		if len(h.queue) == 0 {
			if h.ended {
				return 0, io.EOF
			}
			h.more.Wait()
			continue
		}
		first := &h.queue[0]
		if wait := time.Until(first.due); wait > 0 {
			h.mu.Unlock()
			time.Sleep(wait)
			h.mu.Lock()
			continue
		}
		n := copy(p, first.p)
		if first.p = first.p[n:]; len(first.p) == 0 {
			h.queue = h.queue[1:]
		}
		return n, nil
	}
}

func (h *farHalf) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.more.Broadcast()
}

func (c *farConn) Close() error {
	c.in.end()
	c.out.end()
	return nil
}

func (c *farConn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.late = t
	c.in.more.Broadcast()
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, c.in.more.Broadcast)
	}
	return nil
}

func (c *farConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *farConn) SetWriteDeadline(t time.Time) error { return nil }
func (c *farConn) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (c *farConn) RemoteAddr() net.Addr               { return &net.TCPAddr{} }

// One stream fills a path with 50 ms of round trip at 100 MB/s and more: its window
// has grown to what is under way there. The clock is the test's own, so this is no
// measure of the machine.
func TestAWindowGrowsToWhatALongPathHolds(t *testing.T) {
	const (
		roundTrip = 50 * time.Millisecond
		size      = 96 << 20
		rate      = 100e6 // octets a second
	)
	for _, c := range []struct {
		name string
		like *flow.Opening
	}{
		{"midstream's own windows", nil},
		{"a client that gave none", &flow.Opening{}},
		{"a client with small ones", &flow.Opening{Settings: []flow.Setting{{ID: 4, Value: 1000}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := farPipe(roundTrip / 2)
				cl, err := NewClient(transport.New(a), ClientConfig{Like: c.like})
				if err != nil {
					t.Fatal(err)
				}
				over := make(chan error, 1)
				go func() {
					over <- NewServer(transport.New(b), ServerConfig{}).Serve(context.Background(), func(st *Stream) {
						sink, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.ByLength, Length: size})
						if err != nil {
							return
						}
						p := make([]byte, 32<<10)
						for range size / len(p) {
							if _, err := sink.Write(p); err != nil {
								return
							}
						}
						sink.Close(nil)
					})
				}()
				call := open(t, cl, request("GET", "/"), flow.Framing{})
				if _, _, err := call.Head(context.Background()); err != nil {
					t.Fatal(err)
				}
				// The window has to grow first, a round trip for each doubling.
				r, p := call.Response(), make([]byte, 64<<10)
				read := func(n int) time.Duration {
					begin := time.Now()
					for n > 0 {
						m, err := r.Read(p[:min(n, len(p))])
						if n -= m; err != nil && n > 0 {
							t.Fatal(err)
						}
					}
					return time.Since(begin)
				}
				first := read(size / 2)
				cl.mu.Lock()
				w := call.stream.win.size
				cl.mu.Unlock()
				took := read(size / 2)
				if got := float64(size/2) / took.Seconds(); got < rate {
					t.Errorf("%.0f MB/s at %v of round trip; the first half took %v", got/1e6, roundTrip, first)
				}
				if float64(w) < rate*roundTrip.Seconds() || w > maxWindow {
					t.Errorf("the window is %d octets", w)
				}
				call.Close()
				cl.Close()
				b.Close()
				<-over
			})
		})
	}
}

// A window does not grow for a reader that is slow itself.
func TestAWindowStaysSmallForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := farPipe(25 * time.Millisecond)
		cl, err := NewClient(transport.New(a), ClientConfig{})
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			fr := h2.NewFramer(b, b)
			io.ReadFull(b, make([]byte, len(h2.ClientPreface)))
			fr.WriteSettings()
			window, headed := initialWindow, false
			for {
				f, err := fr.ReadFrame()
				if err != nil {
					return
				}
				switch f := f.(type) {
				case *h2.HeadersFrame:
					fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}, EndHeaders: true})
					headed = true
				case *h2.WindowUpdateFrame:
					if f.StreamID == 1 {
						window += int(f.Increment)
					}
				}
				for headed && window > 0 {
					n := min(window, 16<<10)
					fr.WriteData(1, false, make([]byte, n))
					window -= n
				}
			}
		}()
		call := open(t, cl, request("GET", "/"), flow.Framing{})
		if _, _, err := call.Head(context.Background()); err != nil {
			t.Fatal(err)
		}
		r, p := call.Response(), make([]byte, 4<<10)
		for got := 0; got < 2<<20; {
			n, err := r.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			got += n
			time.Sleep(time.Duration(n) * time.Second / (100 << 10)) // 100 KiB a second
		}
		cl.mu.Lock()
		w := call.stream.win.size
		cl.mu.Unlock()
		if w != initialWindow {
			t.Errorf("the window is %d octets", w)
		}
		call.Close()
		cl.Close()
		b.Close()
		<-over
	})
}
