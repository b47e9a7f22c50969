package http2

import "time"

// recvWindow is what a peer may send on a stream (RFC 9113 section 6.9). At any
// time avail, what lies unread and what is still to be given back make up size;
// a size that shrinks takes effect as the reader takes what is there.
type recvWindow struct {
	size   int // how much the peer should be able to have on its way or unread
	own    int // the size that it began with: what is beyond has grown
	avail  int // what it may still send
	unread int // what came and was not taken
	moved  int // taken in all

	epoch time.Time // when the present count began
	last  time.Time // when something was taken
	count int       // taken since epoch
	low   int       // the least that lay unread since then
	limit int       // of size, for now; 0 is maxWindow
}

const (
	// growWithin is how fast a whole window must be taken for the window to be
	// what holds the stream up: longer than the round trips that are in use.
	growWithin = 400 * time.Millisecond
	// restsAfter is how long a reader may take nothing and still count as one that
	// will.
	restsAfter = 200 * time.Millisecond
	// creditShare is the part of a window that is given back in one go.
	creditShare = 4
	// earnedShare is the part of what a stream has moved that its window may be as
	// large as, where others of its connection are not read.
	earnedShare = 64
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
	w.moved += n
	w.last, w.low = now, min(w.low, w.unread)
	limit := w.most()
	switch {
	case p != plenty:
		w.size = max(initialWindow, w.size-n)
		w.count, w.epoch, w.low = 0, now, w.unread
	case w.size > limit:
		w.size = max(limit, w.size-n)
		w.count, w.epoch, w.low = 0, now, w.unread
	default:
		if w.epoch.IsZero() {
			w.epoch, w.low = now, w.unread
		}
		if w.count += n; w.count >= w.size {
			// Where more than a little always waits, it is the reader that is slow.
			if now.Sub(w.epoch) <= growWithin && w.low <= w.size/8 {
				w.size = min(2*w.size, limit)
			}
			w.count, w.epoch, w.low = 0, now, w.unread
		}
	}
	return w.credit()
}

// most is how large the window may be now: what it began with at least.
func (w *recvWindow) most() int {
	if w.limit == 0 {
		return maxWindow
	}
	return max(w.own, w.limit)
}

// grown is how much larger it is than it began.
func (w *recvWindow) grown() int { return max(0, w.size-w.own) }

// settle gives up what has grown; it tells how much that was.
func (w *recvWindow) settle() (n int) {
	n = w.grown()
	w.size -= n
	return n
}

// growLimit is how large the window of a stream grows that has moved so many
// octets, where the windows of the others have grown by that many octets and
// that many lie unread on them. Of what others leave it takes a half, so that
// there is some for the next one. Where much lies unread, room has to be earned:
// the first mebibytes of a stream say nothing of whether somebody reads it, for
// they go where its reader has room.
func growLimit(moved, grown, unread int) int {
	limit := min(maxWindow, initialWindow+max(0, grownWindows-grown)/2)
	if unread >= restlessConn {
		limit = min(limit, moved/earnedShare)
	}
	return max(initialWindow, limit)
}

// shrink takes n off what the peer may send, who knows it: the window is one that
// has not grown.
func (w *recvWindow) shrink(n int) {
	w.avail -= n
	w.size, w.own = initialWindow, initialWindow
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
