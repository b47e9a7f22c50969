package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/message"
)

// sequence is in which order things pass through one flow, both sides taken
// together: each has the time at which it was about to be sent, and no two have the
// same. So what a peer sends because of something stands behind that, although the
// goroutine that sent the first may be the last to tell of it.
//
//	one side    begin ── write ─────────────── Piece, Mark, tell ── end
//	the other             (its peer answers)   begin ── write ── Piece, Mark, tell ── end
//	                                                                          └ waits for the first
type sequence struct {
	base  time.Time       // what times count from; set before the first begin
	past  Past            // whose times count instead, nil for none; set likewise
	last  atomic.Int64    // time of what was begun last
	turn  [2]int64        // time of a side's last; who moves the side has it
	under [2]atomic.Int64 // turn while it is being sent, 0 while nothing is

	// ended is signalled at the end of each on a side, where somebody settles;
	// passed is what a side has waited for and does not wait for again.
	ended  [2]chan struct{}
	passed [2]int64

	waits atomic.Int32 // how many are in late
	mu    sync.Mutex   // guards late, and the order of what is told
	late  [2][]told
}

// told is a message that watchers have not seen yet.
type told struct {
	by []MessageWatcher
	m  message.Passed
}

// maxToldLate is how many messages of a flow wait for one of the other side; past it
// they are told as they come. Each is at most a piece.
const maxToldLate = 32

// begin tells that something is about to be sent to side.
func (s *sequence) begin(side flow.Side) {
	now := int64(time.Since(s.base))
	for {
		last := s.last.Load()
		// Records keep microseconds.
		now = max(now, last+int64(time.Microsecond))
		if s.last.CompareAndSwap(last, now) {
			break
		}
	}
	s.turn[side] = now
	s.under[side].Store(now)
}

// at is the time of what was begun last on side.
func (s *sequence) at(side flow.Side) time.Time {
	if s.past != nil {
		return s.past.At(side)
	}
	return s.base.Add(time.Duration(s.turn[side]))
}

// now is the time of what has come from a peer.
func (s *sequence) now(from flow.Peer) time.Time {
	switch {
	case s.past == nil:
		return time.Now()
	case from == flow.AtClient:
		return s.past.At(flow.ToServer)
	}
	return s.past.At(flow.ToClient)
}

// end tells that what was begun on side has been sent and told.
func (s *sequence) end(side flow.Side) {
	s.under[side].Store(0)
	if c := s.ended[side]; c != nil {
		select {
		case c <- struct{}{}:
		default: // there is a signal already
		}
	}
	if s.waits.Load() > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flush(1 - side)
	}
}

// settles prepares for settle; before the first begin.
func (s *sequence) settles() {
	for side := range s.ended {
		s.ended[side] = make(chan struct{}, 1)
	}
}

// settleFor is how long one side is waited for: what takes longer is a receiver that
// does not take, and has not answered either.
const settleFor = 50 * time.Millisecond

// settle waits until what the other side was sent before what was begun last on side
// has been looked at: an answer may repeat what was asked. Who moves side calls it.
func (s *sequence) settle(side flow.Side) {
	other := 1 - side
	if !s.before(other, side) || s.under[other].Load() == s.passed[side] {
		return
	}
	timer := time.NewTimer(settleFor)
	defer timer.Stop()
	for s.before(other, side) {
		select {
		case <-s.ended[other]:
		case <-timer.C:
			s.passed[side] = s.under[other].Load()
			return
		}
	}
}

// tell tells watchers of a message of what was begun last on its side, behind those
// of the other side that were begun before.
func (s *sequence) tell(by []MessageWatcher, m message.Passed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side, other := m.Side, 1-m.Side
	if len(s.late[side]) == maxToldLate {
		s.flush(side)
	}
	if len(s.late[side]) == 0 && !s.before(other, side) {
		tellAll(by, m)
		return
	}
	m.Raw = append([]byte(nil), m.Raw...)
	s.late[side] = append(s.late[side], told{by, m})
	s.waits.Add(1)
	if !s.before(other, side) { // it ended in this moment, and may not have seen the wait
		s.flush(side)
	}
}

// before tells whether something is being sent to side a that was begun before what
// was begun last on b.
func (s *sequence) before(a, b flow.Side) bool {
	t := s.under[a].Load()
	return t != 0 && t < s.turn[b]
}

// flush tells what waits on side. mu is held.
func (s *sequence) flush(side flow.Side) {
	for _, l := range s.late[side] {
		tellAll(l.by, l.m)
	}
	s.waits.Add(-int32(len(s.late[side])))
	s.late[side] = nil
}

func tellAll(by []MessageWatcher, m message.Passed) {
	for _, w := range by {
		w.WatchMessage(m)
	}
}
