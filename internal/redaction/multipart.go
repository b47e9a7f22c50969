package redaction

import (
	"bytes"
	"mime"
	"strings"
)

// maxPartHead is how long the fields of a part may be, in octets; a part with more
// is replaced.
const maxPartHead = 16 << 10

// parts goes through a multipart body (RFC 2046 section 5.1): the parts of a form
// whose name the rules mean are replaced (RFC 7578), JSON in parts is read.
type parts struct {
	h         *hand
	out       sink
	delimiter string // with its dashes

	state partState
	line  []byte // what has come of a line that may be a delimiter
	text  bool   // the line is none: it goes on
	gap   []byte // the line break before the line, which may belong to a delimiter
	head  []byte // of a part
	part  stage  // what goes through its content; nil where it is replaced
}

type partState uint8

const (
	outside partState = iota // before the first part, behind the last
	onDelimiter
	partHead
	partBody
)

func newParts(h *hand, out sink, boundary string) *parts {
	return &parts{h: h, out: out, delimiter: "--" + boundary}
}

func (m *parts) write(p []byte) {
	for len(p) > 0 && m.h.err == nil {
		n := bytes.IndexByte(p, '\n') + 1
		last := n == 0 // the line goes on
		if last {
			n = len(p)
		}
		m.take(p[:n], !last)
		p = p[n:]
	}
}

// take takes octets of a line, and its end where ends is set.
func (m *parts) take(p []byte, ends bool) {
	if m.state == partHead {
		m.heads(p, ends)
		return
	}
	if m.state == onDelimiter {
		m.out(p)
		if ends {
			m.state = partHead
		}
		return
	}
	if !m.text {
		m.line = append(m.line, p...)
		if n := min(len(m.line), len(m.delimiter)); len(m.line) < len(m.delimiter)+2 && !ends && string(m.line[:n]) == m.delimiter[:n] {
			return // it is known behind its dashes only
		}
		if strings.HasPrefix(string(m.line), m.delimiter) {
			m.found(ends)
			return
		}
		p = m.line
	}
	m.content(p, ends)
	m.line, m.text = m.line[:0], !ends
}

// found ends what was there: a delimiter begins.
func (m *parts) found(ends bool) {
	if m.state == partBody {
		m.finish(true)
	}
	m.out(m.gap)
	m.gap = m.gap[:0]
	m.out(m.line)
	last := strings.HasPrefix(string(m.line[len(m.delimiter):]), "--")
	m.line, m.text = m.line[:0], false
	switch m.state, m.head = onDelimiter, m.head[:0]; {
	case last:
		m.state, m.text = outside, !ends
	case ends:
		m.state = partHead
	}
}

// content takes octets that belong to no delimiter. Their line break may.
func (m *parts) content(p []byte, ends bool) {
	if ends && len(p) == 1 && string(m.gap) == "\r" {
		m.gap = append(m.gap, '\n')
		return
	}
	m.pass(m.gap)
	m.gap = m.gap[:0]
	if ends {
		n := len(p) - 1
		if n > 0 && p[n-1] == '\r' {
			n--
		}
		m.gap = append(m.gap, p[n:]...)
		p = p[:n]
	} else if n := len(p) - 1; n >= 0 && p[n] == '\r' {
		m.gap = append(m.gap, '\r')
		p = p[:n]
	}
	m.pass(p)
}

func (m *parts) pass(p []byte) {
	switch {
	case len(p) == 0:
	case m.state != partBody:
		m.out(p)
	case m.part != nil:
		m.part.write(p)
	default:
		m.h.one.write(p)
	}
}

// heads takes octets of the fields of a part.
func (m *parts) heads(p []byte, ends bool) {
	m.head = append(m.head, p...)
	line := m.head[bytes.LastIndexByte(m.head[:max(len(m.head)-1, 0)], '\n')+1:]
	blank := ends && len(bytes.TrimRight(line, "\r\n")) == 0
	switch {
	case blank:
		m.begin(m.head)
	case len(m.head) > maxPartHead:
		m.out(m.head)
		m.state, m.part, m.text = partBody, nil, !ends
		m.h.begin()
	}
}

// begin begins the content of a part. Its own length would not be right any more.
func (m *parts) begin(head []byte) {
	var name, media string
	given := make([]byte, 0, len(head))
	for line := range bytes.Lines(head) {
		field, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(field)) {
		case "content-disposition":
			name = partName(value)
		case "content-type":
			media = value
		case "content-length":
			continue
		}
		given = append(given, line...)
	}
	if opaque(media) && len(m.h.r.user) == 0 {
		given = head
	}
	m.out(given)
	m.state, m.head, m.text, m.line = partBody, m.head[:0], false, m.line[:0]
	switch {
	case name != "" && m.h.r.rules.param(name):
		m.part = nil
		m.h.begin()
	case opaque(media):
		m.part = plain{m.out}
	default:
		m.part = &sniff{h: m.h, out: m.out}
	}
}

// partName is the name of a part of a form.
func partName(disposition string) string {
	if _, params, err := mime.ParseMediaType(disposition); err == nil {
		return params["name"]
	}
	for param := range strings.SplitSeq(disposition, ";") {
		if n, v, ok := strings.Cut(param, "="); ok && strings.EqualFold(strings.TrimSpace(n), "name") {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// finish ends the content of a part.
func (m *parts) finish(whole bool) {
	if m.part != nil {
		m.part.end(whole)
		m.part = nil
		return
	}
	if m.h.one.n > 0 {
		m.out(m.h.put(-1))
	}
}

func (m *parts) end(whole bool) {
	if m.state == partHead {
		m.out(m.head)
		return
	}
	if m.state != onDelimiter {
		m.pass(m.gap)
		m.pass(m.line)
	}
	if m.state == partBody {
		m.finish(whole)
	}
}
