package api

import (
	"slices"
	"sync"

	"midstream/flow"
	body "midstream/internal/view"
)

// maxMarked bounds the bodies of which places are remembered.
const maxMarked = 8

// marked remembers places in the bodies that were looked at last. The zero value
// remembers none.
type marked struct {
	mu   sync.Mutex // guards list
	list []markedBody
}

type markedBody struct {
	number uint64
	side   flow.Side
	marks  *body.Marks
}

// of returns those of a body.
func (m *marked) of(number uint64, side flow.Side) *body.Marks {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := markedBody{number, side, new(body.Marks)}
	if i := slices.IndexFunc(m.list, func(b markedBody) bool { return b.number == number && b.side == side }); i >= 0 {
		one = m.list[i]
		m.list = slices.Delete(m.list, i, i+1)
	} else if len(m.list) == maxMarked {
		m.list = slices.Delete(m.list, 0, 1)
	}
	m.list = append(m.list, one)
	return one.marks
}
