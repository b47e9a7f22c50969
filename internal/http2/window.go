package http2

import "time"

// recvWindow is what a peer may send on a stream (RFC 9113 section 6.9). At any
// time avail, what lies unread and what is still to be given back make up size;
// a size that shrinks takes effect as the reader takes what is there.
type recvWindow struct {
	size   int // how much the peer should be able to have on its way or unread
	avail  int // what it may still send
	unread int // what came and was not taken

	epoch time.Time // when the present count began
	moved int       // taken since then
	low   int       // the least that lay unread since then
	limit int       // of size, for now; 0 is maxWindow
}

const (
	// growWithin is how fast a whole window must be taken for the window to be
	// what holds the stream up: longer than the round trips that are in use.
	growWithin = 400 * time.Millisecond
	// creditShare is the part of a window that is given back in one go.
	creditShare = 4
)

// received notes n octets of DATA with its padding, of which data are body, and
// tells whether the peer was allowed to send them.
func (w *recvWindow) received(n, data int) bool {
	if n > w.avail {
		return false
	}
	w.avail -= n
	w.unread += data
	return true
}

// credit returns how much the peer is to be given now: nothing as long as it
// would be little.
func (w *recvWindow) credit() int {
	n := w.size - w.unread - w.avail
	if n < w.size/creditShare && (n <= 0 || w.avail > 0) {
		return 0
	}
	w.avail += n
	return n
}

// pressure is how the unread bytes of the process stand.
type pressure uint8

const (
	plenty  pressure = iota
	tight            // no window grows, grown ones shrink
	starved          // credit of connections is withheld, too
)

// took notes that the reader has taken n octets, and returns the credit to give.
func (w *recvWindow) took(n int, now time.Time, p pressure) int {
	w.unread -= n
	w.low = min(w.low, w.unread)
	switch {
	case p != plenty:
		w.size = max(initialWindow, w.size-n)
		w.moved, w.epoch, w.low = 0, now, w.unread
	default:
		if w.epoch.IsZero() {
			w.epoch, w.low = now, w.unread
		}
		if w.moved += n; w.moved >= w.size {
			// A reader that always leaves more than a half waiting is what is slow.
			if now.Sub(w.epoch) <= growWithin && w.low <= w.size/2 {
				w.grow()
			}
			w.moved, w.epoch, w.low = 0, now, w.unread
		}
	}
	return w.credit()
}

// grow doubles the window within its limit; what it has it keeps.
func (w *recvWindow) grow() {
	limit := maxWindow
	if w.limit > 0 {
		limit = w.limit
	}
	w.size = max(w.size, min(2*w.size, limit))
}

// growLimit is how large the window of one of so many streams grows. What they
// could all hold when their readers stop is bounded, too.
func growLimit(streams int) int {
	return max(initialWindow, min(maxWindow, grownWindows/max(1, streams)))
}

// shrink takes n off what the peer may send, who knows it. A reader that keeps up
// gets it back with what it takes.
func (w *recvWindow) shrink(n int) {
	w.avail -= n
	if w.unread > w.size/2 {
		w.size = initialWindow
	}
}

// drop forgets what lies unread: the reader has given up. It gives no credit.
func (w *recvWindow) drop() (unread int) {
	unread, w.unread = w.unread, 0
	return unread
}

// sendWindow is what a peer allows to be sent. SETTINGS can make it negative
// (RFC 9113 section 6.9.2).
type sendWindow int64

// add gives credit, and tells whether the sum is a window.
func (w *sendWindow) add(n int64) bool {
	*w += sendWindow(n)
	return *w <= largestWindow
}

// fits returns how much of n may be sent in this window and in other.
func (w sendWindow) fits(other sendWindow, n int) int {
	return max(0, min(n, int(min(w, other))))
}
