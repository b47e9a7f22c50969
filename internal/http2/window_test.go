package http2

import (
	"testing"
	"time"
)

func TestReceiveWindow(t *testing.T) {
	start := time.Unix(1000, 0)
	fresh := func() recvWindow { return recvWindow{size: initialWindow, avail: initialWindow} }
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
	for streams, want := range map[int]int{0: maxWindow, 1: maxWindow, 4: 2 << 20, 100: grownWindows / 100, 1000: initialWindow} {
		if got := growLimit(streams); got != want {
			t.Errorf("%d streams: %d, want %d", streams, got, want)
		}
	}
	w := recvWindow{size: 1 << 20, avail: 1 << 20, limit: 256 << 10}
	if w.grow(); w.size != 1<<20 {
		t.Errorf("a window that was larger became %d", w.size)
	}
	w.limit = 1<<20 + 1
	if w.grow(); w.size != 1<<20+1 {
		t.Errorf("it grew to %d", w.size)
	}
}
