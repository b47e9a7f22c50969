package api

import "midstream/flow"

// interest is which flows a view needs pictures of; of the others it needs to know
// that they are there. Pictures that nobody needs are not kept: they would be most
// of what the collector looks through while much passes.
type interest struct {
	all    bool   // it chooses or orders by what they say, or is not ready
	lo, hi uint64 // those in the window, 0 for none
	known  uint64 // the last one that it has
	open   bool   // new ones come into the window, or behind it
}

// mostNew bounds the new flows of one batch that are told of in full, the newest:
// where more come, the others are off the screen when they are told.
const mostNew = 100

// interest of the view as it is now.
func (v *view) interest() (i interest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.filter != nil || v.ranks.key != nil || v.touched != nil {
		i.all = true
		return i
	}
	if v.n == 0 || v.feed.count() == 0 {
		return i
	}
	total := v.ranks.len()
	from, end := v.window()
	if total > 0 {
		i.known = max(v.ranks.at(0), v.ranks.at(total-1))
	}
	if from < total {
		a, b := v.ranks.at(from), v.ranks.at(min(end, total)-1)
		i.lo, i.hi = min(a, b), max(a, b)
	}
	i.open = end >= total || v.ranks.desc && from == 0
	return i
}

// need is what is to become of a picture.
type need int

const (
	unneeded need = iota
	newest        // it is kept as long as it is among the newest
	needed
)

func (i *interest) of(number uint64) need {
	switch {
	case i.all, i.lo <= number && number <= i.hi:
		return needed
	case i.open && number > i.known:
		return newest
	}
	return unneeded
}

// wish notes what pictures are needed from now on. mu is held.
func (h *Hub) wish() {
	h.interests = h.interests[:0]
	for _, v := range h.views {
		h.interests = append(h.interests, v.interest())
	}
}

// wishAnew is wish for those who do not hold mu.
func (h *Hub) wishAnew() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wish()
}

// need is what is to become of the picture of a flow. mu is held.
func (h *Hub) need(number uint64) need {
	if h.noting.Load() {
		return needed
	}
	most := unneeded
	for i := range h.interests {
		most = max(most, h.interests[i].of(number))
	}
	return most
}

// recent keeps the newest pictures: a flow has one as it begins, and one as it ends.
// The zero value has none.
type recent struct {
	list []*flow.Flow
	next int
}

// put keeps f, and returns the number of the flow whose picture goes for it, 0 for
// none.
func (r *recent) put(f *flow.Flow) (gone uint64) {
	if len(r.list) < 2*mostNew {
		r.list = append(r.list, f)
		return 0
	}
	gone = r.list[r.next].Number
	r.list[r.next] = f
	r.next = (r.next + 1) % len(r.list)
	return gone
}

// take appends the pictures in the order in which they came, and forgets them.
func (r *recent) take(to []*flow.Flow) []*flow.Flow {
	to = append(append(to, r.list[r.next:]...), r.list[:r.next]...)
	clear(r.list)
	r.list, r.next = r.list[:0], 0
	return to
}
