package view

import (
	"slices"
	"sort"
	"sync"
)

// Marks keeps from where JSON of one body can be shown without what is before: how its
// members stood every so many octets. The zero value has none; it may be used by
// several calls at once, all for the same body.
type Marks struct {
	mu    sync.Mutex // guards the rest
	list  []mark     // by place
	every int64      // octets from one to the next; 0 is firstEvery
	held  int        // octets of lines and brackets
	size  int64
}

// mark is a place in a content, and how far its text was.
type mark struct {
	at     int64 // octets of the content before it
	line   int64 // the number of the line it is in
	part   []byte
	pad    int
	indent indenter
}

// Bounds of what is kept of one body.
const (
	firstEvery = 256 << 10
	maxMarks   = 4096
	maxHeld    = 4 << 20
)

// Fit forgets all where the body had another size: it is another, or has grown.
func (m *Marks) Fit(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size != size {
		m.list, m.held, m.every, m.size = nil, 0, 0, size
	}
}

// before is the last mark in front of a line, zero for none.
func (m *Marks) before(line int64) mark {
	if m == nil {
		return mark{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := sort.Search(len(m.list), func(i int) bool { return m.list[i].line > line })
	// A line that is broken off at a mark has begun before it.
	for i--; i >= 0 && m.list[i].line == line; i-- {
	}
	if i < 0 {
		return mark{}
	}
	return m.list[i]
}

// wants tells whether a place is far enough behind the last mark.
func (m *Marks) wants(at int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := int64(0)
	if n := len(m.list); n > 0 {
		last = m.list[n-1].at
	}
	return at >= last+max(m.every, firstEvery)
}

// note keeps how j and its page stand at a place.
func (m *Marks) note(at int64, j *indenter) {
	k := mark{at: at, line: j.p.n, part: slices.Clone(j.p.line), pad: j.p.pad, indent: *j}
	k.indent.p, k.indent.stack, k.indent.lit = nil, slices.Clone(j.stack), slices.Clone(j.lit)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.list); n > 0 && m.list[n-1].at >= at {
		return // another call was faster
	}
	m.list = append(m.list, k)
	m.held += k.size()
	for len(m.list) > maxMarks || m.held > maxHeld && len(m.list) > 1 {
		m.thin()
	}
}

func (k *mark) size() int { return len(k.part) + len(k.indent.stack) + len(k.indent.lit) }

// thin leaves every second one, so that the distance doubles. mu is held.
func (m *Marks) thin() {
	left := m.list[:0]
	m.held = 0
	for i := 1; i < len(m.list); i += 2 {
		left = append(left, m.list[i])
		m.held += m.list[i].size()
	}
	clear(m.list[len(left):])
	m.list = left
	m.every = 2 * max(m.every, firstEvery)
}

// resume has j go on from the mark.
func (k *mark) resume(j *indenter) {
	p := j.p
	*j = k.indent
	j.p, j.stack, j.lit = p, slices.Clone(k.indent.stack), slices.Clone(k.indent.lit)
	p.n, p.line, p.pad = k.line, append(p.line[:0], k.part...), k.pad
}
