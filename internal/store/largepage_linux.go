package store

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newLargePage returns nil where there is no such memory.
func newLargePage() *largePage {
	// Twice as much, for a part of it is where a large page can be.
	raw, err := unix.MmapPtr(-1, 0, nil, 2*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	skip := -uintptr(raw) & (pageSize - 1)
	start := unsafe.Add(raw, skip)
	if skip > 0 {
		_ = unix.MunmapPtr(raw, skip)
	}
	_ = unix.MunmapPtr(unsafe.Add(start, pageSize), pageSize-skip)
	p := &largePage{memory: unsafe.Slice((*byte)(start), pageSize)}
	_ = unix.Madvise(p.memory, unix.MADV_HUGEPAGE) // without it, small pages do
	runtime.AddCleanup(p, func(start unsafe.Pointer) { _ = unix.MunmapPtr(start, pageSize) }, start)
	p.cut()
	return p
}

// leave gives the memory back at once; its addresses go with the last who has the page.
func (p *largePage) leave() { _ = unix.Madvise(p.memory, unix.MADV_DONTNEED) }
