package body

import "sync"

// Sizes of the buffers that bodies pass through.
const (
	// PieceSize is the largest piece when nothing else is asked for.
	PieceSize = 32 << 10
	// lengthBuffer is what a body by length begins with: one TLS record. Most
	// that are larger come fast, and get a large one; the others are many.
	lengthBuffer = 16 << 10
	// smallBuffer has room for one piece and for small ones before it.
	smallBuffer = PieceSize + 4<<10
	// largeBuffer makes bulk transfers cheap: fewer, longer system calls.
	largeBuffer = 128 << 10
	// largeBudget is what all large buffers of a process may take together.
	largeBudget = 2 << 20
	// idleBuffers is how many buffers of a size are kept for the next body.
	idleBuffers = 16
)

// Buffers lends the buffers that bodies pass through. A body begins with a
// small one; a body that comes fast gets a large one as long as the 2 MiB for
// those last, so a thousand slow bodies stay cheap. The zero value is ready;
// its methods may be called at once. A nil *Buffers lends small buffers that
// are not used again.
type Buffers struct {
	mu   sync.Mutex
	idle [3][][]byte // guarded by mu, by class
	lent int         // guarded by mu: bytes in large buffers that are out
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
	if p := b.pop(size); p != nil {
		return p
	}
	return make([]byte, size)
}

// bufferSizes are the sizes by class, with how many idle ones are kept.
var bufferSizes = [3]struct{ size, keep int }{
	{lengthBuffer, 2 * idleBuffers}, {smallBuffer, idleBuffers}, {largeBuffer, idleBuffers},
}

func bufferClass(size int) int {
	for i := range bufferSizes {
		if bufferSizes[i].size == size {
			return i
		}
	}
	return -1
}

// pop takes an idle buffer, nil where there is none. The caller holds mu.
func (b *Buffers) pop(size int) []byte {
	idle := &b.idle[bufferClass(size)]
	n := len(*idle)
	if n == 0 {
		return nil
	}
	p := (*idle)[n-1]
	(*idle)[n-1] = nil
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
	if p := b.pop(largeBuffer); p != nil {
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
	class := bufferClass(len(p))
	if class < 0 {
		return
	}
	if len(p) == largeBuffer {
		b.lent -= largeBuffer
	}
	if len(b.idle[class]) < bufferSizes[class].keep {
		b.idle[class] = append(b.idle[class], p)
	}
}
