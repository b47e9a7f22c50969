package store

import (
	"encoding/binary"
	"hash/crc32"
	"unsafe"
)

// A block holds octets of one body between Record.Piece and the disk. Blocks
// are pooled; there are four classes, so that an event costs little and a
// download is written in few large pieces.
type block struct {
	class  uint8
	full   bool
	goesOn bool // the last piece continues in the next block
	count  int
	marks  int   // how many it holds, instead of octets
	offset int64 // of the first octet in the body
	first  int64 // arrival of the first piece, microseconds since the base
	last   int64 // arrival of the last piece
	length int64 // of the last piece so far
	end    int   // behind the last octet in buf
	table  []byte
	buf    []byte
	sum    uint32     // the CRC of what a bulk block holds
	page   *largePage // that buf is in; nil for memory of Go
}

const (
	tinyClass  = 0
	smallClass = 1
	chunkClass = 2
	bulkClass  = 3
	classes    = 4
)

// alignment is what O_DIRECT asks of memory, offset, and length on every file
// system that has it.
const alignment = 4096

// tableRoom bounds the table of a block; a block whose table is full is full.
const tableRoom = 512

// bulkLead is the room in front of the octets of a bulk block: what stands
// there when it is written is padding, the record's header, and the table.
const bulkLead = 1024

var classSize = [classes]int{1 << 10, 4 << 10, 32 << 10, 256 << 10}

// classFor returns the smallest class that holds n octets at once.
func classFor(n int) uint8 {
	switch {
	case n <= classSize[tinyClass]:
		return tinyClass
	case n <= classSize[smallClass]:
		return smallClass
	case n <= classSize[chunkClass]:
		return chunkClass
	}
	return bulkClass
}

func newBlock(class uint8) *block {
	b := &block{class: class}
	if class == bulkClass {
		b.buf = alignedBytes(classSize[class])
	} else {
		b.buf = make([]byte, classSize[class])
	}
	b.reset()
	return b
}

func alignedBytes(n int) []byte {
	raw := make([]byte, n+alignment)
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (alignment - 1)
	return raw[skip : skip+n : skip+n]
}

// isAligned tells whether p begins where O_DIRECT asks for.
func isAligned(p []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(p)))&(alignment-1) == 0
}

func (b *block) reset() {
	*b = block{class: b.class, table: b.table[:0], buf: b.buf, page: b.page, end: b.start()}
}

// start is where the octets begin in buf.
func (b *block) start() int {
	if b.class == bulkClass {
		return bulkLead
	}
	return 0
}

// limit is where the octets must end in buf.
func (b *block) limit() int {
	if b.class == bulkClass {
		return len(b.buf) - crcSize
	}
	return len(b.buf)
}

// size is what the block counts for in the queue.
func (b *block) size() int { return len(b.buf) }

// data is the octets that it holds.
func (b *block) data() []byte { return b.buf[b.start():b.end] }

// add copies what fits of a piece that arrived at micros; offset is where it
// stands in the body. It returns how much it took.
func (b *block) add(p []byte, offset, micros int64) int {
	if b.count > 0 {
		if len(b.table)+2*binary.MaxVarintLen64 > tableRoom {
			b.full = true
			return 0
		}
	} else {
		b.offset, b.first, b.last = offset, micros, micros
	}
	n := b.put(p)
	if n == 0 {
		b.full = true
		return 0
	}
	if b.count > 0 {
		b.table = binary.AppendUvarint(b.table, uint64(b.length))
		b.table = binary.AppendUvarint(b.table, uint64(max(0, micros-b.last)))
		b.last = max(micros, b.last)
	}
	b.count++
	b.length = int64(n)
	b.end += n
	b.goesOn = n < len(p)
	b.full = b.end == b.limit()
	return n
}

// put copies what fits of p. What a bulk block holds is not looked at again before
// the disk has it, so its CRC is taken while p is at hand.
func (b *block) put(p []byte) int {
	room := b.buf[b.end:b.limit()]
	if b.class != bulkClass {
		return copy(room, p)
	}
	p = p[:min(len(p), len(room))]
	b.sum = crc32.Update(b.sum, castagnoli, p)
	return copyPast(room, p)
}
