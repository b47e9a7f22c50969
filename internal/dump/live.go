package dump

import (
	"time"

	"midstream/flow"
)

const (
	// patience is how long a flow lives before it gets a line of its own.
	patience = time.Second
	// mostLive bounds the flows that are watched for that; those beyond get
	// only their last line.
	mostLive = 16384
	// mostWaiting bounds the heads that wait for it, in octets.
	mostWaiting = 16 << 20
)

// liveFlows knows which flows live, and for how long. Nothing in it is a timer:
// whoever has it asks what is due. The zero value is empty.
type liveFlows struct {
	flows map[flow.ID]*liveFlow
	// waiting are those that have no line yet, the oldest first; entries that
	// have ended are passed over.
	waiting []*liveFlow
	octets  int64
}

type liveFlow struct {
	last  *flow.Flow // nil once it has its line, or has ended
	since time.Time
	size  int64
}

// watch takes the newest picture of a flow that lives.
func (l *liveFlows) watch(f *flow.Flow, size int64, now time.Time) {
	if e := l.flows[f.ID]; e != nil {
		if e.last != nil {
			l.octets += size - e.size
			e.last, e.size = f, size
		}
		return
	}
	if len(l.flows) >= mostLive || l.octets+size > mostWaiting {
		return
	}
	if l.flows == nil {
		l.flows = make(map[flow.ID]*liveFlow)
	}
	e := &liveFlow{last: f, since: now, size: size}
	l.flows[f.ID] = e
	l.waiting = append(l.waiting, e)
	l.octets += size
}

// announce returns a flow that has no line yet, and counts it as one that has.
func (l *liveFlows) announce(id flow.ID) (f *flow.Flow, size int64) {
	e := l.flows[id]
	if e == nil || e.last == nil {
		return nil, 0
	}
	f, size = e.last, e.size
	l.done(e)
	return f, size
}

// ended forgets a flow.
func (l *liveFlows) ended(id flow.ID) {
	if e := l.flows[id]; e != nil {
		delete(l.flows, id)
		l.done(e)
	}
	l.sweep()
}

func (l *liveFlows) done(e *liveFlow) {
	if e.last != nil {
		l.octets -= e.size
		e.last = nil
	}
}

// sweep drops entries that wait for nothing, so that the list does not grow
// with the number of flows that end at once.
func (l *liveFlows) sweep() {
	if len(l.waiting) < 64 || len(l.waiting) < 2*len(l.flows) {
		for len(l.waiting) > 0 && l.waiting[0].last == nil {
			l.waiting[0] = nil
			l.waiting = l.waiting[1:]
		}
		return
	}
	kept := l.waiting[:0]
	for _, e := range l.waiting {
		if e.last != nil {
			kept = append(kept, e)
		}
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
}

// due returns the flows that have lived for long enough to get their line.
func (l *liveFlows) due(now time.Time) []*flow.Flow {
	var due []*flow.Flow
	for len(l.waiting) > 0 {
		e := l.waiting[0]
		if e.last != nil && now.Sub(e.since) < patience {
			break
		}
		if e.last != nil {
			due = append(due, e.last)
			l.done(e)
		}
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
	}
	return due
}
