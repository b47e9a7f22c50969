package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// refuse ends an exchange whose response head was not sent: with an error page
// where the client is still there to read it.
func (x *exchange) refuse(err *flow.Error) {
	x.blame(err)
	x.mu.Lock()
	err = x.failure // an upload may have failed first, and say why
	call := x.call
	x.mu.Unlock()
	if call != nil {
		giveUp(call, err)
	}
	if x.sending.started || x.sending.reading {
		x.upload.Cancel(err)
	}
	if x.base.Err() != nil || err.Cause == flow.WasKilled || x.stream.Context().Err() != nil || err.Cause == flow.LeftByClient ||
		err.Peer == flow.AtClient && (err.Cause == flow.ResetByPeer || err.Cause == flow.ClosedEarly) || x.resetThrough(err) || x.closedThrough(err) {
		x.ctx.cancel(err)
		x.uploads.Wait()
		x.stream.Abort(err)
		return
	}
	x.uploads.Wait()
	if x.runError(err); context.Cause(&x.ctx) == errKilled { // instead of the page
		x.stream.Abort(errKilled)
		return
	}
	page, content := ErrorPage(err, AcceptsHTML(x.fields))
	last := notLast
	if x.unread() {
		last = lastOne
	}
	m := outgoing{method: x.method, status: page.Status, in: flow.Framing{Kind: flow.ByLength, Length: int64(len(content))}, to: x.version}
	framing := frameOut(m, &page.Fields)
	if option := persistence(x.version, x.fields, framing, last); option != "" {
		page.Fields.Add("Connection", option)
	}
	if x.version == flow.HTTP10 {
		page.Version = flow.HTTP10
	}
	send := x.stream.Respond
	if j, ok := x.stream.(Joiner); ok {
		send = j.RespondMore
	}
	sink, rerr := send(page, framing)
	if rerr != nil {
		x.ctx.cancel(err)
		x.stream.Abort(err)
		return
	}
	// A client that does not take the page may leave, and so may we.
	for _, ctx := range []context.Context{x.stream.Context(), x.base} {
		defer context.AfterFunc(ctx, func() { sink.Abort(context.Cause(ctx)) })()
	}
	x.mu.Lock()
	x.answered = page.Status
	x.mu.Unlock()
	if !bodiless(x.method, page.Status) {
		if _, werr := sink.Write(content); werr != nil {
			sink.Abort(werr)
			return
		}
	}
	if sink.Close(nil) == nil && !x.sending.started && !x.sending.reading {
		x.drain()
	}
}

// resetThrough tells whether a server has reset the stream of a request, before
// its head, in words that the client understands: it gets the same code, and decides by it whether
// to try again.
func (x *exchange) resetThrough(err *flow.Error) bool {
	return x.version >= flow.HTTP2 && err.Peer == flow.AtServer && err.Phase == flow.InHead && err.Code != 0 &&
		(err.Cause == flow.ResetByPeer || err.Cause == flow.RefusedRequest)
}

// closedThrough tells whether a server has closed its connection, or reset it,
// where its response head should have come: a program that does not know of
// midstream sees the same, and decides by it whether to try again. Who has set
// a proxy, and a person who looks at a page, is told what happened.
func (x *exchange) closedThrough(err *flow.Error) bool {
	if !x.direct || !unknowing(x.origin.Client) || AcceptsHTML(x.fields) || err.Peer != flow.AtServer || err.Phase != flow.InHead || err.Code != 0 ||
		err.Cause != flow.ResetByPeer && err.Cause != flow.ClosedEarly || x.goesTo.version >= flow.HTTP2 {
		return false
	}
	x.mu.Lock()
	call := x.call
	x.mu.Unlock()
	if call == nil {
		return true
	}
	server := call.Server()
	return server == nil || server.TLS == nil || server.TLS.ALPN != "h2" // which resets a stream without saying why
}

// unknowing tells whether a client does not know that it does not speak to the server:
// one in reverse or transparent mode.
func unknowing(client *flow.Conn) bool {
	if client == nil {
		return false
	}
	mode, _, _ := strings.Cut(client.Mode, ":")
	return mode == "reverse" || mode == "transparent"
}

