package store

// largePages are the bulk blocks that lie together in large pages of the system: the
// kernel finds one page where it else finds sixty-four for each block that it writes,
// and the disk gets the block in one piece. There are few: what does not fit is memory
// of Go. The zero value works; the queue's mu guards it.
type largePages struct {
	pages [mostPages]*largePage
	none  bool // the system gives none
}

// mostPages large pages are what one body may have in the queue.
const mostPages = flowQueue / pageSize

// pageSize is a large page on amd64, and on arm64 where small ones are 4 KiB.
const pageSize = 2 << 20

// largePage is one of them. Its memory lasts as long as somebody has it: each block does.
type largePage struct {
	memory []byte
	free   []*block
	unused int // the least of free since the last trim
}

// take returns a free block, nil where there is none.
func (l *largePages) take() *block {
	for i, p := range l.pages {
		if p == nil && !l.none {
			p = newLargePage()
			l.pages[i], l.none = p, p == nil
		}
		if p == nil || len(p.free) == 0 {
			continue
		}
		last := len(p.free) - 1
		b := p.free[last]
		p.free[last] = nil
		p.free = p.free[:last]
		p.unused = min(p.unused, last)
		return b
	}
	return nil
}

// cut makes the blocks of the page, all of them free.
func (p *largePage) cut() {
	n := classSize[bulkClass]
	for rest := p.memory; len(rest) >= n; rest = rest[n:] {
		b := &block{class: bulkClass, buf: rest[:n:n], page: p}
		b.reset()
		p.free = append(p.free, b)
	}
}

// give takes a block back.
func (p *largePage) give(b *block) { p.free = append(p.free, b) }

// trim gives back the pages that nobody has had a block of since the last trim, and
// tells whether there are others.
func (l *largePages) trim() bool {
	more := false
	for i, p := range l.pages {
		switch {
		case p == nil:
		case p.unused == pageSize/classSize[bulkClass]:
			p.leave()
			l.pages[i] = nil
		default:
			p.unused = len(p.free)
			more = true
		}
	}
	return more
}
