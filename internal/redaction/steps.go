package redaction

// steps follows several paths at once through containers: a set of places in them,
// for each container that is open, as bits.
type steps struct {
	all   []step // of all paths, one behind the other
	last  []bool // the step is the last one of its path
	first []int  // where paths begin
	words int    // of 64 bits, a set
	// sets are those of the open containers, the outermost first; next is that of
	// the value that began last.
	sets []uint64
	next []uint64
}

func newSteps(paths []path) steps {
	var n steps
	for _, p := range paths {
		n.first = append(n.first, len(n.all))
		n.all = append(n.all, p...)
		for i := range p {
			n.last = append(n.last, i == len(p)-1)
		}
	}
	n.words = (len(n.all) + 63) / 64
	n.next = make([]uint64, n.words)
	return n
}

func (n *steps) clear() { n.sets = n.sets[:0] }

// root notes that a whole text begins.
func (n *steps) root() {
	clear(n.next)
	for _, i := range n.first {
		n.next[i/64] |= 1 << (i % 64)
	}
}

// down notes that a value of the innermost container begins: the member name, or
// the element index. It tells whether a path ends there.
func (n *steps) down(name string, index int) (meant bool) {
	clear(n.next)
	if n.words == 0 {
		return false
	}
	top := n.sets[len(n.sets)-n.words:]
	for w, bits := range top {
		for b := 0; bits != 0; b, bits = b+1, bits>>1 {
			if bits&1 == 0 {
				continue
			}
			i := w*64 + b
			if n.all[i].deep {
				n.next[w] |= 1 << b
			}
			if !n.all[i].takes(name, index) {
				continue
			}
			if n.last[i] {
				meant = true
				continue
			}
			n.next[(i+1)/64] |= 1 << ((i + 1) % 64)
		}
	}
	return meant
}

// push notes that the value that began last is a container, pop that it has ended.
func (n *steps) push() { n.sets = append(n.sets, n.next...) }

func (n *steps) pop() { n.sets = n.sets[:len(n.sets)-n.words] }
