package replay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/capture"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Reading lets the flows of a source pass through the hooks once more, one after
// the other: they are recorded and watched as they were, or as the hooks change
// them.
type Reading struct {
	Engine *engine.Engine
	// Store keeps the flows; nil keeps none. It is where the Engine records.
	Store *store.Store
	// Seen makes of a flow that runs through no hooks what may be recorded and
	// watched; done lets go of it. Nil leaves it as it is.
	Seen func(it *format.Item) (seen *format.Item, done func(), err error)
	// Began is told of each flow that begins; nil for nobody.
	Began func()
	// Hooks returns the addons of now; nil runs none.
	Hooks func() *hook.Set
	// Watchers are those of the Engine, for flows that run through no hooks.
	Watchers []engine.Watcher
	// Filter chooses the flows; nil takes all.
	Filter *query.Filter
	// Reroute changes where a request is sent, as a reverse mode does; nil for
	// nothing.
	Reroute func(r *flow.Request)
	// Room waits until those who watch have taken what they were told; nil does not
	// wait.
	Room func(ctx context.Context)
	// Log takes what cannot be read; nil discards it.
	Log *slog.Logger
}

// Result is what became of the flows of a source.
type Result struct {
	Passed  uint64 // through the hooks, or to the server with a response
	Damaged uint64 // could not be read, or not whole
	Failed  uint64 // had no whole response, when they were sent again
	Refused uint64 // cannot be sent again
}

// Add adds what became of others.
func (r *Result) Add(o Result) {
	r.Passed, r.Damaged, r.Failed, r.Refused = r.Passed+o.Passed, r.Damaged+o.Damaged, r.Failed+o.Failed, r.Refused+o.Refused
}

// Run reads src to its end. progress is called between flows; nil for nobody. What is
// damaged is logged and counted; an error is one behind which nothing can be read.
func (r *Reading) Run(ctx context.Context, src capture.Source, progress func(at func() (done, of int64))) (Result, error) {
	var res Result
	log := r.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for ctx.Err() == nil {
		it, err := src.Next()
		if err == io.EOF {
			return res, nil
		}
		if err != nil {
			if _, ok := errors.AsType[*capture.Damaged](err); !ok {
				return res, err
			}
			res.Damaged++
			log.Warn(err.Error())
			if it == nil {
				continue
			}
		}
		wanted, err := matches(ctx, r.Filter, it)
		if err != nil {
			log.Warn("the filter cannot tell of every flow: " + err.Error())
		}
		if wanted {
			if err := r.pass(ctx, it); err != nil {
				return res, err
			}
			res.Passed++
		}
		if progress != nil {
			progress(src.Progress)
		}
	}
	return res, context.Cause(ctx)
}

// pass lets one flow pass.
func (r *Reading) pass(ctx context.Context, it *format.Item) error {
	r.room(ctx)
	if r.Began != nil {
		r.Began()
	}
	f := it.Flow
	switch {
	case f.Kind == flow.HTTP && f.Request != nil && it.Closing != nil && flow.Switched(f.Request, f.Response) == "":
		// Messages without the handshake that they need: nothing can hear them.
	case f.Kind == flow.HTTP && f.Request != nil && (f.Request.Form != flow.AuthorityForm || f.Request.Protocol != ""):
		r.exchange(ctx, it)
		return nil
	case f.Kind == flow.TCP:
		r.tunnel(ctx, it)
		return nil
	}
	if r.Seen != nil {
		seen, done, err := r.Seen(it)
		if err != nil {
			return err
		}
		defer done()
		it, f = seen, seen.Flow
	}
	recorded := *f
	if r.Store != nil {
		kept, _, err := capture.Into(r.Store).Record(it)
		if err != nil {
			return err
		}
		recorded = *kept
	}
	for _, w := range r.Watchers {
		w.Watch(&recorded)
	}
	return nil
}

func (r *Reading) room(ctx context.Context) {
	if r.Room != nil {
		r.Room(ctx)
	}
}

func (r *Reading) set() *hook.Set {
	if r.Hooks == nil {
		return nil
	}
	return r.Hooks()
}

func (r *Reading) exchange(ctx context.Context, it *format.Item) {
	p := newPast(it, r.Store)
	before := func() { r.room(ctx) }
	s := newStream(ctx, it)
	defer s.release()
	if r.Reroute != nil {
		r.Reroute(s.head)
	}
	up := &storedServer{it: it}
	up.call = newCall(it, s.framing, s.head.Method)
	defer func() { up.call.release() }()
	up.call.response.before, up.call.response.clock = before, &p.clock[flow.ToClient]
	if s.body != nil {
		s.body.before, s.body.clock = before, &p.clock[flow.ToServer]
	}
	if switched(it.Flow) {
		t := newTurns(said(it), &p.clock, before)
		defer t.release()
		s.turns, up.turns = t, t
	}
	r.Engine.Serve(ctx, s, up, engine.Origin{Client: clientOf(it), Set: r.set(), Past: p})
}

func (r *Reading) tunnel(ctx context.Context, it *format.Item) {
	p := newPast(it, r.Store)
	t := newTurns(said(it), &p.clock, func() { r.room(ctx) })
	defer t.release()
	r.Engine.Tunnel(ctx, t.end(flow.ToServer), t.end(flow.ToClient), engine.TunnelInfo{
		Client: clientOf(it), Server: it.Flow.Server, Set: r.set(), Past: p,
	})
}

// clientOf is the connection that hooks are shown.
func clientOf(it *format.Item) *flow.Conn {
	if it.Flow.Client == nil {
		return &flow.Conn{ID: flow.NewID()}
	}
	return it.Flow.Client
}

// matches asks filter about an Item; nil means every one.
func matches(ctx context.Context, filter *query.Filter, it *format.Item) (bool, error) {
	if filter == nil {
		return true, nil
	}
	f, err := measured(it)
	if err != nil {
		return false, err
	}
	return filter.Match(ctx, f, bodies{it}, time.Now())
}

// measured is the flow of an Item; what it carries as messages counts as its
// bodies, of which a filter asks the size before it looks into them.
func measured(it *format.Item) (*flow.Flow, error) {
	if it.Messages == nil || it.Flow.RequestBody.Sent > 0 || it.Flow.ResponseBody.Sent > 0 {
		return it.Flow, nil
	}
	f := *it.Flow
	for m, err := range it.Messages {
		if err != nil {
			return nil, err
		}
		b := &f.ResponseBody
		if m.FromClient {
			b = &f.RequestBody
		}
		b.Sent += m.Content.Size()
		b.Recorded, b.Record = b.Sent, flow.Complete
	}
	return &f, nil
}

// bodies gives a filter the bodies of an Item.
type bodies struct{ it *format.Item }

func (b bodies) Open(_ context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	if body := b.it.Bodies[side]; body != nil && (body.Size() > 0 || b.it.Messages == nil) {
		return io.NopCloser(io.NewSectionReader(body, 0, body.Size())), nil
	}
	if b.it.Messages == nil {
		return nil, nil
	}
	t := newTurns(only(b.it, side), nil, nil)
	return &direction{t, side}, nil
}

// only is what one side said.
func only(it *format.Item, side flow.Side) func(yield func(turn, error) bool) {
	return func(yield func(turn, error) bool) {
		for t, err := range said(it) {
			if (err != nil || t.side == side) && !yield(t, err) {
				return
			}
		}
	}
}

// direction reads what one side said.
type direction struct {
	turns *turns
	side  flow.Side
}

func (d *direction) Read(p []byte) (int, error) { return d.turns.read(d.side, p) }
func (d *direction) Close() error               { d.turns.release(); return nil }
