package http2

import "sync"

// inbox keeps what came of one body and was not read, with the boundaries of
// the frames. The read loop appends, the reader takes; every method is called
// with the connection's lock held, but the octets themselves are copied without
// it: the free part of the last block belongs to the read loop, the rest of the
// first one to the reader.
type inbox struct {
	first, last *block
	marks       []int32 // lengths of the frames that lie here, from mark on
	mark        int
	open        bool // the last frame has not come whole
	size        int
	filling     bool // the read loop has the free part of the last block
	taking      bool // the reader copies from the first block
	dead        bool // nothing is kept any more
}

// maxMarks bounds the boundaries that are kept; frames beyond are joined.
const maxMarks = 1024

const (
	smallBlock = 2 << 10
	largeBlock = 16 << 10
)

type block struct {
	b    []byte
	r, w int
	next *block
}

var smallBlocks = sync.Pool{New: func() any { return &block{b: make([]byte, smallBlock)} }}
var largeBlocks = sync.Pool{New: func() any { return &block{b: make([]byte, largeBlock)} }}

func newBlock(n int) *block {
	if n <= smallBlock {
		return smallBlocks.Get().(*block)
	}
	return largeBlocks.Get().(*block)
}

func (b *block) free() {
	b.r, b.w, b.next = 0, 0, nil
	if len(b.b) == smallBlock {
		smallBlocks.Put(b)
		return
	}
	largeBlocks.Put(b)
}

// room returns where the next of n octets can be put.
func (in *inbox) room(n int) []byte {
	if in.last == nil || in.last.w == len(in.last.b) {
		b := newBlock(n)
		if in.last == nil {
			in.first = b
		} else {
			in.last.next = b
		}
		in.last = b
	}
	return in.last.b[in.last.w:]
}

// commit takes over n octets that were put into room. more tells that the frame
// goes on.
func (in *inbox) commit(n int, more bool) {
	if n > 0 {
		in.last.w += n
		in.size += n
		switch {
		case in.mark < len(in.marks) && (in.open || len(in.marks)-in.mark >= maxMarks):
			in.marks[len(in.marks)-1] += int32(n)
		default:
			if in.mark > 0 && len(in.marks) == cap(in.marks) {
				in.marks = in.marks[:copy(in.marks, in.marks[in.mark:])]
				in.mark = 0
			}
			in.marks = append(in.marks, int32(n))
		}
	}
	in.open = more && (n > 0 || in.open)
}

// next returns the octets at the front: of one frame, and of one block.
func (in *inbox) next() []byte {
	if in.size == 0 {
		return nil
	}
	for in.first.r == in.first.w {
		b := in.first
		in.first = b.next
		b.free()
	}
	n := min(in.first.w-in.first.r, int(in.marks[in.mark]))
	return in.first.b[in.first.r : in.first.r+n]
}

// take removes n octets that next has returned, and tells whether the frame goes
// on in what lies here.
func (in *inbox) take(n int) (goesOn bool) {
	in.first.r += n
	in.size -= n
	goesOn = true
	if in.marks[in.mark] -= int32(n); in.marks[in.mark] == 0 {
		goesOn = false
		if in.mark++; in.mark == len(in.marks) {
			in.marks, in.mark = in.marks[:0], 0
		}
	}
	if in.first.r == in.first.w && in.first != in.last {
		b := in.first
		in.first = b.next
		b.free()
	}
	if in.size == 0 && in.first != nil && in.first == in.last && in.first.r == in.first.w && !in.filling {
		in.first.free()
		in.first, in.last = nil, nil
	}
	return goesOn
}

// clear throws away what lies here; blocks that are in use stay until they are
// not.
func (in *inbox) clear() {
	in.dead = true
	in.size, in.marks, in.mark = 0, nil, 0
	in.release()
}

// release frees the blocks of an inbox that is dead and not in use.
func (in *inbox) release() {
	if !in.dead || in.filling || in.taking {
		return
	}
	for b := in.first; b != nil; {
		next := b.next
		b.free()
		b = next
	}
	in.first, in.last = nil, nil
}
