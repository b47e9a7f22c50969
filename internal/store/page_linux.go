package store

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// largePage is the memory of the bulk blocks of a queue: a large page of the system
// holds eight of them. The kernel finds one page where it else finds sixty-four for
// each block that it writes, and the disk gets it in one piece.
type largePage struct {
	rest []byte // not given out yet
}

// pageSize is a large page on amd64, and on arm64 where small ones are 4 KiB.
const pageSize = 2 << 20

// newLargePage returns nil where there is no such memory. It lasts as long as somebody
// has the page: what is given out of it does not keep it.
func newLargePage() *largePage {
	// Twice as much, for a part of it is where a large page can be.
	p, err := unix.MmapPtr(-1, 0, nil, 2*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	skip := -uintptr(p) & (pageSize - 1)
	start := unsafe.Add(p, skip)
	if skip > 0 {
		_ = unix.MunmapPtr(p, skip)
	}
	_ = unix.MunmapPtr(unsafe.Add(start, pageSize), pageSize-skip)
	memory := unsafe.Slice((*byte)(start), pageSize)
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE) // without it, small pages do
	page := &largePage{rest: memory}
	runtime.AddCleanup(page, func(start unsafe.Pointer) { _ = unix.MunmapPtr(start, pageSize) }, start)
	return page
}
