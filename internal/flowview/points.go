package flowview

import (
	"bytes"
	"slices"
	"sync"

	"midstream/flow"
)

// Points remembers, of WebSocket connections whose messages are compressed with what
// came before them, where such a direction can be read from: who looks at the
// millionth message, and then at those beside it, reads all before it once. It
// keeps 64 places each of 4 directions, the last ones looked at, and with each the
// 32 KiB that messages refer to. The zero value is ready, its methods may be called
// at once, and nil remembers nothing.
type Points struct {
	mu   sync.Mutex
	dirs []*points // the one looked at last is the last
}

const (
	maxDirections = 4
	maxPoints     = 64
	// firstApart is how many messages are between two places of a short direction.
	firstApart = 256
)

// points are the places of one direction.
type points struct {
	flow  flow.ID
	side  flow.Side
	apart int64 // messages between two, at least
	list  []point
}

// point is a place between two messages of a direction.
type point struct {
	index  int64 // of the message behind it
	offset int64 // of its first octet
	window []byte
}

// of returns what is known of a direction. mu is held.
func (p *Points) of(id flow.ID, side flow.Side) *points {
	i := slices.IndexFunc(p.dirs, func(d *points) bool { return d.flow == id && d.side == side })
	d := &points{flow: id, side: side, apart: firstApart}
	switch {
	case i >= 0:
		d = p.dirs[i]
		p.dirs = slices.Delete(p.dirs, i, i+1)
	case len(p.dirs) == maxDirections:
		p.dirs = slices.Delete(p.dirs, 0, 1)
	}
	p.dirs = append(p.dirs, d)
	return d
}

// before returns the last place that is not behind the message of an index; the
// zero value is the start.
func (p *Points) before(id flow.ID, side flow.Side, index int64) point {
	if p == nil {
		return point{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.of(id, side).list
	i, found := slices.BinarySearchFunc(list, index, func(a point, index int64) int { return int(a.index - index) })
	switch {
	case found:
		return list[i]
	case i > 0:
		return list[i-1]
	}
	return point{}
}

// pass is told that a direction was read up to before the message of an index, whose
// place is taken where none is near. window is asked for what goes with it, nil for
// no place.
func (p *Points) pass(id flow.ID, side flow.Side, index, offset int64, window func() []byte) {
	if p == nil || index%firstApart != 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.of(id, side)
	if n := len(d.list); n > 0 && index < d.list[n-1].index+d.apart || n == 0 && index < d.apart {
		return
	}
	w := window()
	if w == nil {
		return
	}
	if len(d.list) == maxPoints {
		for i := range maxPoints / 2 {
			d.list[i] = d.list[2*i+1]
		}
		clear(d.list[maxPoints/2:])
		d.list = d.list[:maxPoints/2]
		d.apart *= 2
		if index < d.list[len(d.list)-1].index+d.apart {
			return
		}
	}
	d.list = append(d.list, point{index, offset, bytes.Clone(w)})
}
