package api

// interest is which flows a view needs pictures of; of the others it needs to know
// that they are there. Pictures that nobody needs are not kept: they would be most
// of what the collector looks through while much passes.
type interest struct {
	all    bool   // it chooses or orders by what they say, or is not ready
	lo, hi uint64 // those in the window
	known  uint64 // the last one that it has
	room   int    // how many more fit into the window
	top    uint64 // the last one of those
}

// mostNew bounds the new flows of one batch that are told of in full: where more
// come, they are not on the screen any more when they are told.
const mostNew = 100

// interest of the view as it is now.
func (v *view) interest() (i interest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.filter != nil || v.ranks.key != nil || v.touched != nil {
		i.all = true
		return i
	}
	total, end := v.ranks.len(), v.from+v.n
	i.lo = 1
	if v.n == 0 || v.feed.count() == 0 {
		i.lo = 0
	}
	if total > 0 {
		i.known = max(v.ranks.at(0), v.ranks.at(total-1))
	}
	i.top = i.known
	defer func() { i.room = min(i.room, mostNew) }()
	switch {
	case i.lo == 0:
	case v.ranks.desc:
		i.hi, i.room = i.known, end
		if end <= total {
			i.lo = v.ranks.at(end - 1)
		}
	case v.from >= total:
		i.room = end - total
	default:
		i.lo, i.hi = v.ranks.at(v.from), v.ranks.at(min(end, total)-1)
		i.room = max(0, end-total)
	}
	return i
}

// wants tells whether the picture of a flow is needed, and counts it.
func (i *interest) wants(number uint64) bool {
	switch {
	case i.all:
		return true
	case i.lo == 0:
		return false
	case number <= i.known:
		return i.lo <= number && number <= i.hi
	case number <= i.top:
		return true
	case i.room > 0:
		i.room--
		i.top = number
		return true
	}
	return false
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

// needed tells whether somebody needs the picture of a flow. mu is held.
func (h *Hub) needed(number uint64) bool {
	if h.noting.Load() {
		return true
	}
	needed := false
	for i := range h.interests {
		needed = h.interests[i].wants(number) || needed
	}
	return needed
}
