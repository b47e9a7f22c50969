package message

import "bytes"

// events finds blocks of lines up to their empty line. A line ends in CRLF, LF
// or CR. An empty line that ends in CR ends its block at once, since nothing may
// follow; an LF that does follow is a gap.
type events struct {
	first bool // nothing was looked at: a byte order mark may come
	empty bool // nothing of the present line was looked at
	block bool // there was a line that is not empty
	cr    bool // what was looked at last is a CR that ended a line
}

const bom = "\xef\xbb\xbf"

// stretch is how far is looked for LF before CR is looked for: in a body without
// LF the whole of it would be read for each line.
const stretch = 512

// lineEnd returns where the first CR or LF of p is, len(p) without one.
func lineEnd(p []byte) int {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		p = p[:i]
	}
	if i := bytes.IndexByte(p, '\r'); i >= 0 {
		return i
	}
	return len(p)
}

func (e *events) next(p []byte, i int, end bool) (int, What, bool) {
	if e.first {
		if n := min(len(p), len(bom)); string(p[:n]) == bom[:n] {
			if n == len(bom) {
				e.first = false
				return n, Gap, true
			}
			if !end {
				return 0, Message, false
			}
		}
		e.first = false
	}
	for i < len(p) {
		if e.cr {
			e.cr = false
			if p[i] == '\n' {
				i++
				if !e.block {
					return i, Gap, true
				}
				continue
			}
		}
		j := i + lineEnd(p[i:min(len(p), i+stretch)])
		blank := e.empty && j == i
		if j == len(p) || j == i+stretch {
			e.empty, e.block, i = false, true, j
			continue
		}
		e.empty, e.cr = true, p[j] == '\r'
		i = j + 1
		if !blank {
			e.block = true
			continue
		}
		if !e.block {
			return i, Gap, true
		}
		e.block = false
		return i, Message, true
	}
	return i, Message, false
}

func (*events) gone(int) {}
