package body

import "regexp/syntax"

// threads is a set of the states that a pattern may be in at one position, in
// their order of preference, each with its captures.
type threads struct {
	sparse []uint32
	dense  []uint32 // the instructions that were visited
	list   []uint32 // those of them that take a character, match or wait
	caps   []int    // slots for each of list
	slots  int
}

func newThreads(p *program) threads {
	n := len(p.inst)
	return threads{
		sparse: make([]uint32, n),
		dense:  make([]uint32, 0, n),
		list:   make([]uint32, 0, n),
		caps:   make([]int, 0, n*p.slots),
		slots:  p.slots,
	}
}

func (t *threads) clear() {
	t.dense, t.list, t.caps = t.dense[:0], t.list[:0], t.caps[:0]
}

// visit notes pc and tells whether it is new.
func (t *threads) visit(pc uint32) bool {
	if j := t.sparse[pc]; int(j) < len(t.dense) && t.dense[j] == pc {
		return false
	}
	t.sparse[pc] = uint32(len(t.dense))
	t.dense = append(t.dense, pc)
	return true
}

func (t *threads) push(pc uint32, caps []int) {
	t.list = append(t.list, pc)
	t.caps = append(t.caps, caps...)
}

// captures returns the slots of the thread at i.
func (t *threads) captures(i int) []int { return t.caps[i*t.slots : (i+1)*t.slots] }

// cut drops the threads from i on.
func (t *threads) cut(i int) {
	t.list, t.caps = t.list[:i], t.caps[:i*t.slots]
}

// dropFirst drops the threads that began where the first one began.
func (t *threads) dropFirst() {
	begin, n := t.caps[0], 1
	for n < len(t.list) && t.captures(n)[0] == begin {
		n++
	}
	t.list = t.list[:copy(t.list, t.list[n:])]
	t.caps = t.caps[:copy(t.caps, t.caps[n*t.slots:])]
}

// unknown is the character ahead when it has not arrived; -1 is the end.
const unknown = -2

// closure adds to t what can be reached from pc without taking a character, at
// a position between the characters prev and next. A thread whose assertion
// needs to know a next that is unknown waits there.
type closure struct {
	p       *program
	t       *threads
	pos     int
	prev    rune
	next    rune
	caps    []int
	waiting bool
}

func (c *closure) add(pc uint32) {
	if !c.t.visit(pc) {
		return
	}
	i := &c.p.inst[pc]
	switch i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		c.add(i.Out)
		c.add(i.Arg)
	case syntax.InstNop:
		c.add(i.Out)
	case syntax.InstCapture:
		if int(i.Arg) >= len(c.caps) {
			c.add(i.Out)
			return
		}
		before := c.caps[i.Arg]
		c.caps[i.Arg] = c.pos
		c.add(i.Out)
		c.caps[i.Arg] = before
	case syntax.InstEmptyWidth:
		op := syntax.EmptyOp(i.Arg)
		have := syntax.EmptyOpContext(c.prev, max(c.next, -1))
		switch {
		case c.next == unknown && op&looksAhead != 0:
			if op&looksBehind&^have == 0 {
				c.t.push(pc, c.caps)
				c.waiting = true
			}
		case op&^have == 0:
			c.add(i.Out)
		}
	case syntax.InstMatch, syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		c.t.push(pc, c.caps)
	}
}

// takes tells whether the instruction takes the character r.
func takes(i *syntax.Inst, r rune) bool {
	switch i.Op {
	case syntax.InstRune1:
		return r == i.Rune[0]
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	case syntax.InstRune:
		return i.MatchRune(r)
	}
	return false
}
