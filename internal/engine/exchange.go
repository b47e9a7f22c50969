package engine

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// exchange is one run of Serve.
type exchange struct {
	e      *Engine
	policy *Policy
	stream Stream
	up     Upstream
	origin Origin
	record Record
	set    *hook.Set
	// redaction is what record and watchers see through; nil hides nothing.
	redaction Redaction

	// What the client's request said, before any hook changed it: it decides
	// what the client can read.
	method   string
	protocol string
	version  flow.Version
	fields   flow.Fields
	upload   body.Reader // nil when the request has no body
	framing  flow.Framing
	// direct: a client of HTTP/1 that takes midstream for the server.
	direct bool

	// ctx ends when the client leaves, midstream stops, a hook kills, or one
	// side fails; its cause says which. base ends only when midstream stops.
	ctx  life
	base context.Context
	// unlink stops what watches base; torn is done when the teardown has run.
	unlink func() bool
	torn   sync.WaitGroup

	// hooks serialises the hooks; it guards live and the pictures of it.
	hooks sync.Mutex
	// inHook tells that who has the lock runs hooks, which may take any time.
	inHook atomic.Bool
	live   *hook.Exchange
	ctl    hook.Control
	shown  pictures
	// changes is nil until hooks run on what somebody sees.
	changes *changes
	// asks is the record that asks for pictures, nil where each is handed to it;
	// over tells that the last one is taken, or being taken.
	asks Asking
	over bool
	// goesTo is guarded by hooks, too.
	goesTo destination

	// switching is held while a retry opens another call, and by the upload
	// while it takes its sink: a request that was touched is not sent twice.
	switching sync.Mutex
	touched   bool
	// again is a body that has flowed, small and whole, to a call that was Uncertain;
	// nil for none. keeping is closed when that is decided, nil where it is not tried.
	// Both are guarded by mu.
	again   []byte
	keeping chan struct{}

	order     sequence
	req, resp half
	sending   sending
	arriving  arriving
	spools    [2]*body.Spool // held bodies by side

	// uploads counts the goroutine that sends the request body.
	uploads   sync.WaitGroup
	expecting expectation

	mu        sync.Mutex  // guards what follows, and the bodies of req and resp
	flowing   body.Reader // the request body as it goes on; nil when it does not flow
	coming    body.Reader // the response body as it goes on
	call      Call
	sink      body.Sink // of the response; nil before its head
	raw       [2]body.Duplex
	torndown  error // the cause, once the teardown has begun
	answered  int   // the status of our own answer
	failure   *flow.Error
	tries     []flow.Try
	interim   []flow.Response
	uploadErr error // why the server took no more of the request
	lateStop  context.CancelFunc
	begun     bool         // the head of a response, not an error page, was sent
	called    *flow.RPC    // how a call ended, where its messages have said it
	settled   bool         // the response has been sent whole
	told      flow.Framing // of the response, as the client was told; the delivering goroutine's
	ran       bool         // the response event has run
	toldError bool         // the error event has run, or does
}

func (e *Engine) begin(base context.Context, s Stream, up Upstream, o Origin) *exchange {
	head := s.Request()
	x := &exchange{
		e: e, policy: e.policy.Load(), stream: s, up: up, origin: o, set: o.Set, record: e.startRecord(o.Past), redaction: e.beginRedaction(), base: base,
		method: head.Method, protocol: head.Protocol, version: head.Version, fields: head.Fields, framing: s.Framing(),
	}
	x.req.x, x.req.side = x, flow.ToServer
	x.resp.x, x.resp.side = x, flow.ToClient
	x.req.body.Declared = x.framing.Known()
	if a, ok := x.record.(Asking); ok && o.Intercept == nil && o.Past == nil && !o.Set.Waits() {
		x.asks = a
	}
	if head.Start.IsZero() {
		head.Start = time.Now()
	}
	x.order.base, x.order.past = head.Start, o.Past
	if x.redaction != nil {
		x.order.settles()
	}
	// One of HTTP/1.0 that asks to keep its connection can get that from midstream
	// where the server does not speak of it.
	x.direct = head.Form != flow.AbsoluteForm && !o.Replayed && o.Past == nil &&
		(head.Version == flow.HTTP11 || head.Version == flow.HTTP10 && !head.Fields.HasToken("Connection", "keep-alive"))
	if x.framing.Kind != flow.Unframed {
		x.upload = s.Body()
	}
	x.live, x.ctl = hook.NewExchange(*head, o.Client, o.Set, x.kill)
	x.live.Number, x.live.Metadata, x.live.Expected = x.record.Number(), maps.Clone(o.Metadata), o.Expected
	if o.Replayed {
		x.live.Replayed = flow.RequestReplayed
	}
	if o.Past != nil {
		o.Past.Seed(x.live)
	}
	if o.Set != nil {
		x.fields = head.Fields.Clone() // hooks change the live ones
	}
	x.torn.Add(1)
	x.ctx.begin(s.Context(), x.teardown)
	if b, ok := s.(Bounded); !ok || !b.EndsWith(base) {
		x.unlink = context.AfterFunc(base, func() { x.ctx.cancel(errStopping) })
	}
	e.running.add(x.live.Number, x)
	if o.Began != nil {
		o.Began(x.live.Number)
	}
	return x
}

