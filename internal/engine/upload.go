package engine

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// sending is how the request body goes on, decided before anything is sent.
type sending struct {
	held        *body.Spool  // the whole body, when it was held
	lengthFirst bool         // it was held to learn its length
	started     bool         // the goroutine of a body that flows runs, or ran
	reading     bool         // a read of a body that was let go is under way
	method      string       // as it was sent
	framing     flow.Framing // written under the hooks lock
	// relayed is closed when a body that flows has passed whole, its end not yet;
	// nil where no hook on the response could ask for it.
	relayed chan struct{}
}

// startUpload sends the body of the request to call. A body that flows keeps
// its goroutine over a retry; one that is at hand is sent again.
func (x *exchange) startUpload(call Call) {
	x.mu.Lock()
	flowing, again := x.flowing, x.again
	x.mu.Unlock()
	x.hooks.Lock() // the upload of the try before may have come to its end, and to its hooks
	held := x.sending.held != nil || x.live.Request.Changed()
	trailers := x.live.Request.Trailers
	x.hooks.Unlock()
	switch {
	case again != nil:
		x.uploads.Go(func() { x.sendHeld(call) })
	case held:
		if x.sending.framing.Kind == flow.Unframed {
			x.ended(&x.req)
			return
		}
		x.uploads.Go(func() { x.sendHeld(call) })
	case flowing != nil:
		if !x.sending.started {
			x.sending.started = true
			if x.set.Looks(flow.ToClient) || x.set.Hears(hook.OnError) {
				x.sending.relayed = make(chan struct{})
			}
			x.uploads.Go(func() { x.sendFlowing(flowing) })
		}
	default:
		x.ended(&x.req)
		if x.sending.framing.Kind != flow.Unframed {
			if err := call.Body().Close(trailers); err != nil {
				x.uploadBroke(asError(err, flow.AtServer, flow.InBody))
			}
		}
	}
}

// sendHeld sends a body that is at hand.
func (x *exchange) sendHeld(call Call) {
	sink := call.Body()
	x.mu.Lock()
	again := x.again
	x.mu.Unlock()
	x.hooks.Lock()
	src, err := body.Bytes(again), (*flow.Error)(nil)
	if again == nil {
		src, err = x.atHand(&x.live.Request.Body, x.sending.held)
	}
	trailers := x.live.Request.Trailers
	x.hooks.Unlock()
	if err != nil {
		x.fail(err)
		sink.Abort(err)
		return
	}
	x.req.sent.Store(0)
	if err := x.relay(&x.req, sink, src); err != nil {
		x.uploadStopped(sink, err)
		return
	}
	if err := sink.Close(trailers); err != nil {
		x.uploadBroke(asError(err, flow.AtServer, flow.InBody))
		return
	}
	x.ended(&x.req)
	x.seal(flow.ToServer)
}

// atHand opens a body that a hook has set, or that was held.
func (x *exchange) atHand(b *hook.Body, held *body.Spool) (body.Reader, *flow.Error) {
	if p, changed := x.ctl.Replaced(b); changed {
		return body.Bytes(p), nil
	}
	var kept hook.Source
	if kept = x.ctl.Given(b); held != nil {
		kept = held
	}
	if kept == nil {
		return body.Bytes(nil), nil
	}
	r, err := kept.Open()
	if err != nil {
		return nil, &flow.Error{Phase: flow.InBody, Status: 502, Err: fmt.Errorf("read back a held body: %w", err)}
	}
	return body.From(&closing{r, kept.Len()}, nil), nil
}

// sendFlowing sends a body as it comes, to whichever call is in use when its
// first byte has come.
func (x *exchange) sendFlowing(src body.Reader) {
	sink := &lateSink{x: x}
	if err := x.relay(&x.req, sink, src); err != nil {
		x.uploadStopped(sink, err)
		if sink.readOn(src) {
			x.hooks.Lock()
			x.live.Request.Trailers = src.Trailers()
			x.hooks.Unlock()
			sink.whole()
		}
		return
	}
	if x.sending.relayed != nil {
		close(x.sending.relayed)
	}
	end := time.Now() // who has the lock may have it for long
	x.lockAtEnd(sink)
	r := x.live.Request
	r.Trailers, r.End = src.Trailers(), end
	pass := x.disposition(&x.req) == flow.Pass
	if pass {
		if x.set.Looks(flow.ToServer) {
			letGo(sink)
		}
		if err := x.lateRequest(&x.ctx); err != nil {
			x.hooks.Unlock()
			x.fail(err)
			sink.Abort(err)
			return
		}
	}
	trailers := r.Trailers
	if len(trailers) > 0 && !hasTrailers(x.serverVersion(), x.sending.framing) {
		x.dropTrailers(flow.ToServer)
		trailers = nil
	}
	x.hooks.Unlock()
	if err := sink.Close(trailers); err != nil {
		x.uploadStopped(sink, &body.WriteError{Err: asError(err, flow.AtServer, flow.InBody)})
		sink.whole()
		return
	}
	x.ended(&x.req)
	sink.whole()
	if pass || !x.set.Looks(flow.ToServer) {
		return
	}
	x.hooks.Lock()
	err := x.lateRequest(x.lateContext())
	x.hooks.Unlock()
	if err != nil {
		x.fail(err)
	}
}

