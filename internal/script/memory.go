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
	base   uint64 // octets in use when seen began, or at most a look before
	sample [1]metrics.Sample
}

// begin looks at what is in use before an entry, where no look is due anyhow.
func (a *appetite) begin() { a.seen, a.base = a.entry, a.inUse() }

// look tells whether more is in use than the entry may take. As much garbage as
// there was in use before may wait to be collected at any time, and is nobody's.
func (a *appetite) look(limit int64) (past bool) {
	now := a.inUse()
	past = limit > 0 && now > 2*a.base+uint64(limit)
	if a.seen != a.entry {
		a.seen, a.base = a.entry, now
	}
	return past
}

// inUse is how many octets of the heap are in use, garbage that was not
// collected yet among them.
func (a *appetite) inUse() uint64 {
	a.sample[0].Name = "/memory/classes/heap/objects:bytes"
	metrics.Read(a.sample[:])
	return a.sample[0].Value.Uint64()
}
