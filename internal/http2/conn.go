package http2

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// Conn is a connection as this package needs it. One goroutine reads and one
// writes; Close and Reset may come from anywhere.
type Conn interface {
	net.Conn
	// Ready tells that a Read would return at once. False is always allowed.
	Ready() bool
	// Cork allows to keep what is written until Uncork sends it.
	Cork()
	Uncork() error
	// CloseWrite ends the writing direction: close_notify with TLS, then FIN.
	CloseWrite() error
	// Reset closes so that the peer sees a failure: TCP reset, no close_notify.
	Reset() error
}

// secured is what a Conn may have to tell that its writes become TLS records.
type secured interface {
	TLS() *tls.ConnectionState
}

func isSecured(c Conn) bool {
	s, ok := c.(secured)
	return ok && s.TLS() != nil
}

func remote(c Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return "unknown address"
}

// conn is what both sides of a connection have in common. Its read loop is run,
// its writer is started.
type conn struct {
	nc      Conn
	name    string    // "client 10.0.0.1:5000", for error texts
	peer    flow.Peer // the leg that errors belong to
	profile Profile
	limits  Limits
	budget  *Budget
	side    side

	// The read loop's own.
	src     source
	fr      *h2.Framer
	block   fieldBlock
	small   [8]byte // payloads of small frames
	meter   meter
	opening *opening // of a client; nil on its side
	heard   atomic.Bool

	w writer

	mu         sync.Mutex // guards all below, and what streams say of it
	streams    map[uint32]*stream
	ending     int // of streams, those whose last frame is being written
	closed     closedRing
	lastPeer   uint32 // the highest stream that the peer has opened
	nextID     uint32 // of the next stream that this side opens
	toSend     sendWindow
	waiting    []*stream // for credit of the connection, in their order
	recvAvail  int       // what the peer may still send on the connection
	owed       int       // credit of the connection that was not given yet
	withheld   bool
	grown      int           // by how much windows of streams have grown
	reclaimed  time.Time     // when those that rest gave that up
	first      int           // the window that streams of this side begin with
	unacked    int           // SETTINGS that the peer has not acknowledged
	shrinking  bool          // one of them makes first smaller
	shrinkSeen int           // 1 and what the peer might send at the last tick since when it does; else 0
	begun      time.Time     // when the first SETTINGS were sent
	trip       time.Duration // until the peer acknowledged them; 0 is not known
	unread     int64         // bytes of all streams that came and were not read
	initial    int64         // the window that streams of the peer begin with
	peerMax    int           // streams that the peer allows
	extended   bool          // the peer allows extended CONNECT
	opened     bool          // the peer's SETTINGS have come
	greeted    chan struct{} // closed when they have, or cannot any more
	goaway     bool          // the peer takes no more streams
	leaving    bool          // this side takes no more streams
	dead       *flow.Error
	idleAtEnd  bool // no stream was open when it died
	atRest     bool // it ends while nothing passes: the peer need not be waited for
	timer      *time.Timer
	pingAfter  time.Duration // of silence; negative is never
	lastHeard  time.Time
	askedAt    time.Time
	idleLimit  time.Duration // 0 is none
	openBy     time.Time
	idleSince  time.Time
	pinged     bool
	writerDone chan struct{}
}

// side is what a Server and a Client do differently.
type side interface {
	// head is a header block on a stream that is not known, or whose own head it
	// is; the connection's lock is not held.
	head(id uint32, st *stream, b *fieldBlock, end bool) error
	// prioritized is a priority of the stream id that comes after its head. The
	// connection's lock is not held.
	prioritized(id uint32, p flow.PriorityChange)
	// died is told once that the connection can take no further streams.
	died()
}

func (c *conn) init(nc Conn, s side, profile Profile, limits Limits, budget *Budget) {
	c.nc, c.side, c.profile, c.limits, c.budget = nc, s, profile, limits.withDefaults(), budget
	if c.budget == nil {
		c.budget = new(Budget)
	}
	c.streams = make(map[uint32]*stream)
	c.toSend, c.initial, c.recvAvail = protocolWindow, protocolWindow, connWindow
	c.first = initialWindow
	c.peerMax = DefaultStreams
	c.src = source{conn: nc, buf: make([]byte, sourceSize), heard: &c.heard}
	c.fr = h2.NewFramer(nil, &c.src)
	c.fr.SetMaxReadFrameSize(maxFrame)
	c.block.init(c.limits)
	c.w.init(nc)
	c.writerDone, c.greeted = make(chan struct{}), make(chan struct{})
}

// start starts the writer and the clock.
func (c *conn) start() {
	go func() {
		defer close(c.writerDone)
		c.w.run()
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idleSince = time.Now()
	c.lastHeard, c.begun = c.idleSince, c.idleSince
	c.timer = time.AfterFunc(c.ticks(), c.tick)
}

// fail ends the connection: every stream that has not ended breaks with why, and
// code is told to the peer. Only the first call counts.
func (c *conn) fail(why *flow.Error, code h2.ErrCode, text string) {
	c.mu.Lock()
	if c.dead != nil {
		c.mu.Unlock()
		return
	}
	c.dead, c.idleAtEnd = why, len(c.streams) == 0
	last, rest := c.lastPeer, c.atRest
	for _, st := range c.streams {
		st.lost(why)
	}
	clear(c.streams)
	c.waiting = nil
	c.meet()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.budget.forget(c)
	c.w.finish(last, code, text)
	until := past
	if c.peer == flow.AtClient && !rest || code != h2.ErrCodeNo {
		until = time.Now().Add(lingerTime)
	}
	c.nc.SetReadDeadline(until)
	c.side.died()
}

// meet ends the wait for the peer's SETTINGS. mu is held.
func (c *conn) meet() {
	select {
	case <-c.greeted:
	default:
		close(c.greeted)
	}
}

// past is a deadline that has been passed: it interrupts what waits.
var past = time.Unix(1, 0)

// drained ends a connection whose last stream has ended after a GOAWAY.
func (c *conn) drained() {
	c.fail(&flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Cause: flow.RefusedRequest, Err: errDrained}, h2.ErrCodeNo, "")
}

