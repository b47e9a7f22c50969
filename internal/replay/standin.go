package replay

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/format"
)

// StandIn answers every request with the response of one Item, in the place of its
// server. The head comes as long after the request as it did, and message streams,
// bodies with pieces and WebSocket connections have their pauses, at a speed. It may
// answer any number of exchanges at once, and needs no end.
func StandIn(it *format.Item, speed Speed) engine.Upstream { return &standIn{it, speed} }

type standIn struct {
	it    *format.Item
	speed Speed
}

var errNoSocket = errors.New("the recording is a WebSocket connection, and the request asks for none")

func (s *standIn) Open(_ context.Context, req *flow.Request, f flow.Framing, _ engine.Reuse) (engine.Call, error) {
	was := s.it.Flow
	it := *s.it
	now := *was
	now.Request, now.Response = req, was.Response.Clone()
	it.Flow = &now
	head := now.Response
	began := head.Start
	head.Start, head.End = time.Time{}, time.Time{}
	c := &answer{}
	if it.Closing != nil {
		if req.Protocol == "" && !strings.EqualFold(req.Fields.Get("Upgrade"), "websocket") {
			return nil, &flow.Error{Phase: flow.InHead, Status: http.StatusBadGateway, Err: errNoSocket}
		}
		c.agree(req, head)
		c.call = newCall(&it, f, req.Method)
		c.socket = newSocket(&it, began, s.speed)
	} else {
		c.call = newCall(&it, f, req.Method)
		c.response.speed, c.response.zero = s.speed, began
		if was.Outcome.Kind == flow.ServerCut {
			c.response.broken = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errors.New("the recording is cut here")}
		}
	}
	c.due = time.Now().Add(s.speed.pause(began.Sub(was.Start)))
	return c, nil
}
