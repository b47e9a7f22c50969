package http2

import (
	"testing"
	"time"

	"midstream/flow"
)

func TestReceiveWindow(t *testing.T) {
	start := time.Unix(1000, 0)
	fresh := func() recvWindow { return recvWindow{size: initialWindow, own: initialWindow, avail: initialWindow} }
	// pump moves n octets in frames, all taken at once, in d.
	pump := func(w *recvWindow, n int, d time.Duration, p pressure) (credit int) {
		const frame = 8 << 10
		steps := n / frame
		for i := range steps {
			if !w.received(frame, frame) {
				t.Fatal("no room for what credit was given for")
			}
			credit += w.took(frame, start.Add(d*time.Duration(i+1)/time.Duration(steps)), p)
		}
		return credit
	}
	t.Run("more than the window is refused", func(t *testing.T) {
		w := fresh()
		if w.received(initialWindow+1, 1) {
			t.Error("taken")
		}
		if !w.received(initialWindow, initialWindow) || w.received(1, 1) {
			t.Error("the window is not what it says")
		}
	})
	t.Run("nothing is given for what lies unread", func(t *testing.T) {
		w := fresh()
		w.received(initialWindow, initialWindow)
		if n := w.credit(); n != 0 {
			t.Errorf("credit %d", n)
		}
	})
	t.Run("padding is given back", func(t *testing.T) {
		w := fresh()
		w.received(initialWindow, 1000)
		if n := w.credit(); n != initialWindow-1000 {
			t.Errorf("credit %d", n)
		}
	})
	t.Run("a fast reader's window grows to its limit", func(t *testing.T) {
		w := fresh()
		pump(&w, 64<<20, time.Second, plenty)
		if w.size != maxWindow {
			t.Errorf("size %d", w.size)
		}
	})
	t.Run("a slow stream's does not", func(t *testing.T) {
		w := fresh()
		pump(&w, 1<<20, 60*time.Second, plenty)
		if w.size != initialWindow {
			t.Errorf("size %d", w.size)
		}
	})
	t.Run("nor one whose reader leaves most of it waiting", func(t *testing.T) {
		w := fresh()
		w.received(56<<10, 56<<10)
		for i := range 100 {
			w.took(8<<10, start.Add(time.Duration(i)*time.Millisecond), plenty)
			if !w.received(8<<10, 8<<10) {
				t.Fatal("no room")
			}
		}
		if w.size != initialWindow {
			t.Errorf("size %d", w.size)
		}
	})
	t.Run("under pressure it shrinks and never below the first size", func(t *testing.T) {
		w := fresh()
		pump(&w, 64<<20, time.Second, plenty)
		had := w.avail
		credit := 0
		for had >= 8<<10 {
			w.received(8<<10, 8<<10)
			c := w.took(8<<10, start, tight)
			credit += c
			had += c - 8<<10
			if w.size == initialWindow {
				break
			}
		}
		if w.size != initialWindow || credit > initialWindow {
			t.Errorf("size %d, %d given meanwhile", w.size, credit)
		}
		if c := pump(&w, 1<<20, time.Second, tight); c == 0 || w.size != initialWindow {
			t.Errorf("then size %d, credit %d", w.size, c)
		}
	})
}

// way is a peer that always has more to send, as far as the window lets it, at the
// end of a way that takes trip there and back; rate is what the reader takes in
// a second. It returns the window after so many octets.
func way(w recvWindow, trip time.Duration, rate float64, octets int) recvWindow {
	const frame = 4 << 10
	type grant struct {
		n  int
		at time.Time // when what it allows can come
	}
	now, granted := time.Unix(1000, 0), []grant{{w.avail, time.Unix(1000, 0)}}
	for octets > 0 {
		for len(granted) > 0 && !granted[0].at.After(now) {
			for granted[0].n > 0 {
				n := min(frame, granted[0].n)
				w.received(n, n)
				if w.answers() {
					w.answered(now)
				}
				granted[0].n -= n
			}
			granted = granted[1:]
		}
		if w.unread == 0 {
			now = granted[0].at
			continue
		}
		n := min(frame, w.unread)
		now = now.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		octets -= n
		if c := w.took(n, now, plenty); c > 0 {
			granted = append(granted, grant{c, now.Add(trip)})
		}
	}
	return w
}

