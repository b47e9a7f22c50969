package llm

import "midstream/internal/message"

// messages finds those of package message. Large ones are left out.
type messages struct {
	s *message.Splitter
}

func (m *messages) write(p []byte) { m.s.Write(p) }
func (m *messages) end()           { m.s.End() }

func (m *messages) next() ([]byte, bool, bool) {
	for {
		p, ok := m.s.Next()
		switch {
		case !ok:
			return nil, false, false
		case p.What != message.Message || p.Unfinished && p.Part == message.Whole:
			continue
		case p.Part == message.Whole:
			return p.Raw, false, true
		case p.Part == message.Last:
			return nil, true, true
		}
	}
}

// texts finds JSON objects, one after the other or in one array, without reading
// what is in them.
type texts struct {
	buf    []byte
	at     int // what was looked at
	start  int // of the object, while depth > 0
	depth  int
	quoted bool
	escape bool
	skip   bool // the object is too large
}

func (t *texts) write(p []byte) {
	drop := t.at
	if t.depth > 0 && !t.skip {
		drop = t.start
	}
	n := copy(t.buf, t.buf[drop:])
	t.buf = append(t.buf[:n], p...)
	t.at -= drop
	t.start -= drop
}

func (t *texts) end() {}

func (t *texts) next() ([]byte, bool, bool) {
	for ; t.at < len(t.buf); t.at++ {
		c := t.buf[t.at]
		switch {
		case t.escape:
			t.escape = false
		case t.quoted:
			t.escape, t.quoted = c == '\\', c != '"'
		case c == '"':
			t.quoted = t.depth > 0
		case c == '{':
			if t.depth == 0 {
				t.start, t.skip = t.at, false
			}
			t.depth++
		case c == '}' && t.depth > 0:
			if t.depth--; t.depth == 0 {
				t.at++
				if t.skip {
					return nil, true, true
				}
				return t.buf[t.start:t.at], false, true
			}
		}
	}
	if t.depth > 0 && len(t.buf)-t.start > message.DefaultLimit {
		t.skip = true
	}
	return nil, false, false
}
