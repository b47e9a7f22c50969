package tnet

import (
	"errors"
	"fmt"
	"io"
)

// The bounds of what is read.
const (
	maxDigits  = 12       // of a length, as mitmproxy has it
	maxInline  = 1 << 10  // octets of a string that a Value holds itself
	maxEager   = 64 << 10 // octets of a list that is read at once
	maxDepth   = 64
	maxEntries = 1 << 16 // of one dictionary, or of one list read at once
	maxNumber  = 64      // octets of an integer or a number
	window     = 4 << 10 // what is read ahead of an element
)

// ErrCut says that the source ends inside an element.
var ErrCut = errors.New("the file ends inside an element")

// SyntaxError says where the octets are no element.
type SyntaxError struct {
	Offset int64 // in the source
	Text   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text) }

// Prefix reads the length and the colon at the start of p. n is the length of
// the prefix itself, 0 where p ends before the colon.
func Prefix(p []byte) (length int64, n int, err error) {
	for i, b := range p {
		switch {
		case b == ':' && i > 0:
			return length, i + 1, nil
		case b < '0' || b > '9':
			return 0, 0, fmt.Errorf("%q where the length of an element was expected", string(p[:min(len(p), 16)]))
		case i == maxDigits:
			return 0, 0, fmt.Errorf("the length of an element has more than %d digits", maxDigits)
		}
		length = length*10 + int64(b-'0')
	}
	return 0, 0, nil
}

// Parse reads the element at off of src, which is size octets long, and returns
// where the next one begins. Where the source ends inside it, v has the entries
// of the outermost dictionary that are whole, and err is ErrCut.
func Parse(src io.ReaderAt, off, size int64) (v Value, next int64, err error) {
	c := cursor{src: src, at: off, end: size}
	v, err = c.element(0)
	return v, c.at, err
}

// cursor reads elements one behind the other.
type cursor struct {
	src     io.ReaderAt
	at, end int64
	buf     []byte // what stands at bufAt
	bufAt   int64
}

// peek returns at most n octets from c.at on; fewer at the end.
func (c *cursor) peek(n int) ([]byte, error) {
	n = int(min(int64(n), c.end-c.at))
	if c.at < c.bufAt || c.at+int64(n) > c.bufAt+int64(len(c.buf)) {
		want := int(min(int64(max(n, window)), c.end-c.at))
		if cap(c.buf) < want {
			c.buf = make([]byte, want)
		}
		c.buf, c.bufAt = c.buf[:want], c.at
		got, err := c.src.ReadAt(c.buf, c.at)
		if got < want && err != nil {
			c.buf = c.buf[:0]
			if errors.Is(err, io.EOF) {
				err = ErrCut
			}
			return nil, err
		}
	}
	from := c.at - c.bufAt
	return c.buf[from : from+int64(n)], nil
}

func (c *cursor) wrong(format string, args ...any) error {
	return &SyntaxError{Offset: c.at, Text: fmt.Sprintf(format, args...)}
}

// element reads the element at c.at and leaves c.at behind it.
func (c *cursor) element(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, c.wrong("elements are nested deeper than %d", maxDepth)
	}
	p, err := c.peek(maxDigits + 2)
	if err != nil {
		return Value{}, err
	}
	length, n, err := Prefix(p)
	if err != nil {
		return Value{}, c.wrong("%v", err)
	}
	if n == 0 {
		return Value{}, ErrCut
	}
	start := c.at + int64(n)
	stop := start + length
	cut := stop >= c.end
	if cut {
		if depth > 0 {
			return Value{}, ErrCut
		}
		// Only a dictionary can be half there and of use.
		c.at = start
		v := Value{tag: Dict}
		c.end++ // no tag stands behind what is there
		_ = c.entries(&v, c.end-1, depth)
		c.at = c.end - 1
		return v, ErrCut
	}
	c.at = stop
	p, err = c.peek(1)
	if err != nil {
		return Value{}, err
	}
	v := Value{tag: Tag(p[0])}
	switch v.tag {
	case Octets, Text, Int, Float, Bool, Null:
		c.at = start
		err = c.scalar(&v, length)
	case List:
		if length > maxEager {
			v.ref = io.NewSectionReader(c.src, start, length)
			break
		}
		c.at = start
		err = c.items(&v, stop, depth)
	case Dict:
		c.at = start
		err = c.entries(&v, stop, depth)
	default:
		return Value{}, c.wrong("%q where the tag of an element was expected", p[0])
	}
	if err != nil {
		return v, err
	}
	c.at = stop + 1
	return v, nil
}

func (c *cursor) scalar(v *Value, length int64) error {
	switch v.tag {
	case Null:
		if length != 0 {
			return c.wrong("null has a payload")
		}
		return nil
	case Int, Float, Bool:
		if length > maxNumber {
			return c.wrong("%s of %d octets", v.tag, length)
		}
	default:
		if length > maxInline {
			v.ref = io.NewSectionReader(c.src, c.at, length)
			return nil
		}
	}
	p, err := c.peek(int(length))
	if err != nil {
		return err
	}
	if s := string(p); v.tag == Bool && s != "true" && s != "false" {
		return c.wrong("%q where true or false was expected", s)
	}
	v.inline = append([]byte(nil), p...)
	return nil
}

func (c *cursor) items(v *Value, stop int64, depth int) error {
	for c.at < stop {
		if len(v.list) == maxEntries {
			return c.wrong("a list of more than %d elements", maxEntries)
		}
		e, err := c.inside(stop, depth)
		if err != nil {
			return err
		}
		v.list = append(v.list, e)
	}
	return nil
}

func (c *cursor) entries(v *Value, stop int64, depth int) error {
	for c.at < stop {
		if len(v.dict) == maxEntries {
			return c.wrong("a dictionary of more than %d entries", maxEntries)
		}
		at := c.at
		k, err := c.inside(stop, depth)
		if err != nil {
			return err
		}
		if k.tag != Text && k.tag != Octets || k.ref != nil {
			return &SyntaxError{Offset: at, Text: "a key is no short text"}
		}
		e, err := c.inside(stop, depth)
		if err != nil {
			return err
		}
		v.dict = append(v.dict, Entry{Key: string(k.inline), Value: e})
	}
	return nil
}

// inside reads an element of a container that ends at stop.
func (c *cursor) inside(stop int64, depth int) (Value, error) {
	end := c.end
	c.end = stop
	e, err := c.element(depth + 1)
	c.end = end
	if errors.Is(err, ErrCut) {
		err = c.wrong("an element goes on behind the end of what holds it")
	}
	return e, err
}
