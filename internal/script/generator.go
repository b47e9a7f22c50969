package script

import (
	"context"
	"errors"

	"github.com/dop251/goja"
)

// generator is a body's transform by an async generator function over the
// chunks:
//
//	feed(p) ──offer──► chunks.next()            it.next() ──► value ──► emit
//	   ▲                  the generator's "for await" and "yield"         │
//	   └───────────────── asks for more: p is done with ◄─────────────────┘
//
// feed returns when the generator asks for the next chunk, so it is never more
// than one piece ahead, and what it yields is emitted before it goes on.
type generator struct {
	c    *chunks
	e    *engine
	it   *goja.Object
	next goja.Callable

	// The source: what "chunks" gives.
	piece   []byte // offered and not yet taken
	offered bool
	taken   goja.ArrayBuffer // given to the generator, detached when it asks again
	holding bool
	hungry  bool // a next() of the generator waits for a piece
	resolve func(any) error
	reject  func(any) error
	ended   bool

	// The result side.
	asked bool // an it.next() is under way
	ready bool // out has what was yielded
	done  bool
	err   error
	pairs resultMaker
}

type resultMaker func(v goja.Value, done bool) goja.Value

func newGenerator(c *chunks) *generator {
	g := &generator{c: c, e: c.e}
	g.pairs = func(v goja.Value, done bool) goja.Value {
		o := g.e.vm.NewObject()
		o.Set("value", v)
		o.Set("done", done)
		return o
	}
	return g
}

// attach lets arr, the first chunk, be iterated over as the stream of chunks:
// whether the function takes a chunk or all of them is seen when it returns.
func (g *generator) attach(arr *goja.Object) {
	source := g.e.vm.NewObject()
	source.Set("next", func(goja.FunctionCall) goja.Value { return g.pull() })
	source.Set("return", func(fc goja.FunctionCall) goja.Value {
		g.giveBack()
		g.ended = true
		p, resolve, _ := g.e.vm.NewPromise()
		resolve(g.pairs(fc.Argument(0), true))
		return g.e.vm.ToValue(p)
	})
	self := g.e.vm.ToValue(func(goja.FunctionCall) goja.Value { return source })
	arr.SetSymbol(g.e.ready.asyncIterator, self)
	source.SetSymbol(g.e.ready.asyncIterator, self)
}

// adopt tells whether v is an async iterator and makes it the one of g.
func (g *generator) adopt(v goja.Value) bool {
	obj, ok := v.(*goja.Object)
	if !ok {
		return false
	}
	begin, ok := goja.AssertFunction(obj.GetSymbol(g.e.ready.asyncIterator))
	if !ok {
		return false
	}
	it, err := begin(obj)
	if err != nil {
		return false
	}
	if g.it, ok = it.(*goja.Object); !ok {
		return false
	}
	g.next, ok = goja.AssertFunction(g.it.Get("next"))
	if ok && g.c.m.f != nil {
		g.c.m.f.streams = append(g.c.m.f.streams, g)
	}
	return ok
}

// pull is chunks.next().
func (g *generator) pull() goja.Value {
	g.giveBack()
	p, resolve, reject := g.e.vm.NewPromise()
	switch {
	case g.offered:
		resolve(g.pairs(g.hand(), false))
	case g.ended:
		resolve(g.pairs(goja.Undefined(), true))
	default:
		g.hungry, g.resolve, g.reject = true, resolve, reject
		g.c.call.poke()
	}
	return g.e.vm.ToValue(p)
}

func (g *generator) hand() goja.Value {
	arr, buf := g.e.uint8Array(g.piece)
	g.offered, g.piece = false, nil
	g.taken, g.holding = buf, true
	return arr
}

func (g *generator) giveBack() {
	if g.holding {
		g.taken.Detach()
		g.holding = false
	}
}

