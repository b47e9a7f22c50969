package tnet

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
)

// Tag is the last octet of an element and says what its payload is.
type Tag byte

// The tags.
const (
	Octets Tag = ','
	Text   Tag = ';' // UTF-8
	Int    Tag = '#'
	Float  Tag = '^'
	Bool   Tag = '!'
	Null   Tag = '~'
	List   Tag = ']'
	Dict   Tag = '}'
)

func (t Tag) String() string {
	switch t {
	case Octets:
		return "bytes"
	case Text:
		return "text"
	case Int:
		return "an integer"
	case Float:
		return "a number"
	case Bool:
		return "a truth value"
	case Null:
		return "null"
	case List:
		return "a list"
	case Dict:
		return "a dictionary"
	}
	return fmt.Sprintf("tag %q", byte(t))
}

// Value is one element. The zero value is null.
type Value struct {
	tag    Tag
	inline []byte // the payload of a scalar that is small
	ref    *io.SectionReader
	list   []Value
	each   Elements // of a list that is made while it is written
	dict   []Entry
}

// Entry is one key of a dictionary with its value.
type Entry struct {
	Key   string
	Value Value
}

// Tag says what v is.
func (v *Value) Tag() Tag {
	if v == nil || v.tag == 0 {
		return Null
	}
	return v.tag
}

// IsNull tells whether v is null or absent.
func (v *Value) IsNull() bool { return v.Tag() == Null }

// Key returns the value of a key of a dictionary, nil where there is none or v
// is something else. Of several equal keys the last counts.
func (v *Value) Key(name string) *Value {
	if v == nil {
		return nil
	}
	for i := len(v.dict) - 1; i >= 0; i-- {
		if v.dict[i].Key == name {
			return &v.dict[i].Value
		}
	}
	return nil
}

// Entries are the entries of a dictionary in their order.
func (v *Value) Entries() []Entry {
	if v == nil {
		return nil
	}
	return v.dict
}

// errWrong says that a value is not what was asked for.
func (v *Value) errWrong(want string) error {
	return fmt.Errorf("%s where %s was expected", v.Tag(), want)
}

// Bytes returns the payload of octets, text or a number. It fails above limit
// octets, and for other values.
func (v *Value) Bytes(limit int64) ([]byte, error) {
	switch v.Tag() {
	case Octets, Text, Int, Float, Bool:
	default:
		return nil, v.errWrong("bytes")
	}
	if v.ref == nil {
		return v.inline, nil
	}
	if v.ref.Size() > limit {
		return nil, fmt.Errorf("%d bytes where at most %d are accepted", v.ref.Size(), limit)
	}
	p := make([]byte, v.ref.Size())
	if _, err := io.ReadFull(io.NewSectionReader(v.ref, 0, v.ref.Size()), p); err != nil {
		return nil, fmt.Errorf("read bytes: %w", err)
	}
	return p, nil
}

// Hold takes into memory what v still has in its source, values of up to limit
// octets each, so that they outlive it.
func (v *Value) Hold(limit int64) error {
	if v.ref != nil && v.ref.Size() <= limit {
		p := make([]byte, v.ref.Size())
		if _, err := io.ReadFull(io.NewSectionReader(v.ref, 0, v.ref.Size()), p); err != nil {
			return fmt.Errorf("read %s: %w", v.Tag(), err)
		}
		v.inline, v.ref = p, nil
	}
	for i := range v.list {
		if err := v.list[i].Hold(limit); err != nil {
			return err
		}
	}
	for i := range v.dict {
		if err := v.dict[i].Value.Hold(limit); err != nil {
			return err
		}
	}
	return nil
}

// Section returns octets or text for reading in place, however long they are.
func (v *Value) Section() (*io.SectionReader, error) {
	if t := v.Tag(); t != Octets && t != Text {
		return nil, v.errWrong("bytes")
	}
	if v.ref != nil {
		return io.NewSectionReader(v.ref, 0, v.ref.Size()), nil
	}
	return io.NewSectionReader(octets(v.inline), 0, int64(len(v.inline))), nil
}

// octets is a payload in memory as a source.
type octets []byte

func (o octets) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(o)) {
		return 0, io.EOF
	}
	n := copy(p, o[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Int returns an integer.
func (v *Value) Int() (int64, error) {
	if v.Tag() != Int {
		return 0, v.errWrong("an integer")
	}
	n, err := strconv.ParseInt(string(v.inline), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("integer %.20q: %w", v.inline, errors.Unwrap(err))
	}
	return n, nil
}

// Float returns a number; an integer is one.
func (v *Value) Float() (float64, error) {
	if t := v.Tag(); t != Float && t != Int {
		return 0, v.errWrong("a number")
	}
	f, err := strconv.ParseFloat(string(v.inline), 64)
	if err != nil {
		return 0, fmt.Errorf("number %.20q: %w", v.inline, errors.Unwrap(err))
	}
	return f, nil
}

// Bool returns a truth value.
func (v *Value) Bool() (bool, error) {
	if v.Tag() != Bool {
		return false, v.errWrong("a truth value")
	}
	return string(v.inline) == "true", nil
}

// Each yields the elements of a list in their order; a damaged one is an error
// and the last.
func (v *Value) Each() iter.Seq2[*Value, error] {
	return func(yield func(*Value, error) bool) {
		if v.Tag() != List {
			yield(nil, v.errWrong("a list"))
			return
		}
		if v.each != nil {
			_ = v.each(func(e Value) error {
				if !yield(&e, nil) {
					return io.EOF
				}
				return nil
			})
			return
		}
		if v.ref == nil {
			for i := range v.list {
				if !yield(&v.list[i], nil) {
					return
				}
			}
			return
		}
		c := cursor{src: v.ref, end: v.ref.Size()}
		for c.at < c.end {
			e, err := c.element(1)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// Items returns the elements of a list. It fails above limit of them.
func (v *Value) Items(limit int) ([]*Value, error) {
	var all []*Value
	for e, err := range v.Each() {
		if err != nil {
			return all, err
		}
		if len(all) == limit {
			return all, fmt.Errorf("a list of more than %d elements", limit)
		}
		all = append(all, e)
	}
	return all, nil
}
