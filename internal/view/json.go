package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how many brackets of JSON are told apart.
const maxDepth = 10_000

// indenter puts each member of a JSON text on a line of its own, as it comes and
// without changing a letter of it. What is not JSON is passed on; the first such
// place is kept.
type indenter struct {
	p      *page
	base   int    // steps that everything is indented by
	stack  []byte // the brackets that close what is open
	open   bool   // the last token opened a bracket
	value  bool   // at the outermost level a value came
	quoted bool
	escape bool
	word   bool // inside a number or a literal
	lit    []byte
	at     int64
	wrong  error
}

func (j *indenter) fault(what string) {
	if j.wrong == nil {
		j.wrong = fmt.Errorf("not JSON at byte %d: %s", j.at, what)
	}
}

func (j *indenter) write(p []byte) {
	for i := 0; i < len(p) && !j.p.full; i++ {
		if j.quoted && !j.escape {
			// The usual case: a run inside a string.
			n := 0
			for n < len(p)-i && p[i+n] != '"' && p[i+n] != '\\' && p[i+n] >= ' ' {
				n++
			}
			j.p.bytes(p[i : i+n])
			j.at += int64(n)
			if i += n; i == len(p) {
				return
			}
		}
		j.octet(p[i])
		j.at++
	}
}

func (j *indenter) octet(c byte) {
	if j.quoted {
		j.inside(c)
		return
	}
	plain := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
	if j.word && !plain {
		j.endWord()
	}
	switch c {
	case ' ', '\t', '\r', '\n':
	case '"':
		j.begin()
		j.p.octet(c)
		j.quoted = true
	case '{', '[':
		j.begin()
		j.p.octet(c)
		if len(j.stack) == maxDepth {
			j.fault("too many brackets inside each other")
			return
		}
		j.stack = append(j.stack, c+2) // { and }, [ and ] are two apart
		j.open = true
	case '}', ']':
		j.close(c)
	case ',':
		j.settle()
		j.p.octet(c)
		if len(j.stack) == 0 {
			j.fault("a comma outside of brackets")
		}
		j.line()
	case ':':
		j.settle()
		j.p.text(": ")
	default:
		if !plain {
			j.fault(fmt.Sprintf("the byte %q", c))
		}
		if !j.word {
			j.begin()
			j.word, j.lit = plain, j.lit[:0]
		}
		j.p.octet(c)
		if len(j.lit) < 64 {
			j.lit = append(j.lit, c)
		}
	}
}

// inside takes an octet of a string.
func (j *indenter) inside(c byte) {
	switch {
	case c == '\n' || c == '\r':
		j.fault("a line end inside a string")
		if c == '\n' {
			j.p.end()
		}
	default:
		j.p.octet(c)
	}
	switch {
	case j.escape:
		j.escape = false
	case c == '\\':
		j.escape = true
	case c == '"':
		j.quoted = false
	}
}

func (j *indenter) endWord() {
	j.word = false
	if len(j.lit) < 64 && !json.Valid(j.lit) {
		j.fault("the word " + string(j.lit))
	}
}

// begin comes before a value or a name.
func (j *indenter) begin() {
	j.settle()
	if len(j.stack) > 0 {
		return
	}
	if j.value {
		j.p.end() // another text behind the first
	}
	j.value = true
	j.p.indent(j.base)
}

// settle puts what follows an opening bracket on a new line.
func (j *indenter) settle() {
	if j.open {
		j.open = false
		j.line()
	}
}

func (j *indenter) line() {
	j.p.end()
	j.p.indent(j.base + len(j.stack))
}

func (j *indenter) close(c byte) {
	if len(j.stack) == 0 || j.stack[len(j.stack)-1] != c {
		j.fault(fmt.Sprintf("a %q that nothing opened", c))
		j.p.octet(c)
		return
	}
	j.stack = j.stack[:len(j.stack)-1]
	if j.open {
		j.open = false
	} else {
		j.line()
	}
	j.p.octet(c)
}

// end tells what is wrong with the text.
func (j *indenter) end() error {
	if j.word {
		j.endWord()
	}
	switch {
	case j.wrong != nil:
		return j.wrong
	case j.quoted:
		return errors.New("the JSON ends inside a string")
	case len(j.stack) > 0:
		return fmt.Errorf("the JSON ends inside %d brackets", len(j.stack))
	}
	return nil
}

// indented prints a whole JSON text, and tells whether it is one.
func indented(p *page, base int, text []byte) error {
	j := &indenter{p: p, base: base}
	j.write(text)
	if p.full {
		return nil
	}
	err := j.end()
	p.finish()
	return err
}

func showJSON(s *source, p *page) error {
	plain := s.asUTF8()
	j := &indenter{p: p}
	at, marks := int64(0), s.in.Marks
	if !plain {
		marks = nil // places in it are not those of the content
	}
	if k := marks.before(p.from); k.at > 0 && s.skip(k.at) {
		k.resume(j)
		at = k.at
	} else if k.at > 0 {
		return errCut
	}
	buf := make([]byte, 32<<10)
	for !p.full {
		n, err := s.r.Read(buf)
		j.write(buf[:n])
		if at += int64(n); marks != nil && !p.full && marks.wants(at) {
			marks.note(at, j)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return errCut
		}
	}
	if p.full {
		return nil
	}
	return j.end()
}

// editJSON makes JSON as small as it can be, every number and string as it is
// written.
func editJSON(text string) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		var raw json.RawMessage
		err = json.Unmarshal([]byte(text), &raw) // it knows the place
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			before := text[:min(int(syntax.Offset), len(text))]
			return nil, fmt.Errorf("line %d: %w", bytes.Count([]byte(before), []byte("\n"))+1, err)
		}
		return nil, err
	}
	return b.Bytes(), nil
}
