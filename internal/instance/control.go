package instance

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"midstream/flow"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/onboard"
	"midstream/internal/option"
	"midstream/internal/pyhost"
	"midstream/internal/replay"
	"midstream/internal/script"
	"midstream/internal/store"
	"midstream/internal/view"
)

// Control is what may be done to an instance that runs. Its methods may be called
// at once, as long as the instance has not been closed.
type Control struct{ in *Instance }

// Control returns it.
func (in *Instance) Control() Control { return Control{in} }

// Store is where flows are recorded, nil where nothing is.
func (c Control) Store() *store.Store { return c.in.session }

// Options are those that it runs with.
func (c Control) Options() *option.Registry { return c.in.opts }

// Kill ends a flow that runs, and fails with engine.ErrNotLive.
func (c Control) Kill(number uint64) error {
	if err := c.in.engine.Kill(number); err != nil {
		return fmt.Errorf("kill flow %d: %w", number, err)
	}
	return nil
}

// Passed tells how many octets of both bodies of a running flow have passed.
func (c Control) Passed(number uint64) (request, response int64, live bool) {
	request, response, err := c.in.engine.Passed(number)
	return request, response, err == nil
}

// Visitors are the clients that have asked for the page with the certificate, the
// newest first.
func (c Control) Visitors() []onboard.Visitor { return c.in.visitors.List() }

// Counts are how many flows have begun, have ended, and run.
func (c Control) Counts() (begun, ended uint64, running int) {
	return c.in.begun.Load(), c.in.flows.Load(), c.in.engine.Running()
}

// Capture tells whether new flows are recorded, SetCapture changes it: where they
// are not, they pass all the same.
func (c Control) Capture() bool { return c.in.session != nil && !c.in.paused.Load() }

// SetCapture changes whether new flows are recorded.
func (c Control) SetCapture(on bool) { c.in.paused.Store(!on) }

// Scripts are those that the options name, in their order, with what went wrong
// last.
func (c Control) Scripts() []script.State {
	known := make(map[string]script.State)
	for _, st := range append(c.in.scripts.States(), c.in.python.States()...) {
		known[st.Path] = st
	}
	list := []script.State{}
	for _, p := range c.in.opts.Paths("scripts") {
		st, there := known[p]
		if !there {
			st = script.State{Path: p}
		}
		list = append(list, st)
	}
	return list
}

// Commands are those that scripts declare.
func (c Control) Commands() []pyhost.Command { return c.in.python.Commands() }

// Run runs one of them, as pyhost.Host.Run does.
func (c Control) Run(ctx context.Context, name string, args []string) (any, error) {
	return c.in.python.Run(ctx, name, args)
}

// Protect keeps clients of the proxy from an address of this machine, by
// whatever name.
func (c Control) Protect(at netip.AddrPort) {
	if c.in.proxy != nil {
		c.in.proxy.Protect(at)
	}
}

// AnnounceControl tells other commands where the control API and the page are.
func (c Control) AnnounceControl(web, control string) {
	c.in.changing.Lock()
	defer c.in.changing.Unlock()
	c.in.web, c.in.control = web, control
	c.in.announce()
}

// Content opens what is recorded of one side of a flow now; see Contents.
func (c Control) Content(ctx context.Context, r *store.Reader, number uint64, side flow.Side) (*store.Body, error) {
	c.in.session.Flush()
	return r.Body(ctx, number, side)
}

// Resend sends the requests of recorded flows to their servers again, through all
// hooks, and returns when all have ended.
func (c Control) Resend(ctx context.Context, numbers []uint64) (replay.Result, error) {
	in := c.in
	in.session.Flush()
	r, err := store.OpenReader(in.session.Dir())
	if err != nil {
		return replay.Result{}, err
	}
	defer r.Close()
	src := capture.FromReader(ctx, r, func(yield func(store.Summary, error) bool) {
		for _, n := range numbers {
			if !yield(store.Summary{Number: n}, nil) {
				return
			}
		}
	})
	defer src.Close()
	shelf, err := replay.ShelfIn(in.session)
	if err != nil {
		return replay.Result{}, err
	}
	defer shelf.Close()
	s := c.sending()
	s.Shelf, s.Last = shelf, slices.Max(numbers)
	return s.Run(ctx, src, nil)
}

// Send sends the request of one flow to its server, through all hooks, and returns
// when it has ended. began is told the number of the new flow. What cannot be sent
// again, as replay.Unsendable has it, is the caller's to leave out.
func (c Control) Send(ctx context.Context, it *format.Item, began func(number uint64)) {
	c.sending().Item(ctx, it, began)
}

func (c Control) sending() *replay.Sending {
	in := c.in
	return &replay.Sending{Engine: in.engine, Dialer: in.way.Dialer(), Hooks: in.set.Load, Reroute: in.way.Reroute,
		Parallel: in.opts.Int("client_replay_concurrency"), Speed: in.speed(), HTTP2: in.opts.Bool("http2"), Log: in.log}
}

// Views are those that scripts declare; nil when there are none.
func (c Control) Views() view.Others {
	if len(c.in.python.Names()) == 0 {
		return nil
	}
	return c.in.python
}
