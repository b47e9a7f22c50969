package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// slack is how much garbage may lie beside a small heap before it is
	// collected.
	slack = 16 << 20
	// leastPace and mostPace bound GOGC: how much garbage, in percent of what is
	// in use, starts a collection.
	leastPace = 20
	mostPace  = 100
)

// paceCollector keeps memory close to what is in use when much is in use: by
// default a heap doubles, which a thousand slow streams make dear, while
// a small heap that serves many small requests needs that room. The pace
// follows the live heap after each collection.
func paceCollector() {
	type sentinel struct{ _ [16]byte }
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	pace := mostPace
	var again func(*sentinel)
	again = func(*sentinel) {
		metrics.Read(live)
		if next := paceFor(live[0].Value.Uint64()); next != pace {
			pace = next
			debug.SetGCPercent(pace)
		}
		runtime.SetFinalizer(new(sentinel), again)
	}
	runtime.SetFinalizer(new(sentinel), again)
}

// paceFor is the GOGC value for a live heap of that many octets.
func paceFor(live uint64) int {
	if live == 0 {
		return mostPace
	}
	return int(min(max(slack*100/live, leastPace), mostPace))
}