// feed gives the generator one piece and emits what it yields.
func (g *generator) feed(ctx context.Context, p []byte, emit func([]byte) error) error {
	return g.drive(ctx, emit, func() error {
		if g.done || g.ended {
			return nil
		}
		g.piece, g.offered = p, true
		return g.satisfy()
	}, func() bool { return g.hungry && !g.offered || g.ended })
}

// finish tells it that no more pieces come and lets it run to its end.
func (g *generator) finish(ctx context.Context, emit func([]byte) error) error {
	return g.drive(ctx, emit, func() error {
		g.ended = true
		return g.satisfy()
	}, func() bool { return false })
}

// satisfy answers a next() that waits.
func (g *generator) satisfy() error {
	if !g.hungry || !g.offered && !g.ended {
		return nil
	}
	g.hungry = false
	answer := g.pairs(goja.Undefined(), true)
	if g.offered {
		answer = g.pairs(g.hand(), false)
	}
	return g.resolve(answer)
}

// drive runs the generator until it is done or enough tells so.
func (g *generator) drive(ctx context.Context, emit func([]byte) error, begin func() error, enough func() bool) error {
	call := g.c.call
	call.again()
	step := begin
	for {
		if err := g.e.enter(ctx, call); err != nil {
			return err
		}
		err := g.e.guarded(func() error {
			if err := step(); err != nil {
				return g.e.failed(err)
			}
			if g.err == nil && !g.asked && !g.done && !g.ready {
				g.ask()
			}
			return nil
		})
		if err != nil && g.err == nil {
			g.err = err
		}
		if call.over && call.err != nil && g.err == nil {
			g.err = call.err
		}
		err, ready, stop := g.err, g.ready, g.done || !g.ready && enough()
		g.ready = false
		if err != nil || stop {
			g.giveBack()
			g.offered, g.piece = false, nil
		}
		g.e.leave()
		switch {
		case err != nil:
			return err
		case ready:
			if err := emitCuts(g.c.out, g.c.cuts, emit); err != nil {
				return err
			}
			step = func() error { return nil }
			continue
		case stop:
			return nil
		}
		select {
		case <-call.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		step = func() error { return nil }
	}
}

// ask calls it.next(); what comes of it is noted by the promise's reactions.
func (g *generator) ask() {
	g.asked = true
	g.c.out, g.c.cuts = g.c.out[:0], g.c.cuts[:0]
	v, err := g.next(g.it)
	if err == nil {
		if promiseOf(v) == nil {
			g.result(v)
			return
		}
		g.e.waiting[g.c.call] = struct{}{}
		err = g.e.then(v, g.result, func(v goja.Value) {
			g.err = g.e.faultOf(v)
			g.c.call.poke()
		})
	}
	if err != nil {
		g.err = g.e.failed(err)
	}
}

func (g *generator) result(v goja.Value) {
	g.asked = false
	defer g.c.call.poke()
	obj, ok := v.(*goja.Object)
	if !ok {
		g.err = &Fault{Text: "TypeError: next() of the stream's iterator returned no object"}
		return
	}
	if d := obj.Get("done"); d != nil && d.ToBoolean() {
		g.done = true
		return
	}
	if err := g.c.take(obj.Get("value"), 0); err != nil {
		g.err = err
		return
	}
	g.ready = true
}

// abandon runs the generator's finally blocks when its body will not go on: the
// chunk that it waits for throws.
func (g *generator) abandon() {
	delete(g.e.waiting, g.c.call)
	g.giveBack()
	if g.done || g.err != nil {
		return
	}
	g.done = true
	if g.hungry {
		g.hungry = false
		if err := g.reject(g.e.failure(errBrokenOff)); err != nil {
			g.e.report(g.c.call.event, nil, g.e.failed(err))
		}
	}
	if f, ok := goja.AssertFunction(g.e.get(g.it, "return")); ok {
		if _, err := f(g.it, goja.Undefined()); err != nil {
			g.e.report(g.c.call.event, nil, g.e.failed(err))
		}
	}
}

var errBrokenOff = errors.New("the body broke off")
