package http2

import (
	"context"
	"io"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// A client that was mirrored may have large first windows. Bodies that nobody
// reads make them small, once the server knows, and then no more is taken of those
// bodies than that; who reads goes on.
func TestLargeFirstWindowsShrinkWhereNobodyReads(t *testing.T) {
	const large = 4 << 20
	like := &flow.Opening{Settings: []flow.Setting{{ID: uint16(h2.SettingInitialWindowSize), Value: large}}, Window: connWindow - protocolWindow}
	c, p := dial(t, ClientConfig{Like: like})
	read, stalled := open(t, c, request("GET", "/read"), flow.Framing{}), open(t, c, request("GET", "/stalled"), flow.Framing{})
	defer read.Close()
	defer stalled.Close()
	p.headers(1)
	p.headers(3)
	p.send(1, false, ":status", "200")
	p.send(3, false, ":status", "200")
	if _, _, err := read.Head(context.Background()); err != nil {
		t.Fatal(err)
	}
	piece := []byte(strings.Repeat("x", maxFrame))
	for range restlessWindow / maxFrame {
		p.fr.WriteData(3, false, piece)
	}
	// Before anything else the server is told, and it has not been given credit.
	for told := false; !told; {
		f, err := p.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *h2.SettingsFrame:
			if v, ok := f.Value(h2.SettingInitialWindowSize); !ok || v != initialWindow {
				t.Fatalf("SETTINGS %v", f)
			}
			told = true
		case *h2.WindowUpdateFrame:
			t.Fatalf("credit of %d on stream %d", f.Increment, f.StreamID)
		}
	}
	p.fr.WriteSettingsAck()
	p.fr.WritePing(false, [8]byte{})
	p.await(func(f h2.Frame) bool { ping, ok := f.(*h2.PingFrame); return ok && ping.IsAck() })
	// A new stream begins small.
	third := open(t, c, request("GET", "/third"), flow.Framing{})
	defer third.Close()
	p.headers(5)
	c.mu.Lock()
	if w := third.stream.win; w.avail != initialWindow || w.size != initialWindow {
		t.Errorf("a new stream's window is %+v", w)
	}
	c.mu.Unlock()
	// The one that is read gets what it asks for.
	done := make(chan int)
	go func() {
		got, _ := readBody(read.Response())
		done <- len(got)
	}()
	sent, window := 0, initialWindow
	for sent < large {
		for window < maxFrame {
			f, ok := p.await(func(f h2.Frame) bool { _, ok := f.(*h2.WindowUpdateFrame); return ok }).(*h2.WindowUpdateFrame)
			if !ok {
				t.Fatal("no more credit")
			}
			if f.StreamID == 1 {
				window += int(f.Increment)
			}
		}
		p.fr.WriteData(1, false, piece)
		sent, window = sent+len(piece), window-len(piece)
	}
	p.fr.WriteData(1, true, nil)
	if got := <-done; got != sent {
		t.Errorf("%d octets of %d were read", got, sent)
	}
	// The stalled one has no window left.
	p.fr.WriteData(3, false, []byte("more"))
	if how := p.ended(); how != "RST_STREAM FLOW_CONTROL_ERROR" {
		t.Errorf("a stream that is not read took more: %s", how)
	}
}

// A client that gives no window to begin with, and widens nothing, does not make its
// server slow.
func TestAWindowThatBeginsSmallIsMadeUseful(t *testing.T) {
	c, p := dial(t, ClientConfig{Like: &flow.Opening{Settings: []flow.Setting{{ID: uint16(h2.SettingInitialWindowSize), Value: 0}}}})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	defer call.Close()
	p.headers(1)
	f, ok := p.await(func(f h2.Frame) bool { _, ok := f.(*h2.WindowUpdateFrame); return ok }).(*h2.WindowUpdateFrame)
	if !ok || f.StreamID != 1 || f.Increment != initialWindow {
		t.Fatalf("%v", f)
	}
	// The connection began with the protocol's own window; more comes with DATA.
	p.send(1, false, ":status", "200")
	p.fr.WriteData(1, true, []byte("x"))
	f, ok = p.await(func(f h2.Frame) bool { w, ok := f.(*h2.WindowUpdateFrame); return ok && w.StreamID == 0 }).(*h2.WindowUpdateFrame)
	if !ok || f.Increment != connWindow-protocolWindow+1 {
		t.Errorf("%v", f)
	}
}

