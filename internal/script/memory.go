package script

import (
	"errors"
	"runtime/metrics"
	"time"
)

// defaultMemory is script_memory where nothing else is said.
const defaultMemory = 512 << 20

// lookEvery is how often the memory is looked at while JavaScript computes.
const lookEvery = 20 * time.Millisecond

// errMemory is the reason of an interrupt.
var errMemory = errors.New("took more memory while it computed than script_memory allows")

// appetite watches how the memory of the process grows during one entry. The
// runtime of JavaScript counts none of what it allocates, so this counts all
// that the process does.
type appetite struct {
	entry  uint64 // changes with each entry
	seen   uint64 // the entry of the last look
	base   uint64 // octets held when seen began, or at most a look before
	sample [2]metrics.Sample
}

// begin looks at what is held before an entry, where no look is due anyhow.
func (a *appetite) begin() {
	a.seen = a.entry
	a.base, _ = a.held()
}

// look tells whether more is in use than the entry may take. As much garbage as
// there is held may wait to be collected at any time, and is nobody's.
func (a *appetite) look(limit int64) (past bool) {
	held, used := a.held()
	past = limit > 0 && used > 2*a.base+uint64(limit)
	if a.seen != a.entry {
		a.seen, a.base = a.entry, held
	}
	return past
}

// held is how many octets the last collection has found in use, and how many are
// now, garbage among them. What it has found may be less than there was by now.
func (a *appetite) held() (held, used uint64) {
	a.sample[0].Name, a.sample[1].Name = "/gc/heap/live:bytes", "/memory/classes/heap/objects:bytes"
	metrics.Read(a.sample[:])
	used = a.sample[1].Value.Uint64()
	return max(a.sample[0].Value.Uint64(), used/2), used
}
