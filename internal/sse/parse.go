package sse

import (
	"bytes"
	"strings"

	"midstream/hook"
)

// line cuts the first line off p: its text, its ending (CRLF, LF, CR or nothing
// at the end of p), and what follows.
func line(p []byte) (text, ending, rest []byte) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		i = len(p)
	}
	n := i
	if j := bytes.IndexByte(p[:i], '\r'); j >= 0 {
		n = j
	}
	end := n
	if end < len(p) {
		end++
		if p[n] == '\r' && end < len(p) && p[end] == '\n' {
			end++
		}
	}
	return p[:n], p[n:end], p[end:]
}

// field cuts a line into name and value; the name of a comment is empty.
func field(text []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(text, []byte(":"))
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value
}

// Parse reads a block: lines, with or without the empty one that ends them.
// Fields that the standard does not know are left out. An id with a NUL does not
// count (section 9.2.6); of several event, id or retry fields the last does.
func Parse(block []byte) hook.SSE {
	var e hook.SSE
	data, comment := joiner{}, joiner{}
	for len(block) > 0 {
		var text []byte
		if text, _, block = line(block); len(text) == 0 {
			continue
		}
		name, value := field(text)
		switch string(name) {
		case "":
			comment.add(value)
		case "data":
			data.add(value)
		case "event":
			e.Event = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				e.ID, e.HasID = string(value), true
			}
		case "retry":
			e.Retry = string(value)
		}
	}
	e.Data, e.HasData = data.text(), data.n > 0
	e.Comment, e.HasComment = comment.text(), comment.n > 0
	return e
}

// joiner joins lines with LF; one line costs one copy.
type joiner struct {
	one  []byte
	many []byte
	n    int
}

func (j *joiner) add(value []byte) {
	if j.n++; j.n == 1 {
		j.one = value
		return
	}
	if j.n == 2 {
		j.many = append(j.many, j.one...)
	}
	j.many = append(append(j.many, '\n'), value...)
}

func (j *joiner) text() string {
	if j.n > 1 {
		return string(j.many)
	}
	return string(j.one)
}

// milliseconds returns the value of a retry field, and whether it counts: it
// must be ASCII digits only.
func milliseconds(retry string) (ms int64, ok bool) {
	if retry == "" || strings.Trim(retry, "0123456789") != "" {
		return 0, false
	}
	for _, c := range []byte(retry) {
		if ms > 1<<52 {
			return 1 << 52, true // nobody waits that long
		}
		ms = ms*10 + int64(c-'0')
	}
	return ms, true
}