// finish waits for all that still runs, lets the error event run where there
// was no whole response, and closes the record.
func (x *exchange) finish() {
	x.uploads.Wait()
	if x.unlink != nil {
		x.unlink()
	}
	if !x.ctx.settle() {
		x.torn.Wait()
	}
	x.ctl.Finish()
	x.e.running.remove(x.live.Number)
	x.mu.Lock()
	call, flowing, coming, failure := x.call, x.flowing, x.coming, x.failure
	if x.lateStop != nil {
		x.lateStop()
	}
	x.mu.Unlock()
	if flowing != nil {
		flowing.Cancel(errNotNeeded)
	}
	if coming != nil {
		coming.Cancel(errNotNeeded)
	}
	if call != nil {
		if failure != nil || !x.resp.body.Ended || !x.req.body.Ended {
			var cause error = errNotNeeded
			if failure != nil {
				cause = failure
			}
			giveUp(call, cause)
		}
		call.Close()
	}
	if failure != nil {
		x.runError(failure)
	}
	x.ctx.cancel(nil)
	x.letGo()
	for _, s := range x.spools {
		if s != nil {
			s.Close()
		}
	}
	if !x.watched() && x.origin.Ended == nil {
		return
	}
	x.req.conclude(false)
	x.resp.conclude(false)
	x.req.marks.end()
	x.resp.marks.end()
	f := x.final()
	seen := x.visible(f)
	x.record.End(seen)
	for _, w := range x.e.watchers {
		w.Watch(seen)
	}
	if x.origin.Ended != nil {
		x.origin.Ended(f)
	}
}

// letGo runs the finished event: what hooks note late still reaches the last
// picture.
func (x *exchange) letGo() {
	if !x.set.Hears(hook.OnFinished) {
		return
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	x.set.Finished(x.live)
}

// runError runs the error event, once, where the response event has not run: before
// an error page is sent, so that a hook may kill the flow instead, else at the end,
// when the exchange's own context has ended.
func (x *exchange) runError(err *flow.Error) {
	if x.ran || x.toldError || !x.set.Hears(hook.OnError) {
		return
	}
	x.toldError = true
	ctx := x.base
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	x.live.Err = err
	x.settleSent()
	x.set.Error(ctx, x.live) // the set has noted what went wrong in it
}

// outcome is the honest end state.
func (x *exchange) outcome() flow.Outcome {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.failure
	if x.settled && (err == nil || x.req.body.Ended || x.upload == nil || x.contented(err)) {
		return flow.Outcome{Kind: flow.Completed, Bytes: x.resp.sent.Load()}
	}
	if err == nil {
		err = &flow.Error{Err: errors.New("the exchange ended without a response")}
	}
	o := flow.Outcome{Kind: outcomeKind(err), Phase: err.Phase.String(), Text: err.Error()}
	switch err.Cause {
	case flow.LeftByClient, flow.WasKilled, flow.Stopping:
		o.Phase = x.phase().String() // it came from outside
	}
	if x.live.Response != nil {
		o.Bytes = x.resp.sent.Load()
	} else {
		o.Bytes = x.req.sent.Load()
	}
	switch o.Kind {
	case flow.ClientLeft, flow.Killed, flow.Interrupt:
	default:
		if !x.begun {
			o.Text = errorText(err)
		}
	}
	o.Answered = x.answered
	return o
}

// contented tells whether err is no more than a client's word that it needs nothing
// further. Over HTTP/2 a response may end a request that has not come to its end, and
// its client then resets the stream (RFC 9113 section 8.1, gRPC); over HTTP/1 there is
// no such word.
func (x *exchange) contented(err *flow.Error) bool {
	if x.version < flow.HTTP2 {
		return false
	}
	switch err.Cause {
	case flow.LeftByClient:
		return true
	case flow.ResetByPeer, flow.ClosedEarly:
		return err.Peer == flow.AtClient && (err.Code == codeNoError || err.Code == codeCancel)
	}
	return false
}

// The error codes of a stream that nobody is to blame for (RFC 9113 section 7).
const (
	codeNoError = 0x0
	codeCancel  = 0x8
)

// phase is how far the exchange has come. mu is held.
func (x *exchange) phase() flow.Phase {
	switch {
	case x.begun:
		return flow.InBody
	case x.call != nil:
		return flow.InHead
	case len(x.tries) > 0:
		return flow.Dialing
	case x.req.received.Load() > 0:
		return flow.InBody
	}
	return flow.InHead
}

// outcomeKind maps a failure to how the exchange ended.
func outcomeKind(err *flow.Error) flow.OutcomeKind {
	switch err.Cause {
	case flow.WasKilled:
		return flow.Killed
	case flow.Stopping:
		return flow.Interrupt
	case flow.LeftByClient:
		return flow.ClientLeft
	case flow.TooLarge, flow.Forbidden:
		return flow.Refused
	case flow.Timeout:
		return flow.TimedOut
	}
	switch err.Peer {
	case flow.AtClient:
		if err.Cause == flow.Malformed {
			return flow.Refused
		}
		return flow.ClientLeft
	case flow.AtServer:
		switch {
		case err.Cause == flow.ResetByPeer:
			return flow.WasReset
		case err.Phase == flow.InBody:
			return flow.ServerCut
		}
	}
	return flow.Failed
}
