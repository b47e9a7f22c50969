package body

import "sync"

// Sizes of the buffers that bodies pass through.
const (
	// PieceSize is the largest piece when nothing else is asked for.
	PieceSize = 32 << 10
	// smallBuffer has room for one piece and for small ones before it.
	smallBuffer = PieceSize + 4<<10
	// largeBuffer makes bulk transfers cheap: fewer, longer system calls.
	largeBuffer = 128 << 10
	// largeBudget is what all large buffers of a process may take together.
	largeBudget = 8 << 20
	// idleBuffers is how many buffers of a size are kept for the next body.
	idleBuffers = 16
)

// Buffers lends the buffers that bodies pass through. A body begins with a
// small one; a body that comes fast gets a large one as long as the 8 MiB for
// those last, so a thousand slow bodies stay cheap. The zero value is ready;
// its methods may be called at once. A nil *Buffers lends small buffers that
// are not used again.
type Buffers struct {
	mu    sync.Mutex
	small [][]byte // guarded by mu, idle
	large [][]byte // guarded by mu, idle
	lent  int      // guarded by mu: bytes in large buffers that are out
}

// takeSmall lends a buffer of smallBuffer bytes.
func (b *Buffers) takeSmall() []byte {
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := len(b.small); n > 0 {
			p := b.small[n-1]
			b.small = b.small[:n-1]
			return p
		}
	}
	return make([]byte, smallBuffer)
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
	case smallBuffer:
		if len(b.small) < idleBuffers {
			b.small = append(b.small, p)
		}
	}
}
