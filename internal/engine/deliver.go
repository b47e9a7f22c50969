package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// respond sends the head of the live response. The client may have asked for
// the connection to be closed, or have an upload that will never be read.
//
// The head leaves at once, before a byte of the body is read, unless that is
// certain to follow without a wait.
func (x *exchange) respond(last lastness) (body.Sink, *flow.Error) {
	x.hooks.Lock()
	m := x.responseOutline()
	out := x.live.Response.Response
	changed := x.live.Response.Changed()
	// Message hooks may leave the body alone; they say when they did not.
	certain := changed || x.live.Response.Stream.Transform != nil || !x.resp.listened && len(x.live.Response.Rewritings()) == 0
	framing := framingOf(m)
	option := persistence(x.version, x.fields, framing, last)
	if m.direct {
		option = x.persistsAsThere(&out, framing, last)
	}
	if last == lastOne && out.Status == 417 {
		// curl asks again without Expect, but not where it reads "close".
		option = x.lastSilently(option)
	}
	out.Fields = forward(out.Fields, hop{
		to: m.to, upgrade: out.Status == 101 || out.Status == 426,
		connection: option, direct: m.direct,
	})
	out.Trailers = nil
	if changed && !x.arriving.made && bodiless(m.method, m.status) {
		// What describes the body that GET would have had is the server's to say.
		out.Fields.SetAll("Content-Length", x.arriving.lengths)
	}
	frameOut(m, &out.Fields)
	out.LineFeed = out.LineFeed && m.direct
	if m.direct && out.Version == flow.HTTP10 && framing.Kind != flow.Chunked {
		// It leaves as the server's.
	} else if m.to == flow.HTTP11 || m.to == flow.HTTP10 && (out.Version > flow.HTTP11 || out.Version == 0) {
		if out.Version != m.to {
			out.Version, out.Wire = m.to, ""
		}
	}
	if m.change != asItCame && certain && !x.arriving.made {
		x.noteStale(flow.ToClient, out.Fields)
	}
	x.arriving.out = framing
	if !x.switches(out.Status) {
		x.resp.format(out.Fields)
		if x.watched() && x.unaryCall(out.Status, out.Fields) {
			x.resp.errorBody(out.Status, out.Fields)
		}
	}
	x.hooks.Unlock()
	if m.change == resized && m.length > 0 && bodiless(m.method, m.status) {
		x.find("body-not-sent", "a response to "+m.method+" with this status has no body: the one that a hook set was not sent")
	}
	send := x.stream.Respond
	if j, ok := x.stream.(Joiner); ok && x.arriving.follows() {
		send = j.RespondMore
	}
	x.told = framing
	sink, err := send(&out, framing)
	if err != nil {
		if why := x.left(); why != nil {
			return nil, why
		}
		if e, ok := errors.AsType[*flow.Error](err); ok && e.Peer == flow.AtProxy {
			return nil, e // the head cannot be sent
		}
		return nil, clientError(err, flow.InHead)
	}
	x.setSink(sink)
	x.mu.Lock()
	x.begun = true
	x.mu.Unlock()
	return sink, nil
}

// deliver sends the response, head first, and runs what is left of its hooks.
func (x *exchange) deliver() *flow.Error {
	sink, err := x.respond(x.lastness())
	if err != nil {
		return err
	}
	if x.arriving.flowing != nil {
		return x.deliverFlowing(sink, x.arriving.flowing)
	}
	return x.deliverWhole(sink)
}

