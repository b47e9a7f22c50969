package http2

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// accountant is a server that sends as much as the windows which it was given
// allow. It acknowledges SETTINGS some time after they came: larger windows it
// has used by then, smaller ones not yet.
type accountant struct {
	p     *peer
	sizes map[uint32]int // what is sent on each stream

	mu      sync.Mutex // guards all below, and what is written
	changed *sync.Cond
	conn    int64
	first   int64
	windows map[uint32]int64
	pending []int64 // initial windows of SETTINGS that are not acknowledged
	rnd     *rand.Rand
	fault   string
	senders sync.WaitGroup
}

// serve reads what the client says until the connection ends.
func (a *accountant) serve() {
	defer a.senders.Wait()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.fault == "" {
			a.fault = "the connection has ended"
		}
		a.changed.Broadcast()
	}()
	for {
		f, err := a.p.fr.ReadFrame()
		if err != nil {
			return
		}
		a.mu.Lock()
		switch f := f.(type) {
		case *h2.SettingsFrame:
			if f.IsAck() {
				break
			}
			first := a.first
			if v, ok := f.Value(h2.SettingInitialWindowSize); ok {
				first = int64(v)
			}
			if first > a.first {
				a.apply(first)
			}
			a.pending = append(a.pending, first)
			if len(a.pending) == 1 {
				a.senders.Add(1)
				go a.learn(a.rnd.IntN(300))
			}
		case *h2.HeadersFrame:
			id := f.StreamID
			a.windows[id] += a.first // credit may have come before
			a.p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x88}, EndHeaders: true})
			a.senders.Add(1)
			go a.send(id, a.sizes[id])
		case *h2.WindowUpdateFrame:
			if f.StreamID == 0 {
				a.conn += int64(f.Increment)
			} else {
				a.windows[f.StreamID] += int64(f.Increment)
			}
			a.changed.Broadcast()
		case *h2.RSTStreamFrame:
			a.fault = fmt.Sprintf("stream %d was reset: %s", f.StreamID, f.ErrCode)
			a.changed.Broadcast()
		case *h2.GoAwayFrame:
			if f.ErrCode != h2.ErrCodeNo {
				a.fault = fmt.Sprintf("GOAWAY %s %s", f.ErrCode, f.DebugData())
			}
		}
		a.mu.Unlock()
	}
}

// apply makes first the window that streams begin with.
func (a *accountant) apply(first int64) {
	for id := range a.windows {
		a.windows[id] += first - a.first
	}
	a.first = first
	a.changed.Broadcast()
}

