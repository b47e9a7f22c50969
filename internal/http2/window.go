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

	trip  time.Duration // the shortest that an answer to credit took; 0 is not known
	came  int           // octets in all
	mark  int           // of came: beyond it they are in answer to the credit given at asked
	asked time.Time     // zero while nothing is measured
}

const (
	// growWithin is how fast a whole window must be taken for the window to be
	// what holds the stream up: longer than the round trips that are in use.
	growWithin = 400 * time.Millisecond
	// restsAfter is how long a reader may take nothing and still count as one that
	// will.
	restsAfter = 200 * time.Millisecond
	// freeWindow is how large a window grows wherever it is used up fast. What is
	// beyond has to be for a long way: on a short one it fills with what the reader
	// has no time for.
	freeWindow = 2 << 20
	// growTrips is in how many round trips a window above that must be taken to grow;
	// one that takes restTrips of them is larger than it need be.
	growTrips, restTrips = 2, 8
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
	w.came += n
	return true
}

// answers tells that the octets which came last are the first in answer to credit
// whose time is measured; answered notes that they came then. A peer that had not
// used up its window may have had them ready, and one that was slow later: the
// shortest time is that of the way.
func (w *recvWindow) answers() bool { return !w.asked.IsZero() && w.came > w.mark }

func (w *recvWindow) answered(now time.Time) {
	w.travelled(max(1, now.Sub(w.asked)))
	w.asked = time.Time{}
}

// travelled notes how long a round trip took.
func (w *recvWindow) travelled(d time.Duration) {
	if d > 0 && (w.trip == 0 || d < w.trip) {
		w.trip = d
	}
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
			w.suit(now.Sub(w.epoch), limit)
			w.count, w.epoch, w.low = 0, now, w.unread
		}
	}
	before := w.came + w.avail
	credit := w.credit()
	if credit > 0 && w.asked.IsZero() {
		w.mark, w.asked = before, now
	}
	return credit
}

// suit makes the size suit what passes, after a whole window was taken in d.
func (w *recvWindow) suit(d time.Duration, limit int) {
	switch {
	case w.size > freeWindow && w.trip > 0 && d >= restTrips*w.trip:
		w.size = max(freeWindow, w.size/2)
	case w.size > freeWindow && w.low > w.size/4:
		w.size = max(freeWindow, w.size-w.low/2) // so much less, and some would still wait
	case d > growWithin || w.low > w.size/8:
		// It is the peer that is slow, or, where more than a little always waits, the reader.
	case w.size >= freeWindow && w.trip > 0 && d > growTrips*w.trip:
		// The way is short.
	default:
		w.size = min(2*w.size, limit)
	}
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
