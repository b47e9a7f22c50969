package compare

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"midstream/flow"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/store"
)

// Recording is one side.
type Recording struct {
	Reader *store.Reader
	// Number is the one flow that is compared, whatever its name; 0 compares all.
	Number uint64
}

// Options say what counts.
type Options struct {
	// Exact counts the order and the case of fields, and bodies octet for octet.
	Exact bool
	// Ignore are header fields that do not count.
	Ignore []string
}

// Kind is what is said of a pair.
type Kind uint8

// The kinds.
const (
	Same Kind = iota
	Different
	OnlyA
	OnlyB
)

// Pair is a flow of A and the one of B that has its name, or one without the other.
type Pair struct {
	Kind        Kind
	A, B        *flow.Flow // nil where there is none
	Differences []Difference
}

// Difference is one of them.
type Difference struct {
	// What is "status", "field", "body" and the like, with its message before it:
	// "response field". Name is that of a field, or the place in a JSON text.
	What, Name string
	// A and B are the values, "" for none.
	A, B string
	// Text is a text in the unified format where that says more, else "".
	Text string
}

// Run compares two recordings, and gives each pair to each: those of A in its order,
// then what only B has. It ends with the first error of each.
func Run(ctx context.Context, a, b Recording, o Options, each func(*Pair) error) error {
	if a.Number > 0 && b.Number > 0 {
		return both(ctx, a, b, a.Number, b.Number, o, each)
	}
	of, err := names(ctx, b)
	if err != nil {
		return err
	}
	for n, err := range numbers(ctx, a) {
		if err != nil {
			return err
		}
		f, err := a.Reader.Get(ctx, n)
		if err != nil {
			return fmt.Errorf("flow %d: %w", n, err)
		}
		other, ok := of.take(Name(f))
		if !ok {
			if err := each(&Pair{Kind: OnlyA, A: f}); err != nil {
				return err
			}
			continue
		}
		if err := both(ctx, a, b, n, other, o, each); err != nil {
			return err
		}
	}
	for _, n := range of.rest() {
		f, err := b.Reader.Get(ctx, n)
		if err != nil {
			return fmt.Errorf("flow %d: %w", n, err)
		}
		if err := each(&Pair{Kind: OnlyB, B: f}); err != nil {
			return err
		}
	}
	return nil
}

// Name is what pairs a flow: its method and URL, or its kind and where it went.
func Name(f *flow.Flow) string {
	if f.Request != nil && f.Kind == flow.HTTP {
		return f.Request.Method + " " + f.Request.DisplayURL()
	}
	name := strings.ToUpper(f.Kind.String())
	if f.Server != nil {
		name += " " + f.Server.Address
	}
	return name
}

// numbers are the flows of a side.
func numbers(ctx context.Context, r Recording) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		if r.Number > 0 {
			yield(r.Number, nil)
			return
		}
		for s, err := range r.Reader.List(ctx, store.ListOptions{}) {
			if !yield(s.Number, err) || err != nil {
				return
			}
		}
	}
}

// index knows the flows of a side by their names, in their order.
type index struct {
	of    map[string][]uint64
	order []string // as they come first
}

func names(ctx context.Context, r Recording) (*index, error) {
	x := &index{of: make(map[string][]uint64)}
	for n, err := range numbers(ctx, r) {
		if err != nil {
			return nil, err
		}
		f, err := r.Reader.Get(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("flow %d: %w", n, err)
		}
		name := Name(f)
		if x.of[name] == nil {
			x.order = append(x.order, name)
		}
		x.of[name] = append(x.of[name], n)
	}
	return x, nil
}

func (x *index) take(name string) (uint64, bool) {
	list := x.of[name]
	if len(list) == 0 {
		return 0, false
	}
	x.of[name] = list[1:]
	return list[0], true
}

func (x *index) rest() (all []uint64) {
	for _, name := range x.order {
		all = append(all, x.of[name]...)
	}
	return all
}

func both(ctx context.Context, a, b Recording, m, n uint64, o Options, each func(*Pair) error) error {
	x, doneX, err := take(ctx, a.Reader, m)
	if err != nil {
		return err
	}
	defer doneX()
	y, doneY, err := take(ctx, b.Reader, n)
	if err != nil {
		return err
	}
	defer doneY()
	c := &comparison{Options: o, a: x, b: y}
	if err := c.run(); err != nil {
		return fmt.Errorf("compare flow %d with flow %d: %w", m, n, err)
	}
	p := &Pair{A: x.Flow, B: y.Flow, Differences: c.found}
	if len(c.found) > 0 {
		p.Kind = Different
	}
	return each(p)
}

// take opens a flow; done lets go of it.
func take(ctx context.Context, r *store.Reader, number uint64) (it *format.Item, done func(), err error) {
	src := capture.FromReader(ctx, r, func(yield func(store.Summary, error) bool) { yield(store.Summary{Number: number}, nil) })
	it, err = src.Next()
	if err == nil {
		return it, func() { src.Close() }, nil
	}
	src.Close()
	if err == io.EOF {
		err = store.ErrNotFound
	}
	return nil, nil, fmt.Errorf("flow %d: %w", number, err)
}
