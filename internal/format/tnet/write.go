package tnet

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// NewText is text; what is not UTF-8 in it is replaced, as readers insist on it.
func NewText(s string) Value {
	return Value{tag: Text, inline: []byte(strings.ToValidUTF8(s, "\uFFFD"))}
}

// NewOctets is octets.
func NewOctets(s string) Value { return Value{tag: Octets, inline: []byte(s)} }

// NewSection is octets that are read from r when they are written.
func NewSection(r *io.SectionReader) Value { return Value{tag: Octets, ref: r} }

// NewInt is an integer.
func NewInt(n int64) Value { return Value{tag: Int, inline: strconv.AppendInt(nil, n, 10)} }

// NewFloat is a number; what is none becomes 0.
func NewFloat(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	s := strconv.AppendFloat(nil, f, 'f', -1, 64)
	if !strings.Contains(string(s), ".") {
		s = append(s, ".0"...)
	}
	return Value{tag: Float, inline: s}
}

// NewBool is a truth value.
func NewBool(b bool) Value { return Value{tag: Bool, inline: strconv.AppendBool(nil, b)} }

// NewList is a list.
func NewList(items ...Value) Value { return Value{tag: List, list: items} }

// NewDict is a dictionary.
func NewDict(entries ...Entry) Value { return Value{tag: Dict, dict: entries} }

// Elements calls add for each element of a list.
type Elements func(add func(Value) error) error

// NewElements is a list whose elements are not held: they are made once to be
// measured and once to be written, and must be the same then.
func NewElements(e Elements) Value { return Value{tag: List, each: e} }

// Set gives a key of a dictionary a value, at its place or at the end.
func (v *Value) Set(name string, to Value) {
	if old := v.Key(name); old != nil {
		*old = to
		return
	}
	v.dict = append(v.dict, Entry{Key: name, Value: to})
}

// Remove takes a key out of a dictionary and returns what it had, nil where
// there was none.
func (v *Value) Remove(name string) *Value {
	for i := range v.dict {
		if v.dict[i].Key == name {
			had := v.dict[i].Value
			v.dict = append(v.dict[:i:i], v.dict[i+1:]...)
			return &had
		}
	}
	return nil
}

// measured is a value with the length of its payload.
type measured struct {
	v     *Value
	size  int64
	inner []measured
	keys  []measured
}

func measure(v *Value) (measured, error) {
	m := measured{v: v}
	switch {
	case v.each != nil:
		err := v.each(func(e Value) error {
			in, err := measure(&e)
			m.size += in.total()
			return err
		})
		return m, err
	case v.ref != nil:
		m.size = v.ref.Size()
	case v.tag == List:
		m.inner = make([]measured, len(v.list))
		for i := range v.list {
			var err error
			if m.inner[i], err = measure(&v.list[i]); err != nil {
				return m, err
			}
			m.size += m.inner[i].total()
		}
	case v.tag == Dict:
		m.keys, m.inner = make([]measured, len(v.dict)), make([]measured, len(v.dict))
		for i := range v.dict {
			key := NewText(v.dict[i].Key)
			m.keys[i] = measured{v: &key, size: int64(len(key.inline))}
			var err error
			if m.inner[i], err = measure(&v.dict[i].Value); err != nil {
				return m, err
			}
			m.size += m.keys[i].total() + m.inner[i].total()
		}
	default:
		m.size = int64(len(v.inline))
	}
	return m, nil
}

// total is the length of the whole element.
func (m *measured) total() int64 {
	digits := int64(1)
	for x := m.size; x >= 10; x /= 10 {
		digits++
	}
	return digits + 1 + m.size + 1
}

// WriteTo writes v as an element.
func (v *Value) WriteTo(w io.Writer) (int64, error) {
	m, err := measure(v)
	if err != nil {
		return 0, err
	}
	if m.size >= 1e12 {
		return 0, fmt.Errorf("write element: %d octets are more than a length of %d digits can say", m.size, maxDigits)
	}
	c := counter{w: w}
	err = m.write(&c)
	return c.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (m *measured) write(w *counter) error {
	if _, err := fmt.Fprintf(w, "%d:", m.size); err != nil {
		return err
	}
	from := w.n
	if err := m.payload(w); err != nil {
		return err
	}
	if got := w.n - from; got != m.size {
		return fmt.Errorf("write element: %d octets were measured and %d came", m.size, got)
	}
	_, err := w.Write([]byte{byte(m.v.Tag())})
	return err
}

func (m *measured) payload(w *counter) error {
	switch {
	case m.v.each != nil:
		return m.v.each(func(e Value) error {
			in, err := measure(&e)
			if err != nil {
				return err
			}
			return in.write(w)
		})
	case m.v.ref != nil:
		_, err := io.Copy(w, io.NewSectionReader(m.v.ref, 0, m.size))
		return err
	case m.v.tag == List || m.v.tag == Dict:
		for i := range m.inner {
			if m.keys != nil {
				if err := m.keys[i].write(w); err != nil {
					return err
				}
			}
			if err := m.inner[i].write(w); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := w.Write(m.v.inline)
	return err
}
