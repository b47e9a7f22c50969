package http2

import (
	"context"
	"errors"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// Stream is one request and the way back for its response.
type Stream struct {
	conn     *conn
	stream   stream
	ctx      context.Context
	leave    context.CancelCauseFunc
	req      flow.Request
	findings []flow.Finding
	framing  flow.Framing
	body     reader
	sink     sink
	priority follower

	// Guarded by conn.mu.
	responded bool // the final head was sent, or Abort called
}

// Request returns the head.
func (st *Stream) Request() *flow.Request { return &st.req }

// Findings returns what was repaired in the head.
func (st *Stream) Findings() []flow.Finding { return st.findings }

// Framing returns how the request body is delimited.
func (st *Stream) Framing() flow.Framing { return st.framing }

// Body returns the request body, nil when there is none by the framing.
func (st *Stream) Body() body.Reader {
	if st.framing.Kind == flow.Unframed {
		return nil
	}
	return &st.body
}

// Context ends when the client has left or has reset the stream, with a
// *flow.Error as its cause.
func (st *Stream) Context() context.Context { return st.ctx }

// left ends the context. conn.mu is held.
func (st *Stream) left(e *flow.Error) {
	if e.Peer == flow.AtClient && e.Cause == flow.ClosedEarly {
		e.Cause = flow.LeftByClient
	}
	st.leave(e)
}

// Inform sends an interim response.
func (st *Stream) Inform(head *flow.Response) error {
	switch {
	case st.hasResponded():
		return st.misuse(errors.New("an interim response must come before the final one"))
	case !head.Interim():
		return st.misuse(errors.New("an interim response must have status 1xx and not 101"))
	}
	if err := checkFields(head.Fields); err != nil {
		return st.misuse(err)
	}
	if err := st.conn.w.fieldsOf(&st.stream, responseEncoder{head}, false, now); err != nil {
		return st.stream.sendFailed(err)
	}
	return nil
}

func (st *Stream) hasResponded() bool {
	st.conn.mu.Lock()
	defer st.conn.mu.Unlock()
	return st.responded
}

// Respond sends the final head; END_STREAM is on it where f is Unframed.
func (st *Stream) Respond(head *flow.Response, f flow.Framing) (body.Sink, error) {
	return st.respond(head, f, now)
}

// RespondMore is Respond for a head that is certain to be followed at once by a
// call of its sink, so that both leave in one write, or the end of a message
// without a body on its head.
func (st *Stream) RespondMore(head *flow.Response, f flow.Framing) (body.Sink, error) {
	return st.respond(head, f, soon)
}

func (st *Stream) respond(head *flow.Response, f flow.Framing, u urgency) (body.Sink, error) {
	tunnel := st.req.Method == "CONNECT" && head.Status/100 == 2
	if tunnel || st.req.Method == "HEAD" || head.Status < 200 || head.Status == 204 || head.Status == 304 {
		f = flow.Framing{}
	}
	st.conn.mu.Lock()
	if st.responded {
		st.conn.mu.Unlock()
		return nil, st.misuse(errors.New("the final head has been sent, or the stream aborted"))
	}
	st.responded = true
	st.conn.mu.Unlock()
	if err := checkResponse(head); err != nil {
		st.conn.mu.Lock()
		st.responded = false // nothing has been: another head may be
		st.conn.mu.Unlock()
		return nil, st.misuse(err)
	}
	st.sink.start(&st.stream, f)
	st.sink.tunnel = tunnel
	end := f.Kind == flow.Unframed && !tunnel
	if u == soon && !end && !tunnel {
		h := *head
		st.sink.head = responseEncoder{&h}
		return &st.sink, nil
	}
	if end {
		st.sink.closed = true
	}
	if err := st.sink.sendFields(responseEncoder{head}, end, now); err != nil {
		return nil, err
	}
	return &st.sink, nil
}

// checkResponse refuses a head that HTTP/2 cannot carry.
func checkResponse(head *flow.Response) error {
	if head.Status < 200 || head.Status > 999 {
		return errors.New("there is no final status " + statusText(head.Status) + " in HTTP/2")
	}
	return checkFields(head.Fields)
}

// Upgrade returns the stream as a raw connection after a 2xx to CONNECT was sent
// with Respond.
func (st *Stream) Upgrade() (body.Duplex, error) {
	if !st.sink.tunnel {
		return nil, st.misuse(errors.New("no response that makes a tunnel of the stream has been sent"))
	}
	return newDuplex(&st.stream, &st.sink, st.req.Protocol), nil
}

// Abort ends the stream without a (further) response: it is reset.
func (st *Stream) Abort(cause error) {
	st.conn.mu.Lock()
	st.responded = true
	st.conn.mu.Unlock()
	st.stream.abort(cause)
}

// finish ends what the handler has left open: an unread request is reset with
// NO_ERROR behind its response (RFC 9113 section 8.1), a missing response is a
// failure.
func (st *Stream) finish() {
	st.conn.mu.Lock()
	code := h2.ErrCodeInternal
	if st.stream.sendEnd {
		code = h2.ErrCodeNo
	}
	st.conn.mu.Unlock()
	st.stream.retire(code, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.NotNeeded, Err: errHandlerDone})
	st.leave(nil)
}

func (st *Stream) misuse(err error) error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: fault.Say("send response head to "+st.conn.name+": "+err.Error(), err)}
}
