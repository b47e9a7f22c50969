package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/ws"
)

// answering is one client's servers with recordings before them.
type answering struct {
	answers *Answers
	servers engine.Upstream
}

// Version is what the server speaks, as far as that is known.
func (a *answering) Version(r *flow.Request) flow.Version {
	if v, ok := a.servers.(engine.Versioned); ok {
		return v.Version(r)
	}
	return 0
}

func (a *answering) Open(ctx context.Context, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	all := a.answers
	key := all.Matching.head(req)
	if !all.waiting(key) {
		return a.extra(ctx, req, f, reuse)
	}
	if !all.Matching.IgnoreContent && !f.Empty() {
		return newAsked(a, key, req, f), nil
	}
	s := all.Matching.newContent(req.Fields).sum()
	var body *sum
	if !all.Matching.IgnoreContent {
		body = &s
	}
	e := all.take(key, body)
	if e == nil {
		return a.extra(ctx, req, f, reuse)
	}
	return a.answer(ctx, e, req, f)
}

// extra is for a request that no recording answers.
func (a *answering) extra(ctx context.Context, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	switch a.answers.Extra {
	case Forward:
		return a.servers.Open(ctx, req, f, reuse)
	case Kill:
		return nil, errUnknown
	}
	head := &flow.Response{Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Content-Length", Value: "0"}}}, Status: int(a.answers.Extra), Reason: hook.Reason(int(a.answers.Extra))}
	it := &format.Item{Flow: &flow.Flow{Request: req, Response: head}}
	return &answer{call: newCall(it, f, req.Method)}, nil
}

var errUnknown = &flow.Error{Phase: flow.InHead, Cause: flow.WasKilled, Err: errors.New("no recording answers this request (server_replay_extra is kill)")}

// answer is a call that a recording answers.
type answer struct {
	*call
	entry  *entry // nil where midstream itself answers
	all    *Answers
	done   func()
	socket *socket
}

// answer opens the recording of e.
func (a *answering) answer(ctx context.Context, e *entry, req *flow.Request, f flow.Framing) (*answer, error) {
	it, done, err := e.shelf.Take(context.WithoutCancel(ctx), e.number)
	if err == nil && !answers(it) {
		done()
		err = errors.New("its recording is not whole any more")
	}
	if err != nil {
		a.answers.ended()
		return nil, &flow.Error{Phase: flow.InHead, Status: 502, Err: fmt.Errorf("answer from a recording: %w", err)}
	}
	c := &answer{call: newCall(it, f, req.Method), entry: e, all: a.answers, done: done}
	was := it.Flow
	it.Flow.Response = was.Response.Clone()
	head := it.Flow.Response
	began := head.Start
	if began.IsZero() {
		began = was.Start
	}
	if a.answers.Refresh {
		refresh(head.Fields, time.Since(began))
	}
	head.Start, head.End = time.Time{}, time.Time{}
	if switched(was) {
		c.agree(req, head)
		c.socket = newSocket(it, began, a.answers.Speed)
		return c, nil
	}
	if e.timed && flowing(&head.Message) {
		c.response.speed, c.response.zero = a.answers.Speed, began
	}
	if b := &was.ResponseBody; b.Sent > c.response.size || was.Outcome.Kind == flow.ServerCut || was.Outcome.Kind == flow.WasReset {
		c.response.broken = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errors.New("the recorded response ends here: it was not whole")}
		if c.framing.Kind == flow.ByLength {
			c.framing.Length = max(declared(head.Fields), c.response.size+1) // more was to come
		}
	}
	if c.framing.Kind == flow.UntilClose && c.response.broken == nil && !flowing(&head.Message) {
		c.framing = flow.Framing{Kind: flow.ByLength, Length: c.response.size}
	}
	return c, nil
}

// agree makes the response to a handshake of WebSocket fit the one that asks now
// (RFC 6455 section 4.2.2, RFC 8441 section 5). Frames are sent as they are, so
// nothing is said of compression.
func (c *answer) agree(req *flow.Request, head *flow.Response) {
	head.Fields.Del("Sec-WebSocket-Extensions")
	if req.Protocol != "" {
		head.Status, head.Reason, head.Wire = 200, "", ""
		for _, name := range []string{"Sec-WebSocket-Accept", "Upgrade", "Connection"} {
			head.Fields.Del(name)
		}
		return
	}
	head.Status, head.Reason, head.Wire = 101, "Switching Protocols", ""
	head.Fields.Set("Upgrade", "websocket")
	head.Fields.Set("Connection", "Upgrade")
	head.Fields.Set("Sec-WebSocket-Accept", ws.Accept(req.Fields.Get("Sec-WebSocket-Key")))
}

// Server is nil: nobody was dialled.
func (c *answer) Server() *flow.Conn { return nil }

// Answered implements engine.Answered.
func (c *answer) Answered() (replayed, dialled bool) { return c.entry != nil, false }

func (c *answer) Close() {
	c.release()
	if c.socket != nil {
		c.socket.release()
	}
	if c.done != nil {
		c.done()
		c.all.ended()
	}
}
