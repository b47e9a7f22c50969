package body

import "sync"

// Sizes of the buffers that bodies pass through.
const (
	// PieceSize is the largest piece when nothing else is asked for.
	PieceSize = 32 << 10
	// tinyBuffer is for a body whose receiver is slow: a thousand of those wait
	// in the middle of a write, each with its buffer.
	tinyBuffer = 4 << 10
	// smallBuffer has room for one piece and for small ones before it.
	smallBuffer = PieceSize + 4<<10
	// largeBuffer makes bulk transfers cheap: fewer, longer system calls.
	largeBuffer = 128 << 10
	// largeBudget is what all large buffers of a process may take together.
	largeBudget = 4 << 20
	// idleBuffers is how many buffers of a size are kept for the next body.
	idleBuffers = 16
)

// Buffers lends the buffers that bodies pass through. A body begins with a
// small one; a body that comes fast gets a large one as long as the 4 MiB for
// those last, so a thousand slow bodies stay cheap. The zero value is ready;
// its methods may be called at once. A nil *Buffers lends small buffers that
// are not used again.
type Buffers struct {
	mu    sync.Mutex
	tiny  [][]byte // guarded by mu, idle
	small [][]byte // guarded by mu, idle
	large [][]byte // guarded by mu, idle
	lent  int      // guarded by mu: bytes in large buffers that are out
}

// take lends a buffer of that size; for a large one a small one when the budget
// is used up.
func (b *Buffers) take(size int) []byte {
	if size == largeBuffer {
		if p := b.takeLarge(); p != nil {
			return p
		}
		size = smallBuffer
	}
	if b == nil {
		return make([]byte, size)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	idle := &b.small
	if size == tinyBuffer {
		idle = &b.tiny
	}
	n := len(*idle)
	if n == 0 {
		return make([]byte, size)
	}
	p := (*idle)[n-1]
	*idle = (*idle)[:n-1]
	return p
}

// takeLarge lends a buffer of largeBuffer bytes, or nil when there is none.
func (b *Buffers) takeLarge() []byte {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lent+largeBuffer > largeBudget {
		return nil
	}
	b.lent += largeBuffer
	if n := len(b.large); n > 0 {
		p := b.large[n-1]
		b.large = b.large[:n-1]
		return p
	}
	return make([]byte, largeBuffer)
}

// give takes a lent buffer back.
func (b *Buffers) give(p []byte) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch len(p) {
	case largeBuffer:
		b.lent -= largeBuffer
		if len(b.large) < idleBuffers {
			b.large = append(b.large, p)
		}
	case tinyBuffer:
		if len(b.tiny) < 4*idleBuffers {
			b.tiny = append(b.tiny, p)
		}
	case smallBuffer:
		if len(b.small) < idleBuffers {
			b.small = append(b.small, p)
		}
	}
}