func TestAWindowIsNoLargerThanTheWayIsLong(t *testing.T) {
	fresh := func(size int) recvWindow { return recvWindow{size: size, own: size, avail: size} }
	for _, c := range []struct {
		name     string
		begins   int
		trip     time.Duration
		rate     float64
		min, max int
	}{
		{"a short way", initialWindow, 100 * time.Microsecond, 1e9, initialWindow, freeWindow},
		{"a short way and a window that was large", 6 << 20, 100 * time.Microsecond, 1e9, freeWindow, freeWindow},
		{"a long way", initialWindow, 50 * time.Millisecond, 1e9, maxWindow, maxWindow},
		{"a long way and a window that was large", 6 << 20, 50 * time.Millisecond, 1e9, maxWindow, maxWindow},
		{"a way between the two", initialWindow, 5 * time.Millisecond, 4e8, 2 << 20, 4 << 20},
		{"a slow reader at the end of a long way", initialWindow, 50 * time.Millisecond, 1e5, initialWindow, initialWindow},
	} {
		if w := way(fresh(c.begins), c.trip, c.rate, 400<<20); w.size < c.min || w.size > c.max {
			t.Errorf("%s: the window is %d octets, want %d to %d; the way %v", c.name, w.size, c.min, c.max, w.trip)
		}
	}
	// How long the way is may be known before anything has come on it.
	w := fresh(initialWindow)
	w.travelled(100 * time.Microsecond)
	if w = way(w, time.Millisecond, 1e9, 64<<20); w.size > freeWindow || w.trip != 100*time.Microsecond {
		t.Errorf("the window is %d octets, the way %v", w.size, w.trip)
	}
}

func TestSendWindow(t *testing.T) {
	w := sendWindow(100)
	for _, c := range []struct {
		own, conn sendWindow
		n, want   int
	}{{100, 50, 80, 50}, {30, 50, 80, 30}, {100, 100, 80, 80}, {-5, 100, 80, 0}, {100, 0, 80, 0}} {
		if got := c.own.fits(c.conn, c.n); got != c.want {
			t.Errorf("%d of window %d and %d: %d, want %d", c.n, c.own, c.conn, got, c.want)
		}
	}
	if !w.add(largestWindow-100) || w.add(1) {
		t.Error("the largest window is not 2^31-1")
	}
	if w = 10; !w.add(-100) || w != -90 {
		t.Errorf("a window that SETTINGS shrink is %d, want -90", w)
	}
}

func TestMeterFillsAgain(t *testing.T) {
	var m meter
	at := time.Unix(1000, 0)
	for range meterSize {
		if !m.spend(at) {
			t.Fatal("too early")
		}
	}
	if m.spend(at) {
		t.Error("one more than it has")
	}
	if at = at.Add(time.Second); !m.spend(at) {
		t.Error("not filled after a second")
	}
}

func TestInboxKeepsTheFrames(t *testing.T) {
	var in inbox
	put := func(p []byte, cut int) { // in two reads of the connection
		for i, part := range [][]byte{p[:cut], p[cut:]} {
			for len(part) > 0 {
				n := copy(in.room(len(part)), part)
				in.commit(n, true)
				part = part[n:]
			}
			in.commit(0, i == 0)
		}
	}
	frames := []int{1, 100, largeBlock, 5, 2*largeBlock + 7, 1}
	for i, n := range frames {
		p := make([]byte, n)
		for j := range p {
			p[j] = byte(i)
		}
		put(p, n/2)
	}
	for i, n := range frames {
		got := 0
		for goesOn := true; goesOn; {
			p := in.next()
			for _, b := range p {
				if b != byte(i) {
					t.Fatalf("frame %d has an octet of frame %d", i, b)
				}
			}
			got += len(p)
			goesOn = in.take(len(p))
		}
		if got != n {
			t.Errorf("frame %d has %d octets, want %d", i, got, n)
		}
	}
	if in.size != 0 || in.first != nil {
		t.Errorf("%d octets are left, block %p", in.size, in.first)
	}
	for range 10 * maxMarks {
		put([]byte("x"), 0)
	}
	if len(in.marks) > maxMarks {
		t.Errorf("%d boundaries are kept", len(in.marks))
	}
	in.clear()
	if in.first != nil {
		t.Error("blocks are kept after clear")
	}
}

