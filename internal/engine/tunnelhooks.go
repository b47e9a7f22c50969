package engine

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// tunnelHooks runs the hooks of a raw tunnel; nil runs none.
type tunnelHooks struct {
	set    *hook.Set
	cancel context.CancelCauseFunc
	order  *sequence

	received [2]atomic.Int64
	changed  [2]atomic.Bool
	ways     [2]tunnelWay       // by the side that is sent
	first    [2][]hook.Injected // what tcp_start has added, until its direction begins
	over     func()             // nothing can be sent any more

	mu   sync.Mutex // guards live: hooks run one at a time
	live *hook.Exchange
	ctl  hook.Control
}

const tunnelEvents = hook.OnTCPStart | hook.OnTCPMessage | hook.OnTCPEnd | hook.OnTCPError

// newTunnelHooks returns nil where no hook hears raw tunnels. The returned context
// ends when a hook kills the flow.
func newTunnelHooks(ctx context.Context, t *tunnel, client, server body.Duplex) (*tunnelHooks, context.Context) {
	if !t.info.Set.Hears(tunnelEvents) && t.info.Past == nil {
		return nil, ctx
	}
	h := &tunnelHooks{set: t.info.Set, order: &t.order}
	ctx, h.cancel = context.WithCancelCause(ctx)
	h.live, h.ctl = hook.NewExchange(flow.Request{Message: flow.Message{Start: t.start}}, t.info.Client, t.info.Set, func() { h.cancel(errKilled) })
	h.live.ID, h.live.Number, h.live.Server = t.id, t.record.Number(), t.info.Server
	h.over = h.ctl.OpenTCP(h.send)
	for side, to := range map[flow.Side]body.Duplex{flow.ToServer: server, flow.ToClient: client} {
		h.ways[side].dst, h.ways[side].tap = to, &tunnelTap{t: t, side: side, busy: func() {}}
	}
	if t.info.Past != nil {
		t.info.Past.Seed(h.live)
	}
	return h, ctx
}

// show says in a picture what hooks have made of the flow.
func (h *tunnelHooks) show(f *flow.Flow) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.live
	f.Findings = append(slices.Clip(f.Findings), l.Findings()...)
	f.Marker, f.Comment, f.Metadata = l.Marker, l.Comment, maps.Clone(l.Metadata)
	for side, b := range map[flow.Side]*flow.Body{flow.ToServer: &f.RequestBody, flow.ToClient: &f.ResponseBody} {
		b.Received, b.Transformed = h.received[side].Load(), h.changed[side].Load()
	}
}

// start runs the first event, and returns why the connection must not go on.
func (h *tunnelHooks) start(ctx context.Context) *flow.Error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.guard(ctx, h.set.TCPStart)
	for _, m := range h.live.TCP.TakeInjected() {
		h.first[sideOf(m)] = append(h.first[sideOf(m)], m)
	}
	return err
}

// guard runs an event. mu is held.
func (h *tunnelHooks) guard(ctx context.Context, run func(context.Context, *hook.Exchange) error) *flow.Error {
	err := run(ctx, h.live)
	switch {
	case h.live.Killed():
		return errKilled
	case ctx.Err() != nil:
		return errStopping
	case err != nil:
		return &flow.Error{Phase: flow.InBody, Cause: flow.Forbidden, Err: err}
	}
	return nil
}

// message runs the hooks on p, which must not be changed, and returns what is sent,
// and what they have added.
func (h *tunnelHooks) message(ctx context.Context, from flow.Peer, p []byte) ([]byte, []hook.Injected, *flow.Error) {
	if !h.set.Hears(hook.OnTCPMessage) {
		return p, nil, nil
	}
	m := &hook.TCPMessage{FromClient: from == flow.AtClient, Content: append([]byte{}, p...), Time: h.order.now(from)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live.TCP.Message = m
	h.live.TCP.Count++
	err := h.guard(ctx, h.set.TCPMessage)
	added := h.live.TCP.TakeInjected()
	if err != nil {
		return nil, nil, err
	}
	return m.Content, added, nil
}

// end runs the last events. The context of the tunnel may be over by now.
func (h *tunnelHooks) end(ctx context.Context, why *flow.Error) {
	h.over()
	for side := range h.ways {
		h.ways[side].shutdown() // what is being sent is over, for its connection is
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	h.ctl.Finish()
	// Nothing is left that an error of theirs could end.
	if why == nil {
		h.set.TCPEnd(ctx, h.live)
	} else {
		h.live.Err = why
		h.set.TCPError(ctx, h.live)
	}
	h.set.Finished(h.live)
	h.cancel(nil)
}

// pump is that of an engine with the hooks between what is read and what is written.
func (h *tunnelHooks) pump(ctx context.Context, src body.Duplex, from flow.Peer, tap body.Tap) *flow.Error {
	to, side := flow.AtServer, flow.ToServer
	if from == flow.AtServer {
		to, side = flow.AtClient, flow.ToClient
	}
	way := &h.ways[side]
	if err := h.inject(h.first[side]); err != nil {
		return err
	}
	buf := make([]byte, defaultChunkSize)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			h.received[side].Add(int64(n))
			out, added, herr := h.message(ctx, from, buf[:n])
			if herr != nil {
				return herr
			}
			if !bytes.Equal(out, buf[:n]) {
				h.changed[side].Store(true)
			}
			if len(out) > 0 {
				if _, werr := way.write(out, tap); werr != nil {
					return rawError(werr, to)
				}
			}
			if err := h.inject(added); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			way.shutdown()
			if err := way.dst.CloseWrite(); err != nil {
				return rawError(err, to)
			}
			return nil
		case err != nil:
			return rawError(err, from)
		}
	}
}
