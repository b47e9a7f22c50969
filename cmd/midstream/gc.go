package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// slack is how much garbage may lie beside a small heap before it is
	// collected.
	slack = 16 << 20
	// leastPace and mostPace bound GOGC: how much garbage, in percent of what is
	// in use, starts a collection.
	leastPace = 12
	mostPace  = 100
	// busy is how close collections may follow each other before they get more
	// room: processor time is dearer then than memory.
	busy = 500 * time.Millisecond
)

// paceCollector keeps memory close to what is in use while collections are
// rare: by default a heap doubles, which a thousand slow streams make dear.
// A heap that serves many small requests gets the room it needs. The pace is
// set after each collection.
func paceCollector() {
	type sentinel struct{ _ [16]byte }
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	pace, last := mostPace, time.Now()
	var again func(*sentinel)
	again = func(*sentinel) {
		metrics.Read(live)
		now := time.Now()
		next := paceFor(live[0].Value.Uint64(), pace, now.Sub(last))
		last = now
		if next != pace {
			pace = next
			debug.SetGCPercent(pace)
		}
		runtime.SetFinalizer(new(sentinel), again)
	}
	runtime.SetFinalizer(new(sentinel), again)
}

// paceFor is the next pace for a live heap of that many octets, when the last
// pace brought a collection after that time.
func paceFor(live uint64, pace int, after time.Duration) int {
	least := mostPace
	if live > 0 {
		least = int(min(max(slack*100/live, leastPace), mostPace))
	}
	if after < busy {
		return min(max(2*pace, least), mostPace)
	}
	return max(pace/2, least)
}
