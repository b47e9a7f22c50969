package message

import (
	"bytes"
	"strconv"
	"strings"

	"midstream/flow"
)

// maxFields is how long the fields of a part may be to be looked at.
const maxFields = 16 << 10

// parts finds the parts of a multipart body (RFC 2046 section 5.1). A part
// begins with its delimiter line. It ends with the octets that its own
// Content-Length counts, so that a picture goes on before the next one begins;
// without one with the line break before the next delimiter.
type parts struct {
	delimiters []string // the one in use; before the first part those that may be
	state      partState
	midline    bool  // what comes is not at the start of a line
	left       int64 // inCounted: octets of the part from the start of p
	fields     int   // inScanned: where p is in the part's head, 0 behind it
}

type partState uint8

const (
	between   partState = iota // before, between and after parts
	inHead                     // from the delimiter line to the empty line
	inCounted                  // a part of known length
	inScanned                  // a part up to the next delimiter
	closed                     // after the close-delimiter
)

func newParts(boundary string) *parts {
	f := &parts{delimiters: []string{"--" + boundary}}
	if strings.HasPrefix(boundary, "--") {
		// Some senders count the dashes to the boundary.
		f.delimiters = append(f.delimiters, boundary)
	}
	return f
}

func (f *parts) next(p []byte, from int, end bool) (int, What, bool) {
	if f.state == between {
		if n, is := f.gap(p, end); !is {
			return n, Gap, n > 0
		}
	}
	if f.state == inHead {
		if n, what, found := f.head(p, end); f.state == inHead || found {
			return n, what, found
		}
		from = 0
	}
	switch f.state {
	case closed:
		return len(p), Gap, true
	case inCounted:
		n, what, found := counted(p, &f.left)
		if found {
			f.state, f.midline = between, true
		}
		return n, what, found
	}
	return f.scan(p, from)
}

func (f *parts) gone(n int) {
	if f.state == inCounted {
		f.left -= int64(n)
	}
	f.fields = max(0, f.fields-n)
}

// gap looks for the delimiter line that begins a part. It returns true when p
// begins with one, else how many octets are certainly before it.
func (f *parts) gap(p []byte, end bool) (n int, begins bool) {
	if !f.midline {
		d, maybe := f.delimiter(p, end)
		if d != "" {
			f.delimiters, f.state = []string{d}, inHead
			return 0, true
		}
		if maybe {
			return 0, false
		}
	}
	if n = bytes.IndexByte(p, '\n') + 1; n == 0 {
		n = len(p)
	}
	f.midline = p[n-1] != '\n'
	return n, false
}

// delimiter tells with which delimiter p begins, and whether it may once more
// has come.
func (f *parts) delimiter(p []byte, end bool) (d string, maybe bool) {
	for _, d := range f.delimiters {
		n := min(len(p), len(d))
		if string(p[:n]) != d[:n] {
			continue
		}
		if len(p) == len(d) && end || len(p) > len(d) && strings.IndexByte("\r\n \t-", p[len(d)]) >= 0 {
			return d, false
		}
		maybe = maybe || len(p) <= len(d) && !end
	}
	return "", maybe
}

// head looks for the end of the fields of a part. found is for a close-delimiter.
func (f *parts) head(p []byte, end bool) (int, What, bool) {
	d := len(f.delimiters[0])
	if len(p) < d+2 && !end {
		return 0, Message, false
	}
	if len(p) >= d+2 && p[d] == '-' && p[d+1] == '-' {
		f.state = closed
		return len(p), Gap, true
	}
	n := endOfFields(p, d)
	if n == 0 && len(p) < maxFields {
		return 0, Message, false // p must begin with the delimiter until then
	}
	f.state, f.fields = inScanned, n
	if n > 0 {
		if size := contentLength(p[:n]); size >= 0 {
			f.state, f.left = inCounted, int64(n)+size
		}
	}
	return 0, Message, false
}

// endOfFields returns where the empty line that ends the fields ends, looking
// from i on, 0 without one.
func endOfFields(p []byte, i int) int {
	for {
		j := bytes.IndexByte(p[i:], '\n')
		if j < 0 {
			return 0
		}
		i += j + 1
		switch {
		case i < len(p) && p[i] == '\n':
			return i + 1
		case i+1 < len(p) && p[i] == '\r' && p[i+1] == '\n':
			return i + 2
		}
	}
}

// scan looks for the delimiter that ends a part: at the start of a line behind
// its fields.
func (f *parts) scan(p []byte, from int) (int, What, bool) {
	d := f.delimiters[0]
	i := max(from, f.fields-1, 0)
	for i < len(p) {
		j := bytes.IndexByte(p[i:], '\n')
		if j < 0 {
			break
		}
		i += j + 1
		rest := p[i:]
		if len(rest) <= len(d) {
			if strings.HasPrefix(d, string(rest)) {
				return i - 1, Message, false // the line break is looked at again
			}
		} else if string(rest[:len(d)]) == d && strings.IndexByte("\r\n \t-", rest[len(d)]) >= 0 {
			f.state, f.midline = between, false
			return i, Message, true
		}
	}
	return len(p), Message, false
}

// contentLength reads the Content-Length of the fields of a part, -1 without a
// proper one.
func contentLength(fields []byte) int64 {
	for line := range bytes.Lines(fields) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !strings.EqualFold(string(bytes.TrimSpace(name)), "Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 62)
		if err != nil {
			return -1
		}
		return int64(n)
	}
	return -1
}

// BodyPart is one part of a multipart body.
type BodyPart struct {
	Fields flow.Fields
	Body   []byte // of Raw
}

// ParsePart reads a whole part. The line break before the next delimiter does
// not belong to its body.
func ParsePart(raw []byte) (BodyPart, error) {
	var m BodyPart
	start := bytes.IndexByte(raw, '\n') + 1
	n := endOfFields(raw, 0)
	if start == 0 || n == 0 {
		return m, errShort
	}
	for line := range bytes.Lines(raw[start:n]) {
		name, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		if ok {
			m.Fields.Add(name, flow.TrimSpace(value))
		}
	}
	m.Body = raw[n:]
	if contentLength(raw[start:n]) < 0 {
		m.Body = bytes.TrimSuffix(bytes.TrimSuffix(m.Body, []byte("\n")), []byte("\r"))
	}
	return m, nil
}
