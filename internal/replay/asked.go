package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
)

// patience is how long a request of unknown length may bring nothing before it is
// answered by its head alone: its client may wait for the response.
const patience = 10 * time.Second

// lateUpload is how long an upload may go on after its response.
const lateUpload = 2 * time.Second

// asked is a call of which it is known when its body has come who answers it. The body
// waits meanwhile where its server may have to get it.
type asked struct {
	from *answering
	key  sum
	req  *flow.Request
	f    flow.Framing

	content  *content
	spool    *body.Spool // nil where nothing goes on to a server
	trailers flow.Fields
	informed bool

	sent   chan struct{} // closed when the request has ended
	busy   chan struct{} // something of it has come
	finish sync.Once

	mu      sync.Mutex // guards what follows
	call    engine.Call
	given   error // Cancel came first
	broken  error // the request did not end properly
	uploads sync.WaitGroup
}

func newAsked(a *answering, key sum, req *flow.Request, f flow.Framing) *asked {
	c := &asked{from: a, key: key, req: req, f: f, content: a.answers.Matching.newContent(req.Fields),
		sent: make(chan struct{}), busy: make(chan struct{}, 1)}
	if a.answers.Extra == Forward {
		c.spool = body.NewSpool(a.answers.Budget)
	}
	return c
}

// Head waits for the body, and for the response of who answers.
func (c *asked) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	if call := c.now(); call != nil {
		return call.Head(ctx)
	}
	if !c.informed && flow.EqualFold(c.req.Fields.Get("Expect"), "100-continue") {
		c.informed = true
		return &flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: 100, Reason: "Continue"}, nil, nil
	}
	whole, err := c.await(ctx)
	if err != nil {
		return nil, nil, err
	}
	call, err := c.choose(ctx, whole)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	c.call = call
	given := c.given
	c.mu.Unlock()
	if given != nil {
		call.Cancel(given)
	}
	return call.Head(ctx)
}

// await waits for the end of the body; whole is false where it may never come.
func (c *asked) await(ctx context.Context) (whole bool, err error) {
	var silence <-chan time.Time
	if c.f.Kind != flow.ByLength {
		t := time.NewTimer(patience)
		defer t.Stop()
		silence = t.C
		for {
			select {
			case <-c.sent:
				return true, c.failed()
			case <-c.busy:
				t.Reset(patience)
			case <-silence:
				return false, nil
			case <-ctx.Done():
				return false, context.Cause(ctx)
			}
		}
	}
	select {
	case <-c.sent:
		return true, c.failed()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

func (c *asked) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// choose finds who answers.
func (c *asked) choose(ctx context.Context, whole bool) (engine.Call, error) {
	all := c.from.answers
	if !whole {
		if e := all.take(c.key, nil); e != nil {
			return c.from.answer(ctx, e, c.req, flow.Framing{})
		}
		return nil, &flow.Error{Phase: flow.InHead, Status: 502, Err: errors.New("answer from a recording: the request does not end, and no recording is left for it")}
	}
	s := c.content.sum()
	if e := all.take(c.key, &s); e != nil {
		return c.from.answer(ctx, e, c.req, flow.Framing{})
	}
	if all.Extra != Forward {
		return c.from.extra(ctx, c.req, flow.Framing{}, engine.FreshOnly)
	}
	call, err := c.from.servers.Open(ctx, c.req, c.f, engine.FreshOnly)
	if err != nil {
		return nil, err
	}
	src, err := c.spool.Open()
	if err != nil {
		call.Cancel(err)
		call.Close()
		return nil, &flow.Error{Phase: flow.InBody, Status: 502, Err: fmt.Errorf("read back a body that waited: %w", err)}
	}
	c.uploads.Go(func() {
		defer src.Close()
		sink := call.Body()
		if _, err := io.Copy(onlyWrite{sink}, src); err != nil {
			sink.Abort(err)
			return
		}
		sink.Close(c.trailers) // what the server says of it is its response
	})
	return call, nil
}

// onlyWrite hides what a sink could do besides.
type onlyWrite struct{ io.Writer }

func (c *asked) now() engine.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.call
}

// Answered implements engine.Answered.
func (c *asked) Answered() (replayed, dialled bool) {
	if a, ok := c.now().(engine.Answered); ok {
		return a.Answered()
	}
	return false, true
}

func (c *asked) Server() *flow.Conn {
	if call := c.now(); call != nil {
		return call.Server()
	}
	return nil
}

func (c *asked) Reused() bool                  { return false }
func (c *asked) Body() body.Sink               { return (*gathering)(c) }
func (c *asked) Framing() flow.Framing         { return c.now().Framing() }
func (c *asked) Response() body.Reader         { return c.now().Response() }
func (c *asked) Heard() bool                   { return true } // it is not to be sent twice
func (c *asked) Upgrade() (body.Duplex, error) { return c.now().Upgrade() }

func (c *asked) Cancel(cause error) {
	c.mu.Lock()
	call := c.call
	if c.given == nil {
		c.given = cause
	}
	c.mu.Unlock()
	if call != nil {
		call.Cancel(cause)
		call.Body().Abort(cause)
	}
	(*gathering)(c).end(cause)
}

func (c *asked) Close() {
	if call := c.now(); call != nil {
		// A server that has answered need not take the rest.
		late := time.AfterFunc(lateUpload, func() { call.Body().Abort(errEnded) })
		c.uploads.Wait()
		late.Stop()
		call.Close()
	}
	if c.spool != nil {
		c.spool.Close()
	}
}

// gathering is the sink of the body.
type gathering asked

func (g *gathering) Write(p []byte) (int, error) {
	select {
	case g.busy <- struct{}{}:
	default:
	}
	g.content.Write(p)
	if g.spool != nil {
		if _, err := g.spool.Write(p); err != nil {
			return 0, &flow.Error{Phase: flow.InBody, Cause: flow.TooLarge, Status: 413, Err: fmt.Errorf("keep a body until it is known who answers: %w", err)}
		}
	}
	return len(p), nil
}

func (g *gathering) WriteMore(p []byte) (int, error) { return g.Write(p) }

func (g *gathering) Close(trailers flow.Fields) error {
	g.trailers = trailers
	g.end(nil)
	return nil
}

func (g *gathering) Abort(cause error) { g.end(cause) }

func (g *gathering) end(cause error) {
	g.finish.Do(func() {
		g.mu.Lock()
		g.broken = cause
		g.mu.Unlock()
		close(g.sent)
	})
}