// lastness tells whether the client's connection cannot serve another exchange
// whatever comes: it was told not to send its body, or to stop.
func (x *exchange) lastness() lastness {
	if x.upload == nil {
		return notLast
	}
	if x.expecting.wanted && !x.expecting.continued() && x.req.received.Load() == 0 {
		return lastOne
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.uploadErr != nil {
		return lastOne
	}
	return notLast
}

// deliverWhole sends a body that is at hand, or none.
func (x *exchange) deliverWhole(sink body.Sink) *flow.Error {
	x.hooks.Lock()
	resp := x.live.Response
	trailers, status := resp.Trailers, resp.Status
	src, err := x.atHand(&resp.Body, x.arriving.held)
	if err == nil && x.arriving.made && (resp.Stream.Transform != nil || resp.Len() > 0) {
		src, err = x.rewritten(&x.resp, src, &resp.Response.Message, &resp.Body)
	}
	x.hooks.Unlock()
	if !bodiless(x.method, status) {
		if err != nil {
			x.breakOff(sink, err)
			return err
		}
		if err := x.relay(&x.resp, sink, src); err != nil && !x.delivered() {
			return x.responseStopped(sink, err)
		}
	}
	if x.arriving.end != nil {
		// It may still have to come, with trailers.
		letGo(sink)
		var err *flow.Error
		if trailers, err = x.readEnd(x.arriving.end, trailers); err != nil {
			return x.responseStopped(sink, err)
		}
	}
	if err := x.end(sink, trailers); err != nil {
		return err
	}
	x.seal(flow.ToClient)
	return nil
}

// delivered tells that the client has been sent all that the head had said: one
// that leaves then has not left early.
func (x *exchange) delivered() bool {
	switch {
	case x.left() == nil:
	case x.told.Kind == flow.ByLength:
		return x.resp.sent.Load() == x.told.Length
	case x.told.Kind == flow.Unframed:
		return x.version >= flow.HTTP2 // the end left on the head
	}
	return false
}

// readEnd reads a body that has no bytes to its end.
func (x *exchange) readEnd(r body.Reader, trailers flow.Fields) (flow.Fields, *flow.Error) {
	var p [1]byte
	switch n, err := r.Read(p[:]); {
	case n > 0:
		return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.Malformed, Err: errors.New("the server sent more of the response body than its head had said")}
	case err != nil && err != io.EOF:
		return nil, asError(err, flow.AtServer, flow.InBody)
	}
	if t := r.Trailers(); trailers == nil && t != nil {
		x.hooks.Lock()
		x.live.Response.Trailers = t
		x.hooks.Unlock()
		trailers = t
	}
	return trailers, nil
}

// deliverFlowing sends a body as it comes.
func (x *exchange) deliverFlowing(sink body.Sink, src body.Reader) *flow.Error {
	if err := x.relay(&x.resp, sink, src); err != nil && !x.delivered() {
		return x.responseStopped(sink, err)
	}
	x.lockAtEnd(sink)
	resp := x.live.Response
	resp.Trailers, resp.End = src.Trailers(), time.Now()
	pass := x.disposition(&x.resp) == flow.Pass
	if pass {
		if x.set.Looks(flow.ToClient) {
			letGo(sink)
		}
		if err := x.lateResponse(&x.ctx); err != nil {
			x.hooks.Unlock()
			x.breakOff(sink, err)
			return err
		}
	}
	trailers := resp.Trailers
	x.hooks.Unlock()
	if err := x.end(sink, trailers); err != nil {
		return err
	}
	if pass {
		return nil
	}
	x.ran = true
	if !x.set.Looks(flow.ToClient) {
		return nil
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	x.lateResponse(x.lateContext()) // a guard comes too late: all was sent
	return nil
}

// end sends the end of the response.
func (x *exchange) end(sink body.Sink, trailers flow.Fields) *flow.Error {
	if !hasTrailers(x.version, x.arriving.out) && len(trailers) > 0 {
		x.dropTrailers(flow.ToClient)
		trailers = nil
	}
	if why := x.left(); why != nil && !x.delivered() {
		x.breakOff(sink, why)
		return why
	}
	// A client that has all may end the stream before it hears that this is all.
	if err := sink.Close(trailers); err != nil && !x.delivered() {
		if why := x.left(); why != nil {
			return why
		}
		return clientError(err, flow.InBody)
	}
	x.resp.conclude(true)
	x.mu.Lock()
	x.settled = true
	x.resp.body.Ended = true
	x.mu.Unlock()
	return nil
}

// breakOff ends the response as a broken one. Why is noted first: the upload may
// share the connection, and must not be blamed for its end.
func (x *exchange) breakOff(sink body.Sink, why *flow.Error) {
	x.blame(why)
	sink.Abort(why)
}

// responseStopped ends a response that did not come to its end as a broken one.
func (x *exchange) responseStopped(sink body.Sink, err error) *flow.Error {
	why := x.left()
	if why == nil {
		if w, ok := errors.AsType[*body.WriteError](err); ok {
			why = clientError(w.Err, flow.InBody)
		} else {
			why = asError(err, flow.AtServer, flow.InBody)
		}
	}
	x.breakOff(sink, why)
	return why
}

// notFinal tells why the live response cannot end the exchange: hooks have made an
// interim one of it, behind which a client waits for another. The hooks lock is held.
func (x *exchange) notFinal() *flow.Error {
	if status := x.live.Response.Status; status < 200 {
		return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead,
			Err: fmt.Errorf("a hook set the status %d, which ends no exchange; one that does is from 200 to 999", status)}
	}
	return nil
}

