package http2

import (
	"context"
	"sync"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// A hundred streams that nobody reads, with 1 GiB offered on each, hold a bounded
// number of octets, whatever windows the client asked for, and do not stop the one
// that is read.
func TestStalledStreamsAreBoundedAndStopNobody(t *testing.T) {
	const (
		stalled = 100
		offered = 1 << 30
		wanted  = 24 << 20
		piece   = 16 << 10
	)
	for _, c := range []struct {
		name  string
		like  *flow.Opening
		bound int64
	}{
		{"midstream's own windows", nil, stalled*initialWindow + maxWindow},
		{"windows as Go asks for", &flow.Opening{Settings: []flow.Setting{{ID: 4, Value: 4 << 20}}, Window: 1 << 30}, restlessConn + connWindow + maxWindow},
		{"the largest windows", &flow.Opening{Settings: []flow.Setting{{ID: 4, Value: 1<<31 - 1}}, Window: 1 << 30}, restlessConn + connWindow + maxWindow},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := tcpPair(t)
			var budget Budget
			cl, err := NewClient(transport.New(a), ClientConfig{Like: c.like, Budget: &budget})
			if err != nil {
				t.Fatal(err)
			}
			over := make(chan struct{})
			go func() {
				defer close(over)
				NewServer(transport.New(b), ServerConfig{Limits: Limits{Streams: stalled + 1}}).Serve(context.Background(), func(st *Stream) {
					sink, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.ByLength, Length: offered})
					if err != nil {
						return
					}
					p := make([]byte, piece)
					for range offered / piece {
						if _, err := sink.Write(p); err != nil {
							return
						}
					}
				})
			}()
			defer func() { cl.Close(); <-over }()
			var calls []*Call
			for range stalled + 1 {
				call := open(t, cl, request("GET", "/"), flow.Framing{})
				defer call.Close()
				if _, _, err := call.Head(context.Background()); err != nil {
					t.Fatal(err)
				}
				// Something lies there, on every one of them.
				if _, err := call.Response().Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				calls = append(calls, call)
			}
			r, p := calls[stalled].Response(), make([]byte, 64<<10)
			most := int64(0)
			for got := 0; got < wanted; {
				n, err := r.Read(p)
				if err != nil {
					t.Fatal(err)
				}
				got += n
				most = max(most, budget.Unread())
			}
			if most > c.bound {
				t.Errorf("%d octets lay unread, at most %d may", most, c.bound)
			}
			t.Logf("%d KiB lay unread", most>>10)
			for _, call := range calls {
				call.Close()
			}
			if n := budget.Unread(); n != 0 {
				t.Errorf("%d octets are counted after the end", n)
			}
		})
	}
}

// Past 128 MiB in all, the connections that hold most get no credit until there
// is less; the others go on. What others hold is only counted here.
func TestCreditIsWithheldFromWhoHoldsMost(t *testing.T) {
	var budget Budget
	holders := map[string]int64{"much": 100 << 20, "little": 1 << 20}
	peers := make(map[string]*peer)
	servers := make(map[string]*Server)
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, holds := range holders {
		quit := make(chan struct{})
		nc, srv, _ := serve(t, ServerConfig{Budget: &budget}, func(st *Stream) {
			<-quit
			readBody(st.Body())
			answer(st, 200, "ok", nil)
		})
		defer close(quit)
		peers[name], servers[name] = newPeer(t, nc).client(), srv
		srv.mu.Lock()
		srv.count(int(holds))
		srv.mu.Unlock()
	}
	budget.add(64<<20, 0) // and somebody else
	if budget.pressure() != starved {
		t.Fatal("there is room")
	}
	// Credit of the connection is given back a quarter of its window at a time, which
	// is more than the window of a stream: many fill it.
	quarter := func(p *peer) {
		for i := range connWindow / creditShare / initialWindow {
			id := uint32(1 + 2*i)
			p.post(id)
			for range initialWindow / maxFrame {
				p.fr.WriteData(id, false, make([]byte, maxFrame))
			}
		}
		p.fr.WritePing(false, [8]byte{1})
	}
	// credit is what a peer is given until it hears of its PING.
	credit := func(p *peer) (n uint32) {
		p.await(func(f h2.Frame) bool {
			switch f := f.(type) {
			case *h2.WindowUpdateFrame:
				if f.StreamID == 0 && f.Increment != connWindow-protocolWindow {
					n += f.Increment
				}
			case *h2.PingFrame:
				return f.IsAck()
			}
			return false
		})
		return n
	}
	for name, want := range map[string]uint32{"much": 0, "little": connWindow / creditShare} {
		quarter(peers[name])
		if got := credit(peers[name]); got != want {
			t.Errorf("who holds %s gets credit of %d, want %d", name, got, want)
		}
	}
	// There is room again.
	budget.add(-(64 << 20), 64<<20)
	budget.settle()
	peers["much"].fr.WritePing(false, [8]byte{2})
	if got := credit(peers["much"]); got != connWindow/creditShare {
		t.Errorf("with room again there is credit of %d", got)
	}
	for name, holds := range holders {
		srv := servers[name]
		srv.mu.Lock()
		srv.count(-int(holds))
		srv.mu.Unlock()
	}
}