// Causes that have no peer to blame.
var (
	errKilled   = &flow.Error{Cause: flow.WasKilled, Phase: flow.InBody, Err: errors.New("killed by a hook or a person")}
	errStopping = &flow.Error{Cause: flow.Stopping, Phase: flow.InBody, Err: errors.New("midstream is stopping")}
	// errNotNeeded ends what one side need not send any more.
	errNotNeeded = &flow.Error{Cause: flow.NotNeeded, Phase: flow.InBody, Err: errors.New("the exchange was answered without it")}
)

// kill is what hook.Exchange.Kill calls.
func (x *exchange) kill() {
	x.ctx.cancel(errKilled)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lateStop != nil {
		x.lateStop()
	}
}

// teardown makes everything that waits return, and tells both peers. It runs in
// a goroutine of its own when ctx ends before the exchange does.
func (x *exchange) teardown() {
	defer x.torn.Done()
	cause := error(x.left())
	x.mu.Lock()
	x.torndown = cause
	call, sink, raw := x.call, x.sink, x.raw
	flowing, coming := x.flowing, x.coming
	x.mu.Unlock()
	if x.upload != nil {
		x.upload.Cancel(cause)
	}
	if flowing != nil {
		flowing.Cancel(cause)
	}
	if coming != nil {
		coming.Cancel(cause)
	}
	if call != nil {
		giveUp(call, cause)
	}
	if sink != nil {
		sink.Abort(cause)
	}
	for _, d := range raw {
		if d != nil {
			d.Reset()
		}
	}
}

// fail notes why the exchange failed and ends what still runs. The first
// failure is the one that counts.
func (x *exchange) fail(err *flow.Error) {
	x.blame(err)
	x.ctx.cancel(err)
}

// blame notes a failure without ending anything.
func (x *exchange) blame(err *flow.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failure == nil {
		x.failure = err
	}
}

// left returns why ctx has ended, nil while it has not.
func (x *exchange) left() *flow.Error {
	if x.ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(&x.ctx)
	if e, ok := errors.AsType[*flow.Error](cause); ok {
		return e
	}
	if x.base.Err() != nil {
		return errStopping // the stream's context may end with it, and first
	}
	return asError(cause, flow.AtClient, flow.InBody)
}

// giveUp ends a call in both directions. Cancel does nothing once the response
// has ended, but the upload may still run.
func giveUp(call Call, cause error) {
	call.Cancel(cause)
	if sink := call.Body(); sink != nil {
		sink.Abort(cause)
	}
}

// asError makes a *flow.Error of any error.
func asError(err error, peer flow.Peer, phase flow.Phase) *flow.Error {
	if e, ok := errors.AsType[*flow.Error](err); ok {
		return e
	}
	cause := flow.Unspecified
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		cause = flow.Timeout
	case errors.Is(err, context.Canceled) && peer == flow.AtClient:
		cause = flow.LeftByClient
	}
	return &flow.Error{Peer: peer, Phase: phase, Cause: cause, Err: err}
}

// find adds a finding to the flow.
func (x *exchange) find(code, text string) { x.live.Find(code, text) }

// setCall makes c the call in use.
func (x *exchange) setCall(c Call) {
	x.mu.Lock()
	x.call = c
	cause := x.torndown
	x.mu.Unlock()
	if cause != nil && c != nil {
		giveUp(c, cause)
	}
	if s, ok := x.stream.(Prioritized); ok && c != nil {
		x.followPriority(s, c)
	}
}

// followPriority makes the server of c hear how the client changes the priority of
// its request. A second call hears what the first one has heard.
func (x *exchange) followPriority(s Prioritized, c Call) {
	to, _ := c.(Prioritizer)
	s.FollowPriority(func(p flow.PriorityChange) {
		if to != nil {
			to.Prioritize(p)
		}
		x.find("priority-changed", "after its head the client gave the request another priority: "+p.String())
	})
}

// setFlowing makes r the request body that goes on, setComing the response's:
// what must be cancelled when the exchange ends early.
func (x *exchange) setFlowing(r body.Reader) { x.setReader(&x.flowing, r) }

func (x *exchange) setComing(r body.Reader) { x.setReader(&x.coming, r) }

func (x *exchange) setReader(at *body.Reader, r body.Reader) {
	x.mu.Lock()
	*at = r
	cause := x.torndown
	x.mu.Unlock()
	if cause != nil {
		r.Cancel(cause)
	}
}

// setSink makes s the sink of the response.
func (x *exchange) setSink(s body.Sink) {
	x.mu.Lock()
	x.sink = s
	cause := x.torndown
	x.mu.Unlock()
	if cause != nil {
		s.Abort(cause)
	}
}

// guard runs hooks, one at a time, and returns why the exchange must not go on.
// run gets the context that ends with the exchange.
func (x *exchange) guard(run func(context.Context, *hook.Exchange) error) *flow.Error {
	x.inHook.Store(true)
	err := run(&x.ctx, x.live)
	x.inHook.Store(false)
	if x.live.Killed() {
		return errKilled
	}
	if err := x.left(); err != nil {
		return err
	}
	if err != nil {
		return &flow.Error{Phase: flow.InHead, Status: 502, Err: err}
	}
	return nil
}