// When the server knows that first windows are small now, a stream whose reader has
// taken all has no window left, and nothing that would come to be taken: it is given
// one. What windows have grown by then is given up.
func TestWhoHasReadAllGetsCreditWhenFirstWindowsShrink(t *testing.T) {
	const first, read = restlessWindow, 200 << 10
	c, p := dial(t, ClientConfig{Like: &flow.Opening{Settings: []flow.Setting{{ID: uint16(h2.SettingInitialWindowSize), Value: first}}, Window: connWindow - protocolWindow}})
	calls := [2]*Call{open(t, c, request("GET", "/read"), flow.Framing{}), open(t, c, request("GET", "/stalled"), flow.Framing{})}
	for i, call := range calls {
		defer call.Close()
		id := uint32(1 + 2*i)
		p.headers(id)
		p.send(id, false, ":status", "200")
		if _, _, err := call.Head(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(id uint32, n int) {
		for ; n > 0; n -= 8 << 10 {
			p.fr.WriteData(id, false, make([]byte, 8<<10))
		}
	}
	fill(1, read)
	for got, b := 0, make([]byte, 32<<10); got < read; {
		n, err := calls[0].Response().Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	c.mu.Lock()
	calls[0].stream.win.size += 1000
	c.grown += 1000
	c.mu.Unlock()
	fill(3, first)
	if _, ok := p.await(func(f h2.Frame) bool { _, ok := f.(*h2.SettingsFrame); return ok }).(*h2.SettingsFrame); !ok {
		t.Fatal("no SETTINGS")
	}
	p.fr.WriteSettingsAck()
	f, _ := p.await(func(f h2.Frame) bool { _, ok := f.(*h2.WindowUpdateFrame); return ok }).(*h2.WindowUpdateFrame)
	if f == nil || f.StreamID != 1 || f.Increment != read {
		t.Errorf("%v, want a window of %d on stream 1 again", f, initialWindow)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grown != 0 || c.shrinking || c.first != initialWindow {
		t.Errorf("windows have grown by %d, first ones are %d", c.grown, c.first)
	}
}

// A server that does not acknowledge SETTINGS is given up, but not one that still
// sends: what it had on its way comes first.
func TestWhoNeverAcknowledgesSettingsIsDeaf(t *testing.T) {
	c := conn{recvAvail: 1000}
	if c.deaf() {
		t.Error("nothing is to be acknowledged")
	}
	c.shrinking = true
	for i, left := range []int{1000, 900, 0} {
		if c.recvAvail = left; c.deaf() {
			t.Errorf("at tick %d it sends", i)
		}
	}
	if !c.deaf() {
		t.Error("it has sent nothing for a tick")
	}
	c.shrinking = false
	if c.deaf() || c.shrinkSeen != 0 {
		t.Error("it has acknowledged them")
	}
}

// The acknowledgement of the first SETTINGS says nothing of those that make windows
// small: what the server sends between the two fits in the large ones.
func TestAnEarlierAcknowledgementShrinksNothing(t *testing.T) {
	const first = 2 * restlessWindow
	a, b := tcpPair(t)
	c, err := NewClient(transport.New(a), ClientConfig{Like: &flow.Opening{Settings: []flow.Setting{{ID: uint16(h2.SettingInitialWindowSize), Value: first}}, Window: connWindow - protocolWindow}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	p := newPeer(t, b)
	if _, err := io.ReadFull(b, make([]byte, len(h2.ClientPreface))); err != nil {
		t.Fatal(err)
	}
	p.fr.WriteSettings()
	call := open(t, c, request("GET", "/"), flow.Framing{})
	defer call.Close()
	p.headers(1)
	p.send(1, false, ":status", "200")
	if _, _, err := call.Head(context.Background()); err != nil {
		t.Fatal(err)
	}
	fill := func(n int) {
		for ; n > 0; n -= maxFrame {
			p.fr.WriteData(1, false, make([]byte, maxFrame))
		}
	}
	fill(restlessWindow)
	p.await(func(f h2.Frame) bool { s, ok := f.(*h2.SettingsFrame); return ok && !s.IsAck() })
	p.fr.WriteSettingsAck() // of the first
	fill(first - restlessWindow)
	p.fr.WriteSettingsAck() // of the second
	p.fr.WritePing(false, [8]byte{1})
	p.await(func(f h2.Frame) bool {
		if r, ok := f.(*h2.RSTStreamFrame); ok {
			t.Errorf("the stream was reset: %s", r.ErrCode)
		}
		ping, ok := f.(*h2.PingFrame)
		return ok && ping.IsAck()
	})
	if n := c.budget.Unread(); n != first {
		t.Errorf("%d octets came, want %d", n, first)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shrinking || c.first != initialWindow || call.stream.win.avail != initialWindow-first {
		t.Errorf("shrinking %v, first windows %d, this one %+v", c.shrinking, c.first, call.stream.win)
	}
}
