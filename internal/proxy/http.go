package proxy

import (
	"context"
	"errors"
	"io"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/http1"
)

// serveHTTP serves the requests on a connection, one after the other, and
// closes it in the end, unless a CONNECT has made a tunnel of it: that is c.next then.
func (c *client) serveHTTP(ctx context.Context, down *conn, r route) {
	srv := http1.NewServer(down, c.p.now().HTTP)
	defer srv.Close()
	stop := context.AfterFunc(c.p.idle, srv.Stop)
	defer stop()
	_, isProxy := r.(asProxy)
	for {
		st, err := srv.Next(ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.headFailed(srv, err)
			}
			return
		}
		if refused, broken := c.gate(ctx, st, r); refused {
			if broken != nil {
				return
			}
			continue
		}
		req := st.Request()
		if isProxy && req.Form == flow.AuthorityForm {
			t, over, done := c.answerConnect(ctx, st, down)
			if t != nil {
				c.next = &established{t, over}
			}
			if done {
				return
			}
			continue
		}
		found, refused := r.direct(req)
		if refused != nil {
			if c.refuse(st, nil, refused) != nil {
				return
			}
			continue
		}
		c.exchange(ctx, st, r, found)
	}
}

// codecStream is a stream of either codec.
type codecStream interface {
	engine.Stream
	engine.Joiner
}

// exchange runs the exchange of a request whose way is known; found is what was
// noticed about that.
func (c *client) exchange(ctx context.Context, st codecStream, r route, found []flow.Finding) {
	_, asked := r.(asProxy) // what it says to a proxy is said to us
	o := engine.Origin{Client: c.facts, Set: c.p.cfg.Hooks().For(c.facts, st.Request()), OwnProxyAuth: asked, Metadata: c.metadata()}
	if !asked && o.Set.Hears(hook.OnRequestHeaders|hook.OnRequest) {
		o.Expected = c.pool.Expected(st.Request())
	}
	if c.p.cfg.Origin != nil {
		c.p.cfg.Origin(&o)
	}
	var servers engine.Upstream = c.pool
	if c.p.cfg.Answers != nil {
		servers = c.p.cfg.Answers(servers)
	}
	c.p.cfg.Engine.Serve(ctx, withFindings(st, found), servers, o)
}

// withFindings adds findings to those of a stream.
func withFindings(st codecStream, found []flow.Finding) codecStream {
	if len(found) == 0 {
		return st
	}
	return &noted{st, append(st.Findings(), found...)}
}

// noted is a stream with more findings.
type noted struct {
	codecStream
	findings []flow.Finding
}

func (n *noted) Findings() []flow.Finding { return n.findings }

// Last tells the stream that it is the last of its connection.
func (n *noted) Last() {
	if s, ok := n.codecStream.(engine.Laster); ok {
		s.Last()
	}
}

// FollowPriority follows that of the stream, where it has one.
func (n *noted) FollowPriority(tell func(flow.PriorityChange)) {
	if s, ok := n.codecStream.(engine.Prioritized); ok {
		s.FollowPriority(tell)
	}
}
