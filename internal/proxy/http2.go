package proxy

import (
	"context"

	"midstream/flow"
	"midstream/internal/http1"
	"midstream/internal/http2"
)

// http2Config is what the codec of HTTP/2 takes over of the one of HTTP/1.
func (p *Proxy) http2Config() http2.ServerConfig {
	t := p.now()
	from := &t.HTTP
	cfg := http2.ServerConfig{
		Limits:      http2.Limits{Head: from.Limits.Head, Trailers: from.Limits.Trailers, Fields: from.Limits.Fields},
		IdleTimeout: from.IdleTimeout, OpeningTimeout: from.HeadTimeout, PingInterval: t.PingInterval, Budget: &p.budget, Log: p.log,
	}
	if from.Profile == http1.Strict {
		cfg.Profile = http2.Strict
	}
	return cfg
}

// serveHTTP2 serves the streams of a connection, all at once, and closes it in the
// end.
func (c *client) serveHTTP2(ctx context.Context, down *conn, r route) {
	_, isProxy := r.(asProxy)
	cfg := c.p.http2Config()
	// WebSocket can be brought to any server (RFC 8441). Who speaks to us as its
	// proxy asks for a tunnel instead.
	cfg.ConnectProtocol = !isProxy
	cfg.Opened = func(o *flow.Opening) {
		facts := *c.facts
		facts.HTTP2 = o
		c.learn(&facts)
	}
	srv := http2.NewServer(down, cfg)
	stop := context.AfterFunc(c.p.idle, srv.Stop)
	defer stop()
	err := srv.Serve(ctx, func(st *http2.Stream) {
		if refused, _ := c.gate(ctx, st, r); refused {
			return
		}
		req := st.Request()
		if isProxy && req.Form == flow.AuthorityForm {
			c.connectStream(ctx, st)
			return
		}
		found, refused := r.direct(req)
		if refused != nil {
			c.refuse(withFindings(st, found), nil, refused)
			return
		}
		c.exchange(ctx, st, r, found)
	})
	if err != nil {
		c.p.log.Debug("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
	}
}
