package tnet

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Encoder builds one element in memory and writes it; long octets stay where
// they are until then. The zero value is ready.
//
// A container is opened, filled and closed. Lengths stand in front of payloads,
// so nothing is written before WriteTo.
type Encoder struct {
	root node
	open []*node
}

type node struct {
	tag   Tag
	text  string
	body  io.ReaderAt // the payload, size octets of it
	size  int64       // of the payload; of a container once it is closed
	inner []node
	each  Elements // the elements of a list that is not held
}

// Elements calls add for each element of a list, which fill makes.
type Elements func(add func(fill func(*Encoder)) error) error

// add puts n into what is open. The caller may keep the pointer until the next
// element is added beside it.
func (e *Encoder) add(n node) *node {
	if len(e.open) == 0 {
		e.root = n
		return &e.root
	}
	in := e.open[len(e.open)-1]
	in.inner = append(in.inner, n)
	return &in.inner[len(in.inner)-1]
}

// OpenDict begins a dictionary: keys (with Key) and values in turn.
func (e *Encoder) OpenDict() { e.open = append(e.open, e.add(node{tag: Dict})) }

// OpenList begins a list.
func (e *Encoder) OpenList() { e.open = append(e.open, e.add(node{tag: List})) }

// Close ends what was opened last.
func (e *Encoder) Close() {
	n := e.open[len(e.open)-1]
	e.open = e.open[:len(e.open)-1]
	for i := range n.inner {
		n.size += n.inner[i].total()
	}
}

// List adds a list whose elements are not held: they are made now, to measure
// them, and once more when the element is written, and must be the same then.
func (e *Encoder) List(elements Elements) error {
	n := node{tag: List, each: elements}
	err := elements(func(fill func(*Encoder)) error {
		var one Encoder
		fill(&one)
		n.size += one.root.total()
		return nil
	})
	if err != nil {
		return err
	}
	e.add(n)
	return nil
}

// Key adds the key of the value that is added next.
func (e *Encoder) Key(name string) { e.Text(name) }

// Text adds text; what is not UTF-8 in it is replaced, as readers insist on it.
func (e *Encoder) Text(s string) { e.scalar(Text, strings.ToValidUTF8(s, "\uFFFD")) }

// Octets adds octets.
func (e *Encoder) Octets(s string) { e.scalar(Octets, s) }

// Body adds size octets that are read from r when the element is written.
func (e *Encoder) Body(r io.ReaderAt, size int64) { e.add(node{tag: Octets, body: r, size: size}) }

// Int adds an integer.
func (e *Encoder) Int(n int64) { e.scalar(Int, strconv.FormatInt(n, 10)) }

// Float adds a number; what is none is added as 0.
func (e *Encoder) Float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	e.scalar(Float, s)
}

// Bool adds a truth value.
func (e *Encoder) Bool(b bool) { e.scalar(Bool, strconv.FormatBool(b)) }

// Null adds null.
func (e *Encoder) Null() { e.scalar(Null, "") }

// Value adds v as it is.
func (e *Encoder) Value(v *Value) error {
	switch t := v.Tag(); t {
	case Dict:
		e.OpenDict()
		for i := range v.dict {
			e.Key(v.dict[i].Key)
			if err := e.Value(&v.dict[i].Value); err != nil {
				return err
			}
		}
		e.Close()
	case List:
		e.OpenList()
		for x, err := range v.Each() {
			if err != nil {
				return err
			}
			if err := e.Value(x); err != nil {
				return err
			}
		}
		e.Close()
	case Null:
		e.Null()
	default:
		if v.ref != nil {
			e.add(node{tag: t, body: v.ref, size: v.ref.Size()})
		} else {
			e.scalar(t, string(v.inline))
		}
	}
	return nil
}

func (e *Encoder) scalar(t Tag, s string) { e.add(node{tag: t, text: s, size: int64(len(s))}) }

// total is the length of the whole element.
func (n *node) total() int64 {
	digits := int64(1)
	for x := n.size; x >= 10; x /= 10 {
		digits++
	}
	return digits + 1 + n.size + 1
}

// WriteTo writes the element. All that was opened must have been closed.
func (e *Encoder) WriteTo(w io.Writer) (int64, error) {
	if len(e.open) > 0 {
		return 0, fmt.Errorf("write element: %d containers are open", len(e.open))
	}
	if e.root.size >= 1e12 {
		return 0, fmt.Errorf("write element: %d octets are more than a length of %d digits can say", e.root.size, maxDigits)
	}
	c := counter{w: w}
	err := e.root.write(&c)
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

func (n *node) write(w *counter) error {
	if _, err := fmt.Fprintf(w, "%d:", n.size); err != nil {
		return err
	}
	switch {
	case n.each != nil:
		from := w.n
		err := n.each(func(fill func(*Encoder)) error {
			var one Encoder
			fill(&one)
			return one.root.write(w)
		})
		if err == nil && w.n-from != n.size {
			err = fmt.Errorf("a list of %d octets was measured as %d", w.n-from, n.size)
		}
		if err != nil {
			return err
		}
	case n.tag == List || n.tag == Dict:
		for i := range n.inner {
			if err := n.inner[i].write(w); err != nil {
				return err
			}
		}
	case n.body != nil:
		got, err := io.Copy(w, io.NewSectionReader(n.body, 0, n.size))
		if err == nil && got < n.size {
			err = fmt.Errorf("octets end after %d of %d", got, n.size)
		}
		if err != nil {
			return fmt.Errorf("write octets: %w", err)
		}
	default:
		if _, err := io.WriteString(w, n.text); err != nil {
			return err
		}
	}
	_, err := w.Write([]byte{byte(n.tag)})
	return err
}
