package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// recordSize is one whole TLS record of the largest size (RFC 8446 section
	// 5.2: 16384 + 256 octets, and a header of 5).
	recordSize = 16384 + 256 + 5
	// smallSize is for everybody: it holds most heads and events.
	smallSize = 4 << 10
	// largeSize is for connections that carry bulk: eight records, and what eight of
	// them have beyond the 128 KiB that a body brings at once, so that these leave in
	// one call and not in one and a bit.
	largeSize = 132 << 10
	// largeBudget bounds the large buffers that are out at one time, so that
	// a thousand stalled downloads cost a thousand small ones.
	largeBudget = 16
)

// buffers hands out buffers of two sizes. Small ones are for everybody, large
// ones as long as the budget lasts.
var buffers = struct {
	small, large sync.Pool
	out          atomic.Int32
}{
	small: sync.Pool{New: func() any { return &buffer{b: make([]byte, smallSize)} }},
}

type buffer struct {
	b   []byte
	out *atomic.Bool // a large one counts as out
}

// newLarge makes a large buffer. A connection that is closed keeps what is in its
// buffers, for there may be one who reads: they stop counting when the collector has
// found them.
func newLarge() *buffer {
	b := &buffer{b: make([]byte, largeSize), out: new(atomic.Bool)}
	runtime.AddCleanup(b, func(out *atomic.Bool) {
		if out.Load() {
			buffers.out.Add(-1)
		}
	}, b.out)
	return b
}

func getSmall() *buffer { return buffers.small.Get().(*buffer) }

// getLarge returns a large buffer, or a small one when the budget is used up.
func getLarge() *buffer {
	if buffers.out.Add(1) > largeBudget {
		buffers.out.Add(-1)
		return getSmall()
	}
	b, ok := buffers.large.Get().(*buffer)
	if !ok {
		b = newLarge()
	}
	b.out.Store(true)
	return b
}

// put gives a buffer back. One that was made for a Peek goes to the collector.
func (b *buffer) put() {
	if b == nil {
		return
	}
	switch len(b.b) {
	case largeSize:
		b.out.Store(false)
		buffers.out.Add(-1)
		buffers.large.Put(b)
	case smallSize:
		buffers.small.Put(b)
	}
}