// leave announces that no more streams are taken; those that are open go on.
func (c *conn) leave() {
	c.mu.Lock()
	if c.leaving || c.dead != nil {
		c.mu.Unlock()
		return
	}
	c.leaving = true
	last, empty := c.lastPeer, len(c.streams) == 0
	c.atRest = empty
	c.mu.Unlock()
	if empty {
		c.drained()
		return
	}
	c.w.control(func(fr *h2.Framer) { fr.WriteGoAway(last, h2.ErrCodeNo, nil) })
}

// remove takes a stream out that has ended in both directions. mu is held; the
// result tells that the connection has nothing left to do.
func (c *conn) remove(st *stream, how closedHow) (over bool) {
	if c.streams[st.id] != st {
		return false
	}
	delete(c.streams, st.id)
	c.grown -= st.win.settle()
	if st.ending {
		c.ending--
	}
	c.closed.add(st.id, how)
	c.unwait(st)
	if len(c.streams) > 0 {
		return false
	}
	c.idleSince = time.Now()
	return c.leaving || c.goaway
}

// unwait takes st out of those that wait for credit of the connection, and lets
// the next one try. mu is held.
func (c *conn) unwait(st *stream) {
	if !st.queued {
		return
	}
	st.queued = false
	for i, other := range c.waiting {
		if other == st {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	if len(c.waiting) > 0 && c.toSend > 0 {
		c.waiting[0].writable.Signal()
	}
}

// ticks is how often a connection is looked after.
func (c *conn) ticks() time.Duration {
	if c.pingAfter > 0 {
		return min(c.pingAfter, tickTime)
	}
	return tickTime
}

// tick looks after a connection that says nothing.
func (c *conn) tick() {
	c.mu.Lock()
	if c.dead != nil {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	if c.heard.Swap(false) {
		c.lastHeard, c.pinged = now, false
	}
	var silent, idle, ping, deaf bool
	deaf = c.deaf()
	switch {
	case !c.opened:
		silent = !now.Before(c.openBy)
	case len(c.streams) == 0:
		idle = c.idleLimit > 0 && now.Sub(c.idleSince) >= c.idleLimit
		c.pinged = false
	case c.pinged:
		silent = now.Sub(c.askedAt) >= answerTime
	case c.pingAfter > 0 && now.Sub(c.lastHeard) >= c.pingAfter:
		c.pinged, ping, c.askedAt = true, true, now
	}
	c.timer.Reset(c.ticks())
	c.mu.Unlock()
	switch {
	case deaf:
		c.fail(c.broken(flow.InHead, flow.Timeout, "does not acknowledge SETTINGS"), h2.ErrCodeSettingsTimeout, "")
	case silent:
		c.fail(c.broken(flow.InHead, flow.Timeout, "does not answer any more"), h2.ErrCodeNo, "")
		c.nc.Reset()
	case idle:
		c.leave()
	case ping:
		c.w.control(func(fr *h2.Framer) { fr.WritePing(false, [8]byte{'m', 'i', 'd', 's', 't', 'r', 'm'}) })
	}
}

// resume gives credit that was withheld.
func (c *conn) resume() {
	c.mu.Lock()
	c.withheld = false
	n := c.owed
	c.owed, c.recvAvail = 0, c.recvAvail+n
	dead := c.dead != nil
	c.mu.Unlock()
	if n > 0 && !dead {
		c.w.windowUpdate(0, n)
	}
}

// credited notes n octets of DATA of which the connection's credit can be
// returned, and returns what is to be given now. mu is held.
func (c *conn) credited(n int) int {
	c.owed += n
	if c.owed < connWindow/creditShare || c.withheld || c.shrinking {
		return 0
	}
	if c.budget.withholds(c, c.unread) {
		c.withheld = true
		return 0
	}
	n = c.owed
	c.owed, c.recvAvail = 0, c.recvAvail+n
	return n
}

// reclaim takes from streams whose readers rest what their windows have grown, so
// that st has it; some tells that there was something. mu is held.
func (c *conn) reclaim(st *stream, now time.Time) (some bool) {
	if c.grown == st.win.grown() || now.Sub(c.reclaimed) < restsAfter {
		return false
	}
	c.reclaimed = now
	before := c.grown
	for _, other := range c.streams {
		if other != st && now.Sub(other.win.last) >= restsAfter {
			c.grown -= other.win.settle()
		}
	}
	return c.grown < before
}

// count changes the number of unread bytes. mu is held.
func (c *conn) count(n int) {
	c.budget.add(int64(n), c.unread)
	c.unread += int64(n)
}

// closedHow is how a stream ended.
type closedHow uint8

const (
	notKnown  closedHow = iota // long ago, or never opened
	endedWell                  // both directions came to their end, or the peer reset it
	resetByUs                  // what was on its way is no fault of the peer
)

// closedRing remembers how the last streams ended. Streams of a peer are
// numbered upwards, so a slot each for the last of them does.
type closedRing struct {
	slots [closedMemory]struct {
		id  uint32
		how closedHow
	}
}

func (r *closedRing) add(id uint32, how closedHow) {
	s := &r.slots[id/2%closedMemory]
	s.id, s.how = id, how
}

func (r *closedRing) how(id uint32) closedHow {
	if s := r.slots[id/2%closedMemory]; s.id == id {
		return s.how
	}
	return notKnown
}
