package script

import (
	"context"
	"fmt"

	"github.com/dop251/goja"

	"midstream/hook"
	"midstream/internal/body"
)

// chunks is the transform of one body by a function of a script:
//
//	piece ──enter──► fn(Uint8Array on the same bytes) ──► same array: the piece itself
//	                                                  └► others: copied into out ──leave──► emit
//
// The array that the function gets is detached when the piece is done with, so
// nothing is copied in, and nothing is read after it has been given away.
type chunks struct {
	m    *message
	e    *engine
	fn   goja.Callable
	this goja.Value
	call *call
	out  []byte // what the function returned, pieces end at cuts
	cuts []int
	same bool
	gen  *generator // once the function turned out to make one
	seen bool
	slow bool // it has returned a promise
}

var (
	_ hook.Transform = (*chunks)(nil)
	_ body.Prompt    = (*chunks)(nil)
)

// Prompt implements body.Prompt: a function that returns what it makes has nothing
// to wait for.
func (c *chunks) Prompt() bool { return c.gen == nil && !c.slow }

func newChunks(m *message, fn goja.Callable, this goja.Value) *chunks {
	return &chunks{m: m, e: m.e, fn: fn, this: this, call: newCall(m.side.String()+".stream", m.f)}
}

// Chunk gives the function one piece.
func (c *chunks) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	if c.gen != nil {
		return c.blame(c.gen.feed(ctx, p, emit))
	}
	return c.run(ctx, p, emit)
}

// End calls the function once more, without bytes.
func (c *chunks) End(ctx context.Context, emit func([]byte) error) error {
	if c.gen != nil {
		return c.blame(c.gen.finish(ctx, emit))
	}
	return c.run(ctx, nil, emit)
}

func (c *chunks) run(ctx context.Context, p []byte, emit func([]byte) error) error {
	c.out, c.cuts, c.same = c.out[:0], c.cuts[:0], false
	c.call.again()
	var buf goja.ArrayBuffer
	var arr *goja.Object
	if err := c.e.enter(ctx, c.call); err != nil {
		return err
	}
	var made *generator
	pending, err := c.e.start(c.call, func() (goja.Value, error) {
		arr, buf = c.e.uint8Array(p)
		if !c.seen {
			c.seen = true
			made = newGenerator(c)
			made.attach(arr)
		}
		v, err := c.fn(c.this, arr)
		c.slow = c.slow || v != nil && promiseOf(v) != nil
		return v, err
	}, func(v goja.Value) error {
		if arr == v {
			c.same = true
			return nil
		}
		if made != nil && made.adopt(v) {
			c.gen = made
			return nil
		}
		return c.take(v, 0)
	})
	if pending {
		c.e.leave()
		select {
		case <-c.call.wake:
			err = c.call.err
		case <-ctx.Done():
			err = ctx.Err()
		}
		if lost := c.e.enter(context.WithoutCancel(ctx), nil); lost != nil {
			return lost
		}
		delete(c.e.waiting, c.call)
	}
	if buf.Bytes() != nil || p == nil {
		buf.Detach()
	}
	c.e.leave()
	if err != nil {
		return c.blame(err)
	}
	if c.gen != nil {
		if p == nil {
			return c.blame(c.gen.finish(ctx, emit))
		}
		return c.blame(c.gen.feed(ctx, p, emit))
	}
	if c.same {
		if len(p) == 0 {
			return nil
		}
		return emit(p)
	}
	return emitCuts(c.out, c.cuts, emit)
}

func emitCuts(out []byte, cuts []int, emit func([]byte) error) error {
	from := 0
	for _, to := range cuts {
		if to > from {
			if err := emit(out[from:to]); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

// maxReturn bounds what a chunk function may return for one piece.
const maxReturn = 64 << 20

// take copies what a function returned: bytes, a string, a list of them, or nothing.
func (c *chunks) take(v goja.Value, depth int) (err error) {
	if isNull(v) {
		return nil
	}
	if p, ok := c.e.bytesOrText(v); ok {
		if len(c.out)+len(p) > maxReturn {
			return &Fault{Text: fmt.Sprintf("a chunk function returned more than %d bytes for one piece", maxReturn)}
		}
		c.out = append(c.out, p...)
		c.cuts = append(c.cuts, len(c.out))
		return nil
	}
	obj, ok := v.(*goja.Object)
	if ok && depth == 0 && !isNull(obj.GetSymbol(goja.SymIterator)) {
		c.e.vm.ForOf(obj, func(item goja.Value) bool {
			err = c.take(item, 1)
			return err == nil
		})
		return err
	}
	return &Fault{Text: "TypeError: a chunk function returns bytes, a string, a list of them or nothing, not " + kindOf(v)}
}

// blame logs why the function breaks its message.
func (c *chunks) blame(err error) error {
	if f, ok := err.(*Fault); ok {
		c.e.report(c.call.event, c.call, f)
		return fmt.Errorf("script %s: %w", c.e.script, f)
	}
	return err
}

// lines is the transform of stream.lines: one entry for all lines of a piece.
type lines struct {
	chunks
	inner hook.Transform
}

func newLines(m *message, fn goja.Callable) *lines {
	l := &lines{chunks: *newChunks(m, fn, goja.Undefined())}
	l.inner = body.Lines(l.line)
	return l
}

// Chunk gives the function each line that ends in p.
func (l *lines) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	return l.inside(ctx, emit, func(emit func([]byte) error) error { return l.inner.Chunk(ctx, p, emit) })
}

// End gives it the last one, if no line feed ended it.
func (l *lines) End(ctx context.Context, emit func([]byte) error) error {
	return l.inside(ctx, emit, func(emit func([]byte) error) error { return l.inner.End(ctx, emit) })
}

func (l *lines) inside(ctx context.Context, emit func([]byte) error, run func(func([]byte) error) error) error {
	var out []byte
	l.call.used = 0
	if err := l.e.enter(ctx, l.call); err != nil {
		return err
	}
	err := run(func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	l.e.leave()
	if err != nil {
		return l.blame(err)
	}
	if len(out) == 0 {
		return nil
	}
	return emit(out)
}

// line runs the function on one line, without its ending.
func (l *lines) line(p []byte) ([]byte, error) {
	text, ending := p, ""
	for _, nl := range []string{"\r\n", "\n"} {
		if n := len(p) - len(nl); n >= 0 && string(p[n:]) == nl {
			text, ending = p[:n], nl
			break
		}
	}
	v, err := l.fn(goja.Undefined(), l.e.wireText(string(text)))
	if err != nil {
		return nil, l.e.failed(err)
	}
	if promiseOf(v) != nil {
		return nil, &Fault{Text: "TypeError: the function of stream.lines must not be async; use an async generator"}
	}
	l.out, l.cuts = l.out[:0], l.cuts[:0]
	if err := l.e.guarded(func() error { return l.take(v, 0) }); err != nil {
		return nil, err
	}
	if len(l.cuts) == 1 {
		return append(l.out, ending...), nil
	}
	var all []byte
	from := 0
	for _, to := range l.cuts {
		all = append(append(all, l.out[from:to]...), ending...)
		from = to
	}
	return all, nil
}
