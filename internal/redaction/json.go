package redaction

import "strings"

// maxDepth is how many containers of JSON may lie in each other; what is deeper is
// not looked into, and so not kept.
const maxDepth = 512

// jsonText goes through JSON texts, one behind the other, and replaces the values
// that the rules mean by a string. It never refuses: what is no JSON passes as it
// is, and what stands around a text does not keep it from being found.
type jsonText struct {
	h   *hand
	out sink
	n   steps

	// cut begins a new text at each of these octets, whatever stands open; 0 is
	// never.
	cut byte

	stack []container
	state jsonState
	name  []byte // the member that is being read, or was read last
	over  bool   // it is too long to be one
	esc   unescaper

	// Of a value that is replaced:
	depth int  // containers of it that are open
	lit   bool // inside one of its strings
	raw   int
	word  []byte // a number or word, as far as it has come
}

// container is an object or array that is open.
type container struct {
	list  bool
	key   bool // of an object: a name comes next
	index int  // of a list: the element that comes next
}

type jsonState uint8

const (
	between   jsonState = iota // tokens
	inName                     // the string that names a member
	inString                   // a string that passes
	inWord                     // a number or word that passes
	cutString                  // a string that is replaced
	cutWord                    // a number or word that is replaced
	cutWhole                   // an object or array that is replaced
)

func newJSON(h *hand, out sink) *jsonText {
	return &jsonText{h: h, out: out, n: newSteps(h.r.rules.paths)}
}

func (j *jsonText) write(p []byte) {
	from := 0 // of what is not given out yet
	for i := 0; i < len(p) && j.h.err == nil; i++ {
		c := p[i]
		if j.cut != 0 && c == j.cut {
			if j.state >= cutString {
				from = i
			}
			j.give(p[from:i])
			j.restart()
			from = i
			continue
		}
		switch j.state {
		case between:
			if j.token(c) {
				j.give(p[from:i])
				from = i
				switch j.state {
				case cutString, cutWhole:
					from = i + 1
				default:
					j.word = append(j.word[:0], c)
					j.raw = 1
					from = i + 1
				}
			}
		case inName:
			if n := plainRun(p[i:]); n > 0 && !j.esc.open() {
				j.named(p[i : i+n])
				i += n - 1
				continue
			}
			if j.nameOctet(c) {
				j.state = between
			}
		case inString:
			if n := plainRun(p[i:]); n > 0 && !j.esc.open() {
				i += n - 1
				continue
			}
			if j.esc.ends(c) {
				j.state = between
			}
		case inWord:
			if ends(c) {
				j.state = between
				i--
			}
		case cutString:
			if j.secret(c) {
				j.give([]byte{'"'})
				j.give(j.h.put(j.raw))
				j.give([]byte{'"'})
				j.state, from = between, i+1
			}
		case cutWord:
			if !ends(c) {
				if len(j.word) < longestKept {
					j.word = append(j.word, c)
				}
				continue
			}
			j.endWord()
			j.state, from = between, i
			i--
		case cutWhole:
			j.h.one.write(p[i : i+1])
			if j.inside(c) {
				j.give([]byte{'"'})
				j.give(j.h.put(-1))
				j.give([]byte{'"'})
				j.state, from = between, i+1
			}
		}
	}
	if j.h.err == nil && j.state < cutString {
		j.give(p[from:])
	}
}

func (j *jsonText) give(p []byte) {
	if len(p) > 0 {
		j.out(p)
	}
}

// end gives out what stands for a value that is not whole.
func (j *jsonText) end(bool) {
	if j.h.err == nil {
		j.unfinished()
	}
}

func (j *jsonText) unfinished() {
	switch j.state {
	case cutString, cutWhole:
		j.give([]byte{'"'})
		j.give(j.h.put(-1))
		j.give([]byte{'"'})
	case cutWord:
		j.endWord()
	}
	j.state = between
}

