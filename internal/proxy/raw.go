package proxy

import (
	"context"

	"midstream/internal/body"
	"midstream/internal/engine"
	"midstream/internal/upstream"
)

// raw relays a tunnel as it is, recorded as a TCP flow. A server that cannot be
// reached ends it at once.
func (t *tunnel) raw(ctx context.Context, down *conn) {
	var up *upstream.Conn
	var err error
	attend(ctx, down, brokenOff, func(ctx context.Context) { up, err = t.take(ctx) })
	if err != nil {
		t.unreachable(down, err)
		return
	}
	defer up.Close()
	t.record(ctx, down, up, up)
}

// record runs a raw tunnel through the engine; far is the server's end.
func (t *tunnel) record(ctx context.Context, down, far body.Duplex, up *upstream.Conn) {
	t.client.p.cfg.Engine.Tunnel(ctx, down, far, engine.TunnelInfo{Client: t.client.facts, Server: up.Facts()})
}

// passOn relays a connection that is ignored, octet for octet: nothing of it is
// kept, unless ignored connections are to be shown.
func (t *tunnel) passOn(ctx context.Context, down *conn) {
	var up *upstream.Conn
	var err error
	attend(ctx, down, brokenOff, func(ctx context.Context) { up, err = t.take(ctx) })
	if err != nil {
		t.unreachable(down, err)
		return
	}
	defer up.Close()
	if t.client.p.cfg.ShowIgnored {
		t.record(ctx, down, up, up)
		return
	}
	t.client.p.cfg.Engine.Splice(ctx, down, up)
}

// unreachable ends a tunnel whose server cannot be reached, visibly.
func (t *tunnel) unreachable(down *conn, err error) {
	t.client.p.log.Info("client "+t.client.facts.Peer+": "+err.Error(), "client", t.client.facts.Peer)
	down.Reset()
}
