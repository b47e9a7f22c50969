package proxy

import (
	"context"
	"errors"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
	"midstream/internal/upstream"
)

// raw relays a tunnel as it is, recorded as a TCP flow. A server that cannot be
// reached ends it at once.
func (t *tunnel) raw(ctx context.Context, down *conn) {
	up := t.reach(ctx, down)
	if up == nil {
		return
	}
	defer up.Close()
	t.record(ctx, down, up, up)
}

// record runs a raw tunnel through the engine; far is the server's end.
func (t *tunnel) record(ctx context.Context, down, far body.Duplex, up *upstream.Conn) {
	t.client.p.cfg.Engine.Tunnel(ctx, down, far, engine.TunnelInfo{Client: t.client.facts, Server: up.Facts(), Set: t.client.p.cfg.Hooks()})
}

// passOn relays a connection that is ignored, octet for octet: nothing of it is
// kept, unless ignored connections are to be shown.
func (t *tunnel) passOn(ctx context.Context, down *conn) {
	t.ignored = true
	up := t.reach(ctx, down)
	if up == nil {
		return
	}
	defer up.Close()
	if t.client.p.manner().ShowIgnored {
		t.record(ctx, down, up, up)
		return
	}
	t.client.p.cfg.Engine.Splice(ctx, down, up)
}

// reach returns the server's connection; nil means that the tunnel has been
// ended because there is none.
func (t *tunnel) reach(ctx context.Context, down *conn) *upstream.Conn {
	var up *upstream.Conn
	var err error
	attend(ctx, down, brokenOff, func(ctx context.Context) { up, err = t.take(ctx) })
	if err != nil {
		t.unreachable(down, err)
		return nil
	}
	return up
}

// unreachable ends a tunnel whose server cannot be reached, visibly for its
// client, and notes it as a TCP flow unless it is to be ignored.
func (t *tunnel) unreachable(down *conn, err error) {
	c := t.client
	down.Reset()
	if t.ignored && !c.p.manner().ShowIgnored {
		c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
		return
	}
	c.noteUnreachable(t.address, err)
}

// noteUnreachable notes as a TCP flow that a server cannot be reached.
func (c *client) noteUnreachable(address string, err error) {
	c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
	o := flow.Outcome{Kind: flow.Failed, Phase: flow.Dialing.String(), Text: err.Error()}
	if e, ok := errors.AsType[*flow.Error](err); ok {
		o.Phase = e.Phase.String()
		switch e.Cause {
		case flow.LeftByClient:
			o.Kind = flow.ClientLeft
		case flow.Forbidden:
			o.Kind = flow.Refused
		}
	}
	c.recordFailure(&flow.Flow{Kind: flow.TCP, Server: &flow.Conn{ID: flow.NewID(), Address: address}, Outcome: o}, nil)
}