func TestWindowsOfManyStreamsGrowLess(t *testing.T) {
	const many = 1 << 40
	for _, c := range []struct{ moved, grown, unread, want int }{
		{0, 0, 0, maxWindow},
		{0, 8 << 20, 0, initialWindow + 4<<20},
		{0, grownWindows, 0, initialWindow},
		{0, 2 * grownWindows, 0, initialWindow},
		{0, 0, restlessConn - 1, maxWindow},
		{0, 0, restlessConn, initialWindow},
		{8 << 20, 0, restlessConn, 128 << 10},
		{many, 0, restlessConn, maxWindow},
		{many, 8 << 20, restlessConn, initialWindow + 4<<20},
	} {
		if got := growLimit(c.moved, c.grown, c.unread); got != c.want {
			t.Errorf("%d moved, %d grown, %d unread: %d, want %d", c.moved, c.grown, c.unread, got, c.want)
		}
	}
	// However many read as fast as they can, together they grow by no more than
	// that, and all by about the same.
	now := time.Unix(1000, 0)
	for _, n := range []int{1, 2, 6, 100} {
		ws := make([]recvWindow, n)
		for i := range ws {
			ws[i] = recvWindow{size: initialWindow, own: initialWindow, avail: initialWindow}
		}
		total := 0
		for range 40 {
			for i := range ws {
				w := &ws[i]
				for moved := 0; moved < w.size; {
					m := min(w.avail, maxFrame)
					w.received(m, m)
					had := w.grown()
					w.limit = growLimit(w.moved, total-had, 0)
					w.took(m, now, plenty)
					moved, total = moved+m, total+w.grown()-had
				}
				if total > grownWindows {
					t.Fatalf("%d windows have grown by %d", n, total)
				}
			}
		}
		share := min(maxWindow-initialWindow, grownWindows/(n+1))
		for i := range ws {
			if g := ws[i].grown(); g < share/2 || g > 2*share {
				t.Errorf("window %d of %d has grown by %d, want %d to a factor of two", i, n, g, share)
			}
		}
	}
}

func TestWindowsOfReadersThatRestGiveWay(t *testing.T) {
	c := &conn{streams: make(map[uint32]*stream), budget: new(Budget)}
	c.init(nil, nil, Tolerant, Limits{}, nil)
	at := time.Unix(1000, 0)
	add := func(id uint32, grown int, last time.Time) *stream {
		st := new(stream)
		st.init(c, id, flow.ToClient)
		st.win.size += grown
		st.win.last = last
		c.grown += grown
		c.streams[id] = st
		return st
	}
	rests, reads := add(1, 8<<20, at.Add(-time.Second)), add(3, 6<<20, at.Add(-time.Millisecond))
	asks := add(5, 0, at)
	if !c.reclaim(asks, at) || rests.win.grown() != 0 || reads.win.grown() != 6<<20 || c.grown != 6<<20 {
		t.Errorf("who rests has %d, who reads %d, together %d", rests.win.grown(), reads.win.grown(), c.grown)
	}
	if c.reclaim(asks, at.Add(restsAfter/2)) {
		t.Error("they are looked at for each piece that is read")
	}
	if over := c.remove(reads, endedWell); over || c.grown != 0 {
		t.Errorf("after the stream has ended %d are counted", c.grown)
	}
}

func TestAWindowAboveItsLimitShrinksAsItIsRead(t *testing.T) {
	at := time.Unix(1000, 0)
	w := recvWindow{size: 2 << 20, own: initialWindow, avail: 1 << 20, unread: 1 << 20, limit: 1 << 20}
	if n := w.took(512<<10, at, plenty); n != 0 || w.size != 3<<19 {
		t.Errorf("credit %d, size %d", n, w.size)
	}
	w.took(512<<10, at, plenty)
	if w.size != 1<<20 {
		t.Errorf("size %d", w.size)
	}
	// What it began with it keeps.
	w = recvWindow{size: 4 << 20, own: 4 << 20, avail: 3 << 20, unread: 1 << 20, limit: initialWindow}
	if w.took(1<<20, at, plenty); w.size != 4<<20 {
		t.Errorf("size %d", w.size)
	}
}