// restart begins a new text.
func (j *jsonText) restart() {
	j.unfinished()
	j.stack = j.stack[:0]
	j.n.clear()
	j.esc = unescaper{}
}

// token takes an octet between tokens, and tells whether a value begins with it
// that is replaced.
func (j *jsonText) token(c byte) bool {
	var top *container
	if n := len(j.stack); n > 0 {
		top = &j.stack[n-1]
	}
	switch c {
	case ' ', '\t', '\r', '\n':
	case ',':
		if top != nil {
			top.index++
			top.key = !top.list
		}
	case ':':
		if top != nil {
			top.key = false
		}
	case '"':
		j.esc = unescaper{}
		if top != nil && top.key {
			j.state, j.name, j.over = inName, j.name[:0], false
			return false
		}
		j.state = inString
		if j.meant(top) {
			j.h.begin()
			j.state, j.raw = cutString, 0
			return true
		}
	case '{', '[':
		if j.meant(top) {
			j.h.begin()
			j.h.one.write([]byte{c})
			j.state, j.depth, j.lit = cutWhole, 1, false
			j.esc = unescaper{}
			return true
		}
		if len(j.stack) == maxDepth {
			j.h.fail("its JSON has more than 512 containers in each other: what follows was not looked into, and so was not recorded")
			return false
		}
		j.n.push()
		j.stack = append(j.stack, container{list: c == '[', key: c == '{'})
	case '}', ']':
		if top != nil {
			j.stack = j.stack[:len(j.stack)-1]
			j.n.pop()
		}
	default:
		if c == 0 {
			j.h.fail(errWide)
			return false
		}
		j.state = inWord
		if j.meant(top) {
			j.state = cutWord
			return true
		}
	}
	return false
}

// meant tells whether the value that begins is to be replaced, and notes which
// paths lead on into it.
func (j *jsonText) meant(top *container) bool {
	if top == nil {
		j.n.root()
		return false
	}
	if top.list {
		return j.n.down("", top.index)
	}
	if j.over {
		return j.n.down("\x00", -1)
	}
	name := strings.ToLower(string(j.name))
	return j.n.down(name, -1) || j.h.r.rules.members[name]
}

// nameOctet takes an octet of a name, and tells whether it ends it.
func (j *jsonText) nameOctet(c byte) bool {
	var buf [8]byte
	out, end := j.esc.next(buf[:0], c)
	if !end {
		j.named(out)
	}
	return end
}

func (j *jsonText) named(p []byte) {
	if len(j.name)+len(p) > 4*maxName {
		j.over = true
		return
	}
	j.name = append(j.name, p...)
}

// secret takes an octet of a string that is replaced, and tells whether it ends
// it.
func (j *jsonText) secret(c byte) bool {
	var buf [8]byte
	out, end := j.esc.next(buf[:0], c)
	if !end {
		j.raw++
		j.h.one.write(out)
	}
	return end
}

// inside takes an octet of a container that is replaced, and tells whether it ends
// it.
func (j *jsonText) inside(c byte) bool {
	if j.lit {
		j.lit = !j.esc.ends(c)
		return false
	}
	switch c {
	case '"':
		j.lit, j.esc = true, unescaper{}
	case '{', '[':
		j.depth++
	case '}', ']':
		j.depth--
	}
	return j.depth == 0
}

// endWord gives out what stands for a number or word; null says that there is
// nothing.
func (j *jsonText) endWord() {
	if string(j.word) == "null" {
		j.give(j.word)
		return
	}
	j.give([]byte{'"'})
	j.give(j.h.replace(j.word))
	j.give([]byte{'"'})
}

// ends tells whether c ends a number or word.
func ends(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ':', '"', '{', '}', '[', ']':
		return true
	}
	return false
}

// plainRun is how many octets of a string stand for themselves at the start of p.
func plainRun(p []byte) int {
	for i, c := range p {
		if c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return len(p)
}
