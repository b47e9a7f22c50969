package view

import (
	"errors"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxNested is how many messages inside each other are read.
const maxNested = 32

// showProtobuf prints a message: by the definitions where they name its type,
// else the numbers of its fields and what their values look like.
func showProtobuf(s *source, p *page) error {
	body := s.all()
	if d := s.in.Schema.message(s.in); d != nil {
		if err := typed(p, 0, d, body); err == nil || !p.empty() {
			return err
		}
		s.note("it is no %s; fields are guessed", d.FullName())
	}
	if !wellFormed(body, 0) {
		if len(body) == 0 {
			return nil
		}
		if s.trunc {
			guess(p, 0, body)
			return nil
		}
		if validFields(body) == 0 {
			return errors.New("it is no protobuf message")
		}
		guess(p, 0, body)
		return errors.New("it stops being a protobuf message here")
	}
	guess(p, 0, body)
	return nil
}

// validFields counts the fields at the start that can be read.
func validFields(p []byte) int {
	n := 0
	for len(p) > 0 {
		size := fieldSize(p)
		if size < 0 {
			break
		}
		p = p[size:]
		n++
	}
	return n
}

// fieldSize is how long the field at the start of p is, negative when it is none.
func fieldSize(p []byte) int {
	number, kind, tag := protowire.ConsumeTag(p)
	if tag < 0 {
		return -1
	}
	n := protowire.ConsumeFieldValue(number, kind, p[tag:])
	if n < 0 {
		return -1
	}
	return tag + n
}

// wellFormed tells that p is nothing but fields.
func wellFormed(p []byte, depth int) bool {
	if depth > maxNested {
		return false
	}
	for len(p) > 0 {
		n := fieldSize(p)
		if n < 0 {
			return false
		}
		p = p[n:]
	}
	return true
}

// guess prints fields without knowing what they are.
func guess(p *page, depth int, body []byte) {
	for len(body) > 0 && !p.full {
		number, kind, tag := protowire.ConsumeTag(body)
		if tag < 0 {
			return
		}
		rest := body[tag:]
		n := protowire.ConsumeFieldValue(number, kind, rest)
		if n < 0 {
			return
		}
		p.indent(depth)
		p.text(strconv.FormatInt(int64(number), 10))
		switch kind {
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(rest)
			if p.text(": " + strconv.FormatUint(v, 10)); v > math.MaxInt64 {
				p.printf("  # or %d", int64(v))
			}
		case protowire.Fixed32Type:
			v, _ := protowire.ConsumeFixed32(rest)
			p.printf(": %d  # float %v", v, math.Float32frombits(v))
		case protowire.Fixed64Type:
			v, _ := protowire.ConsumeFixed64(rest)
			p.printf(": %d  # double %v", v, math.Float64frombits(v))
		case protowire.BytesType:
			v, _ := protowire.ConsumeBytes(rest)
			delimited(p, depth, v)
			body = rest[n:]
			continue
		case protowire.StartGroupType:
			p.text(" group {")
			p.end()
			v, _ := protowire.ConsumeGroup(number, rest)
			if depth < maxNested {
				guess(p, depth+1, v)
			}
			p.indent(depth)
			p.text("}")
		}
		p.end()
		body = rest[n:]
	}
}

// delimited prints a value with a length: text, a message, or octets.
func delimited(p *page, depth int, v []byte) {
	switch {
	case len(v) > 0 && depth < maxNested && (!printable(v) || v[0] < ' ') && wellFormed(v, depth) && sensible(v):
		p.text(" {")
		p.end()
		guess(p, depth+1, v)
		p.indent(depth)
		p.text("}")
	case printable(v):
		p.text(": " + strconv.Quote(string(v)))
	default:
		p.printf(": %d bytes %x", len(v), v[:min(len(v), 64)])
		if len(v) > 64 {
			p.text(" ...")
		}
	}
	p.end()
}

// sensible tells that fields have numbers that people give.
func sensible(v []byte) bool {
	for len(v) > 0 {
		number, _, _ := protowire.ConsumeTag(v)
		if number > 1<<20 {
			return false
		}
		n := fieldSize(v)
		if n <= 0 {
			return false
		}
		v = v[n:]
	}
	return true
}

func printable(v []byte) bool {
	if !utf8.Valid(v) {
		return false
	}
	for _, r := range string(v) {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return false
		}
	}
	return true
}
