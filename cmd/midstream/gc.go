package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// pace is how much garbage starts a collection: slack octets beside a small heap,
// least percent of a large one, and never more than mostPace percent of one that
// is to fill more than floor octets.
type pace struct{ slack, least, floor uint64 }

var (
	// busy is for a heap that fills quickly. With little in it, which is what new
	// connections need, it would be collected all the time without a floor.
	busy = pace{14 << 20, 20, 26 << 20}
	// calm is for one that does not: collecting it sooner costs next to nothing.
	calm = pace{4 << 20, 10, 0}
)

const (
	mostPace = 100
	// floorPace bounds what a heap below the floor gets: Go takes it for a heap of
	// at least 4 MiB.
	floorPace = 400
	// calmAfter is how long a heap takes to fill to count as calm, busyWithin as
	// busy.
	calmAfter  = 300 * time.Millisecond
	busyWithin = 150 * time.Millisecond
)

// paceCollector keeps memory close to what is in use when much is in use: by
// default a heap doubles, which a thousand slow streams make dear, while
// a small heap that serves many small requests needs that room. The pace
// follows the live heap after each collection, and how long it took to fill. The pages
// of the program go with the garbage.
func paceCollector(pages *programPages) {
	type sentinel struct{ _ [16]byte }
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	percent, as, last := mostPace, busy, time.Now()
	var again func(*sentinel)
	again = func(*sentinel) {
		metrics.Read(live)
		switch took := time.Since(last); {
		case took >= calmAfter:
			as = calm
		case took <= busyWithin:
			as = busy
		}
		last = time.Now()
		pages.dropAgain(last)
		if next := as.percent(live[0].Value.Uint64()); next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
		runtime.SetFinalizer(new(sentinel), again)
	}
	runtime.SetFinalizer(new(sentinel), again)
}

// percent is the GOGC value for a live heap of that many octets.
func (p pace) percent(live uint64) int {
	if live == 0 {
		return mostPace
	}
	percent := min(max(p.slack*100/live, p.least), mostPace)
	if p.floor > live {
		percent = max(percent, min((p.floor-live)*100/live, floorPace))
	}
	return int(percent)
}