// learn acknowledges SETTINGS after so many turns of everybody else.
func (a *accountant) learn(turns int) {
	defer a.senders.Done()
	for range turns {
		runtime.Gosched()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, first := range a.pending {
		if first < a.first {
			a.apply(first)
		}
		a.p.fr.WriteSettingsAck()
	}
	a.pending = nil
}

// send sends n octets on a stream, as the windows allow.
func (a *accountant) send(id uint32, n int) {
	defer a.senders.Done()
	a.mu.Lock()
	defer a.mu.Unlock()
	for n > 0 {
		for a.fault == "" && (a.conn <= 0 || a.windows[id] <= 0) {
			a.changed.Wait()
		}
		if a.fault != "" {
			return
		}
		m := min(n, 1+a.rnd.IntN(maxFrame), int(min(a.conn, a.windows[id])))
		p := make([]byte, m)
		for i := range p {
			p[i] = byte(n - i)
		}
		n -= m
		a.conn -= int64(m)
		a.windows[id] -= int64(m)
		if a.p.fr.WriteData(id, n == 0, p) != nil {
			return
		}
		a.mu.Unlock() // others write, and the client's frames are read
		runtime.Gosched()
		a.mu.Lock()
	}
	delete(a.windows, id)
}

// Large first windows are made small while streams are opened, read, not read,
// and widened. The server may learn of that at any time, and sends all that its
// own account allows: nothing of it is refused, everything arrives, and who reads
// never waits for credit that does not come.
func TestFirstWindowsShrinkUnderLoad(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			const stalled, readers, each = 4, 6, 2
			first := []uint32{4 << 20, 1 << 20, largestWindow, 96 << 10}[seed%4]
			x, y := tcpPair(t)
			var budget Budget
			// Credit of streams can come before their HEADERS are looked at; the peer
			// begins with what SETTINGS say.
			c, err := NewClient(transport.New(x), ClientConfig{Budget: &budget, Like: &flow.Opening{
				Settings: []flow.Setting{{ID: uint16(h2.SettingInitialWindowSize), Value: first}}, Window: 1 << 30}})
			if err != nil {
				t.Fatal(err)
			}
			a := newAccountant(t, y, seed)
			over := make(chan struct{})
			go func() { defer close(over); a.serve() }()
			defer func() { c.Close(); y.Close(); <-over }()
			get := func() *Call {
				call, err := c.Open(context.Background(), request("GET", "/"), flow.Framing{})
				if err == nil {
					_, _, err = call.Head(context.Background())
				}
				if err != nil {
					t.Error(err)
					return nil
				}
				return call
			}
			// read reads from where got is up to that, or to the end.
			read := func(call *Call, step, got, to int) {
				if call == nil {
					return
				}
				r, p := call.Response(), make([]byte, step)
				want := a.sizes[call.stream.id]
				for got < to {
					n, err := r.Read(p[:min(step, to-got)])
					for i, b := range p[:n] {
						if b != byte(want-got-i) {
							t.Errorf("stream %d: another octet at %d", call.stream.id, got+i)
							return
						}
					}
					if got += n; err != nil {
						if err != io.EOF || got != want {
							t.Errorf("stream %d: %d octets of %d, %v", call.stream.id, got, want, err)
						}
						return
					}
					runtime.Gosched()
				}
			}
			const all, some = 1 << 30, 1 << 20
			var calls [stalled]*Call
			for i := range calls {
				calls[i] = get()
			}
			var wg sync.WaitGroup
			for i := range calls {
				wg.Go(func() { read(calls[i], 32<<10, 0, i*some/4) })
			}
			for i := range readers {
				wg.Go(func() {
					for range each {
						if call := get(); call != nil {
							read(call, 100+i*9000, 0, all)
							call.Close()
						}
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			if first >= restlessWindow {
				// Somebody has seen by now that they are not read, or will.
				c.mu.Lock()
				for st := &calls[0].stream; c.first > initialWindow && !c.shrinking && st.recvErr == nil; {
					st.readable.Wait()
				}
				c.mu.Unlock()
			}
			for i, call := range calls {
				read(call, 64<<10, i*some/4, all)
				call.Close()
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.fault != "" {
				t.Error(a.fault)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.grown != 0 || c.unread != 0 || budget.Unread() != 0 {
				t.Errorf("at the end windows have grown by %d, %d octets are unread, %d in all", c.grown, c.unread, budget.Unread())
			}
		})
	}
}

func newAccountant(t *testing.T, nc net.Conn, seed uint64) *accountant {
	a := &accountant{p: newPeer(t, nc), conn: protocolWindow, first: protocolWindow,
		windows: make(map[uint32]int64), sizes: make(map[uint32]int), rnd: rand.New(rand.NewPCG(seed, 1))}
	a.changed = sync.NewCond(&a.mu)
	for id := uint32(1); id < 100; id += 2 {
		a.sizes[id] = 80<<10 + a.rnd.IntN(120<<10)
	}
	for id := uint32(1); id <= 7; id += 2 {
		a.sizes[id] = 5 << 18
	}
	b := make([]byte, len(h2.ClientPreface))
	if _, err := io.ReadFull(nc, b); err != nil {
		t.Fatal(err)
	}
	a.p.fr.WriteSettings()
	return a
}
