package pattern

import "math/bits"

// Words finds many texts of ASCII in another at once, in one pass (Aho and
// Corasick), whatever the case of letters. It is immutable and may be used from
// several goroutines at once.
//
//	"abc", "bd" ──NewWords──► a trie whose nodes know where to go on when a text breaks off
type Words struct {
	edges []edge // an open table of hashes; its length is a power of two
	shift uint8
	root  [utf8Self]int32
	nodes []node
}

const utf8Self = 0x80

// edge goes from a node by an octet to another. to is 0 where the place is free:
// nothing goes to the root.
type edge struct {
	key uint32 // node<<7 | octet
	to  int32
}

type node struct {
	word int32 // the text that ends here and 1, 0 for none
	fail int32 // where the longest end of what was read goes on
	more int32 // the next node by fail that has a word, 0 for none
}

// NewWords takes texts of ASCII in lower case, none of them empty or twice. Find
// tells of them by their place.
func NewWords(texts []string) *Words {
	w := &Words{nodes: make([]node, 1)}
	children := []map[byte]int32{{}}
	edges := 0
	for i, text := range texts {
		at := int32(0)
		for k := range len(text) {
			next, ok := children[at][text[k]]
			if !ok {
				next = int32(len(w.nodes))
				w.nodes = append(w.nodes, node{})
				children = append(children, map[byte]int32{})
				children[at][text[k]] = next
				edges++
			}
			at = next
		}
		w.nodes[at].word = int32(i + 1)
	}
	size := 1 << bits.Len(uint(2*edges))
	w.edges, w.shift = make([]edge, size), uint8(32-bits.Len(uint(size-1)))
	for from, m := range children {
		for c, to := range m {
			w.put(int32(from), c, to)
		}
	}
	for c, to := range children[0] {
		w.root[c] = to
	}
	// The nodes nearer to the root come first.
	queue := []int32{}
	for _, to := range children[0] {
		queue = append(queue, to)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		f := w.nodes[at].fail
		if w.nodes[f].word != 0 {
			w.nodes[at].more = f
		} else {
			w.nodes[at].more = w.nodes[f].more
		}
		for c, to := range children[at] {
			w.nodes[to].fail = w.step(f, c)
			queue = append(queue, to)
		}
	}
	return w
}

func hashOf(key uint32) uint32 { return key * 0x9e3779b1 }

func (w *Words) put(from int32, c byte, to int32) {
	key := uint32(from)<<7 | uint32(c)
	for i := w.place(key); ; i = (i + 1) & (len(w.edges) - 1) {
		if w.edges[i].to == 0 {
			w.edges[i] = edge{key, to}
			return
		}
	}
}

func (w *Words) place(key uint32) int { return int(hashOf(key)>>w.shift) & (len(w.edges) - 1) }

// step goes on by one octet.
func (w *Words) step(at int32, c byte) int32 {
	for at != 0 {
		key := uint32(at)<<7 | uint32(c)
		for i := w.place(key); w.edges[i].to != 0; i = (i + 1) & (len(w.edges) - 1) {
			if w.edges[i].key == key {
				return w.edges[i].to
			}
		}
		at = w.nodes[at].fail
	}
	return w.root[c]
}

// Find reads s behind what has led to a state, 0 at the beginning of a subject, and
// calls found for each text that ends in it, perhaps more than once. ok is false
// where s is not ASCII: then nothing is known.
func (w *Words) Find(state int32, s string, found func(i int)) (_ int32, ok bool) {
	for k := range len(s) {
		c := s[k]
		switch {
		case c >= utf8Self:
			return 0, false
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		state = w.step(state, c)
		n := state
		if w.nodes[n].word == 0 {
			n = w.nodes[n].more
		}
		for ; n != 0; n = w.nodes[n].more {
			found(int(w.nodes[n].word - 1))
		}
	}
	return state, true
}