// answer sends the response that a hook made before anything was dialled.
func (x *exchange) answer() {
	x.hooks.Lock()
	resp := x.live.Response
	if resp.Version == 0 {
		resp.Version = flow.HTTP11
	}
	var err *flow.Error
	if x.set.Hears(hook.OnResponseHeaders) {
		x.show(flow.ToClient)
		err = x.guard(x.set.ResponseHeaders)
	}
	if x.live.Response == nil {
		x.live.Response = resp
	}
	if err == nil {
		err = x.takeMade()
	}
	if err == nil {
		err = x.notFinal()
	}
	x.hooks.Unlock()
	if err != nil {
		x.refuse(err)
		return
	}
	last := notLast
	if x.unread() {
		last = lastOne
	}
	sink, err := x.respond(last)
	if err == nil {
		err = x.deliverWhole(sink)
	}
	if err != nil {
		x.undelivered(err)
		return
	}
	x.afterResponse()
}

// undelivered ends an exchange whose response did not reach the client whole.
func (x *exchange) undelivered(why *flow.Error) {
	x.mu.Lock()
	begun := x.begun
	x.mu.Unlock()
	if !begun && why.Peer == flow.AtProxy && why.Phase == flow.InHead && why.Cause == flow.Unspecified {
		x.refuse(why)
		return
	}
	x.fail(why)
	if !begun {
		x.stream.Abort(why)
	}
}

// unread tells whether the client may still have to send some of its body.
func (x *exchange) unread() bool {
	return x.upload != nil && !x.framing.Empty() && x.sending.held == nil
}

// afterResponse waits for the upload, as long as it is wanted, and reads away
// what is left of it otherwise.
func (x *exchange) afterResponse() {
	if x.upload == nil {
		return
	}
	if x.expecting.wanted && !x.expecting.continued() && x.req.received.Load() == 0 {
		// The client was answered instead of being asked for the body.
		x.upload.Cancel(errNotNeeded)
	}
	if x.arriving.made && x.sending.started {
		// Nobody takes the rest; the client may not even send it.
		defer after(drainTime, func() { x.upload.Cancel(errNotNeeded) })()
	}
	x.uploads.Wait()
	x.mu.Lock()
	broke := x.uploadErr
	x.mu.Unlock()
	if broke != nil {
		x.find("upload-unfinished", "the server answered and took only a part of the request body: "+broke.Error())
	}
	x.drain()
}

// drain reads away what is left of an upload that nobody wants any more, so
// that closing the connection does not destroy the response on its way.
func (x *exchange) drain() {
	x.mu.Lock()
	flowing, ended := x.flowing, x.req.body.Ended
	x.mu.Unlock()
	if x.upload == nil || ended || x.sending.held != nil || x.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(&x.ctx, drainTime, errNotNeeded)
	defer cancel()
	if !x.expecting.wanted || x.expecting.continued() {
		n, _ := body.Drain(ctx, x.upload, drainBytes) // broken or not, it is thrown away
		x.req.received.Add(n)
	}
	x.upload.Cancel(errNotNeeded)
	if flowing != nil {
		flowing.Cancel(errNotNeeded)
	}
}
