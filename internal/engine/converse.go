package engine

import (
	"errors"
	"fmt"
	"time"

	"midstream/flow"
)

// converse sends the request, once more where that is safe, and passes what
// comes back.
func (x *exchange) converse() {
	reuse := AnyConnection
	for {
		call, err := x.open(reuse)
		var head *flow.Response
		if err == nil {
			x.startUpload(call)
			if head, err = x.awaitHead(call); err == nil {
				x.noteAnswer(call)
				x.receive(call, head)
				return
			}
		}
		x.noteTry(err)
		if reuse == FreshOnly {
			x.refuse(err)
			return
		}
		again, why := x.mayRetry(call, err)
		if !again {
			x.refuse(withReason(err, why))
			return
		}
		reuse = FreshOnly
	}
}

// open opens a call and notes the try. A retry comes here with switching held.
func (x *exchange) open(reuse Reuse) (Call, *flow.Error) {
	if reuse == FreshOnly {
		defer x.switching.Unlock()
	}
	x.hooks.Lock()
	head, framing := x.requestOut()
	x.req.format(head.Fields)
	x.sending.framing, x.sending.method = framing, head.Method
	x.hooks.Unlock()
	x.mu.Lock()
	x.tries = append(x.tries, flow.Try{Address: head.Address(), Start: time.Now()})
	x.mu.Unlock()
	call, err := x.up.Open(&x.ctx, head, framing, reuse)
	if err != nil {
		if r, ok := errors.AsType[onReused](err); ok && r.Reused() {
			x.mu.Lock()
			x.tries[len(x.tries)-1].Reused = true
			x.mu.Unlock()
		}
		if why := x.left(); why != nil {
			return nil, why
		}
		return nil, asError(err, flow.AtServer, flow.Dialing)
	}
	x.setCall(call)
	x.mu.Lock()
	x.tries[len(x.tries)-1].Reused = call.Reused()
	x.mu.Unlock()
	x.hooks.Lock()
	x.live.Server = call.Server()
	x.hooks.Unlock()
	return call, nil
}

// noteTry notes why the present try failed.
func (x *exchange) noteTry(err *flow.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.tries); n > 0 && x.tries[n-1].Error == "" {
		x.tries[n-1].Error = err.Error()
	}
}

// mayRetry tells whether the request may be sent a second time: only on
// a connection that had served before, or where the server says that it did not
// process it; when no octet of a response came, and either the server cannot
// have processed it or the method is idempotent; with a body that is absent, at
// hand, not begun, or was kept. If so the failed call is given up, and switching is held
// for the next open. why says what forbade it where only the request did.
func (x *exchange) mayRetry(call Call, err *flow.Error) (again bool, why string) {
	if x.ctx.Err() != nil {
		return false, ""
	}
	switch err.Cause {
	case flow.ClosedEarly, flow.ResetByPeer, flow.RefusedRequest:
	default:
		return false, ""
	}
	if call == nil {
		// The head could not be written.
		if r, ok := errors.AsType[onReused](err); err.Phase != flow.InHead || ok && !r.Reused() {
			return false, ""
		}
	} else if call.Heard() || !call.Reused() && err.Cause != flow.RefusedRequest {
		return false, ""
	}
	x.mu.Lock()
	flowing := x.flowing != nil && x.sending.held == nil
	x.mu.Unlock()
	if err.Cause != flow.RefusedRequest && !idempotent(x.sending.method) && !flow.EqualFold(x.protocol, "websocket") { // its handshake is a GET
		return false, "not sent again, because " + x.sending.method + " is not idempotent"
	}
	x.switching.Lock()
	if flowing && x.touched && !(err.Cause == flow.RefusedRequest && x.keptAll()) {
		x.switching.Unlock()
		return false, "not sent again, because a part of its body had been sent"
	}
	if call != nil {
		giveUp(call, err)
		if !flowing {
			x.uploads.Wait()
		}
		x.mu.Lock()
		x.call, x.uploadErr = nil, nil
		x.req.body.Ended = false
		x.mu.Unlock()
		call.Close()
	}
	return true, ""
}

// keptTime is how long the end of a body is waited for that is kept, and whose server
// has processed nothing.
const keptTime = time.Second

// keptAll tells whether all of a body that has flowed can be sent again.
func (x *exchange) keptAll() bool {
	x.mu.Lock()
	keeping := x.keeping
	x.mu.Unlock()
	if keeping == nil {
		return false
	}
	late := time.NewTimer(keptTime)
	defer late.Stop()
	select {
	case <-keeping:
	case <-late.C:
	case <-x.ctx.Done():
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.again != nil
}

// onReused is an error of Upstream.Open that knows whether its connection had
// served before; any other at the head is taken to be one of such a connection.
type onReused interface {
	error
	Reused() bool
}

// withReason adds a clause to the text of err.
func withReason(err *flow.Error, why string) *flow.Error {
	if why == "" {
		return err
	}
	c := *err
	c.Err = fmt.Errorf("%w; %s", err.Err, why)
	return &c
}

// awaitHead passes interim responses and returns the final head, or 101.
func (x *exchange) awaitHead(call Call) (*flow.Response, *flow.Error) {
	stop := x.expecting.patience(x.stream, &x.req.received)
	defer stop()
	for {
		head, findings, err := call.Head(&x.ctx)
		if why := x.left(); why != nil {
			return nil, why
		}
		if err != nil {
			return nil, asError(err, flow.AtServer, flow.InHead)
		}
		for _, f := range findings {
			x.find(f.Code, f.Text)
		}
		switch {
		case head.Interim():
			if err := x.passInterim(head); err != nil {
				return nil, err
			}
		case head.Status == 101 && !wantsUpgrade(x.version, x.fields):
			return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed,
				Err: errors.New("the server switched protocols (101), which the request had not asked for")}
		case head.Status < 200 && head.Status != 101:
			return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed,
				Err: fmt.Errorf("the server answered with the status %d, which HTTP does not have", head.Status)}
		default:
			return head, nil
		}
	}
}

// passInterim sends an interim response on at once.
func (x *exchange) passInterim(head *flow.Response) *flow.Error {
	seen := head
	if x.redaction != nil {
		seen = x.redaction.Interim(head)
	}
	x.record.Interim(seen)
	x.mu.Lock()
	if len(x.interim) < maxInterim {
		x.interim = append(x.interim, *head)
	}
	x.mu.Unlock()
	if x.version < flow.HTTP11 {
		return nil // it has none
	}
	out := *head
	out.Fields = forward(head.Fields, hop{to: x.version})
	out.Fields.Del("Content-Length")
	out.Fields.Del("Transfer-Encoding")
	if x.version < flow.HTTP2 {
		out.Version = flow.HTTP11
	}
	if _, err := x.expecting.inform(x.stream, &out); err != nil {
		return clientError(err, flow.InHead)
	}
	return nil
}

// clientError is a failure to send to the client: unless the codec knows more,
// it has left.
func clientError(err error, phase flow.Phase) *flow.Error {
	e := asError(err, flow.AtClient, phase)
	if e.Cause == flow.Unspecified {
		c := *e
		c.Cause = flow.LeftByClient
		return &c
	}
	return e
}