// relay moves a body; its error is a *body.ReadError, a *body.WriteError, or
// why the exchange ends. The sink may have kept the last piece, for the end to leave
// with it: who does anything between that may wait lets it go first.
func (x *exchange) relay(h *half, dst body.Sink, src body.Reader) error {
	opt := body.RelayOptions{PieceSize: x.policy.pieceSize, Buffers: &x.e.buffers, Joined: true, From: flow.AtClient, To: flow.AtServer}
	if h.side == flow.ToClient {
		opt.From, opt.To = flow.AtServer, flow.AtClient
	}
	if h.body.Declared >= 0 && !h.rewrites {
		opt.PieceSize = 0 // a body by length has no boundaries to keep
	}
	h.next = int(min(max(h.body.Declared, 0), body.PieceSize))
	_, err := body.Relay(&x.ctx, dst, src, h, opt)
	return err
}

// briefly is how often one who has the lock of hooks and runs none is waited for.
const briefly = 1000

// lockAtEnd takes the lock of hooks behind a body; the last piece does not wait for
// a hook that has it, but for a picture that is being taken it does: it would leave
// without the end that came with it.
func (x *exchange) lockAtEnd(sink body.Sink) {
	for range briefly {
		if x.hooks.TryLock() {
			return
		}
		if x.inHook.Load() {
			break
		}
		runtime.Gosched()
	}
	letGo(sink)
	x.hooks.Lock()
}

// letGo sends a last piece that a sink has kept. What hinders that is said again by
// its Close.
func letGo(sink body.Sink) {
	if _, ok := sink.(body.LastWriter); ok {
		_, _ = sink.Write(nil)
	}
}

// uploadStopped ends an upload that did not come to its end.
func (x *exchange) uploadStopped(sink body.Sink, err error) {
	if w, ok := errors.AsType[*body.WriteError](err); ok && x.ctx.Err() == nil {
		x.uploadBroke(w.Err)
		return
	}
	why := x.left()
	if why == nil {
		why = asError(err, flow.AtClient, flow.InBody)
	}
	if why.Cause != flow.NotNeeded {
		// First: the end of the connection is seen on its other half, too, and is
		// not the reason.
		x.fail(why)
	}
	sink.Abort(why)
}

// uploadBroke notes that the server takes no more. It is not the end: a server
// may have answered early, and what it said is still to come.
func (x *exchange) uploadBroke(err *flow.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.uploadErr == nil {
		x.uploadErr = err
	}
}

// keptAgain is how much of a body that flows is kept while it is not known whether
// its server can have processed it.
const keptAgain = 64 << 10

// lateSink is the sink of a call that is chosen when the first byte, or the
// end, of the body has come. From then on the request cannot be sent again, unless
// the call is Uncertain and the body small: then it is kept.
type lateSink struct {
	x     *exchange
	sink  body.Sink
	keeps bool
	kept  []byte
}

func (s *lateSink) touch() (body.Sink, error) {
	if s.sink == nil {
		s.x.switching.Lock()
		defer s.x.switching.Unlock()
		s.x.mu.Lock()
		call := s.x.call
		s.x.mu.Unlock()
		if call == nil {
			return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.NoConnection, Err: io.ErrClosedPipe}
		}
		s.x.touched = true
		s.sink = call.Body()
		if u, ok := call.(Uncertain); ok && u.Uncertain() {
			s.keeps = true
			s.x.mu.Lock()
			s.x.keeping = make(chan struct{})
			s.x.mu.Unlock()
		}
	}
	return s.sink, nil
}

// keep keeps p, which is about to be sent, as long as all of it is kept.
func (s *lateSink) keep(p []byte) {
	if !s.keeps {
		return
	}
	if len(s.kept)+len(p) > keptAgain {
		s.forget()
		return
	}
	s.kept = append(s.kept, p...)
}

// readOn keeps what has come of a body that could not be sent on, and tells whether
// that is all of it. Nothing is waited for.
func (s *lateSink) readOn(src body.Reader) (all bool) {
	var p [4 << 10]byte
	for s.keeps && (body.Over(src) || src.Ready()) {
		n, err := src.Read(p[:])
		if s.keep(p[:n]); err == io.EOF {
			return s.keeps
		}
		if err != nil || n == 0 {
			break
		}
	}
	s.forget()
	return false
}

// forget gives up what was kept: it will not be all.
func (s *lateSink) forget() {
	if s.keeps {
		s.keeps, s.kept = false, nil
		close(s.x.keeping)
	}
}

// whole tells that all of the body has been given to Write; what came of that is
// noted by now, for another call may be opened at once.
func (s *lateSink) whole() {
	if !s.keeps {
		return
	}
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	if s.x.again = s.kept; s.kept == nil {
		s.x.again = []byte{}
	}
	s.keeps = false
	close(s.x.keeping)
}

func (s *lateSink) Write(p []byte) (int, error) {
	sink, err := s.touch()
	if err != nil {
		return 0, err
	}
	s.keep(p)
	return sink.Write(p)
}

func (s *lateSink) WriteMore(p []byte) (int, error) {
	sink, err := s.touch()
	if err != nil {
		return 0, err
	}
	s.keep(p)
	return sink.WriteMore(p)
}

// WriteLast is Write where the call's sink has nothing better.
func (s *lateSink) WriteLast(p []byte) (int, error) {
	sink, err := s.touch()
	if err != nil {
		return 0, err
	}
	s.keep(p)
	if l, ok := sink.(body.LastWriter); ok {
		return l.WriteLast(p)
	}
	return sink.Write(p)
}

func (s *lateSink) Close(trailers flow.Fields) error {
	sink, err := s.touch()
	if err != nil {
		return err
	}
	return sink.Close(trailers)
}

func (s *lateSink) Abort(cause error) {
	if s.sink != nil {
		s.sink.Abort(cause)
	}
}
