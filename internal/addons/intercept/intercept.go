package intercept

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/message"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Alone is how long a flow is held while no front end is attached.
const Alone = 10 * time.Second

// MaxHeld bounds the flows that are held at a time; further ones go on.
const MaxHeld = 10_000

// Intercept is the addon. Make it with New.
type Intercept struct {
	log *slog.Logger

	mu       sync.Mutex // guards the rest
	filter   *query.Filter
	single   bool          // one flow is held, and then no other
	spent    bool          // it has been
	timeout  time.Duration // 0 is none
	attached int
	changed  chan struct{} // closed when attached or timeout change
	held     map[uint64]*Held
	tell     Told
}

// Told is told of what is held and let go. Its methods must return at once.
type Told struct {
	Held     func(Held)
	Released func(number uint64)
}

// New makes an intercept that holds nothing yet; log may be nil.
func New(log *slog.Logger) *Intercept {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Intercept{log: log, changed: make(chan struct{}), held: make(map[uint64]*Held)}
}

// Name implements hook.Named.
func (*Intercept) Name() string { return "intercept" }

// Observe implements hook.Observer: bodies are held because Wants says so.
func (*Intercept) Observe() bool { return true }

// Set says what is held from now on, nil for nothing, and for how long at most, 0
// for no limit. What is held stays so, but nothing is held any longer where filter
// is nil.
func (i *Intercept) Set(filter *query.Filter, timeout time.Duration) {
	i.mu.Lock()
	if filter == nil || i.filter == nil || filter.String() != i.filter.String() {
		i.spent = false
	}
	i.filter, i.timeout = filter, timeout
	i.stir()
	var all []*Held
	if filter == nil {
		for _, h := range i.held {
			all = append(all, h)
		}
	}
	i.mu.Unlock()
	for _, h := range all {
		h.release()
	}
}

// Active tells whether anything may be held.
func (i *Intercept) Active() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.wanted() != nil
}

// Filtering tells whether there is a filter: what it means may be held, now or later.
func (i *Intercept) Filtering() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.filter != nil
}

// wanted is what is held now, nil for nothing. mu is held.
func (i *Intercept) wanted() *query.Filter {
	if i.single && i.spent {
		return nil
	}
	return i.filter
}

// Next says whether only the next flow that the filter means is held, and what comes
// behind it passes; said again, it is the next from then on.
func (i *Intercept) Next(only bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.single, i.spent = only, false
}

// OnlyNext tells whether only the next flow is held, and whether it has come.
func (i *Intercept) OnlyNext() (only, spent bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.single, i.single && i.spent
}

// Tell has t told from now on.
func (i *Intercept) Tell(t Told) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tell = t
}

// Attach tells that a front end is there; the function returned, that it has left.
func (i *Intercept) Attach() (leave func()) {
	i.attach(1)
	return sync.OnceFunc(func() { i.attach(-1) })
}

// Attached tells whether a front end is there.
func (i *Intercept) Attached() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.attached > 0
}

func (i *Intercept) attach(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.attached += n
	i.stir()
}

// stir makes those that wait look again at how long they do. mu is held.
func (i *Intercept) stir() {
	close(i.changed)
	i.changed = make(chan struct{})
}

// wants is what was found of a message of an exchange.
type wants struct{ known, yes bool }

var decided [2]hook.Key[wants]

// Wants tells whether the whole of a message is to be held: it is asked by the
// engine when a body begins.
func (i *Intercept) Wants(x *hook.Exchange, side flow.Side) bool {
	if w, ok := decided[side].Get(x); ok {
		return w.yes && !w.known
	}
	s, m := &x.Request.Stream, &x.Request.Message
	if side == flow.ToClient {
		s, m = &x.Response.Stream, &x.Response.Message
	}
	if parkedAtHead(s, m) || i.heads(x, side) == query.No {
		decided[side].Put(x, wants{known: true})
		return false
	}
	decided[side].Put(x, wants{yes: true})
	return true
}

// heads tells whether the filter means a message, by heads alone.
func (i *Intercept) heads(x *hook.Exchange, side flow.Side) query.Truth {
	i.mu.Lock()
	filter := i.wanted()
	i.mu.Unlock()
	if filter == nil {
		return query.No
	}
	return filter.Heads(picture(x, side), time.Now())
}

// picture is what a filter sees of an exchange.
func picture(x *hook.Exchange, side flow.Side) *flow.Flow {
	f := rule.Picture(x)
	switch {
	case x.TCP != nil:
		f.Kind, f.Request, f.Response = flow.TCP, nil, nil
	case side == flow.ToServer:
		f.Response = nil
	}
	return f
}

// RequestHeaders parks a request whose body passes: --stream is stronger.
func (i *Intercept) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil || !parkedAtHead(&x.Request.Stream, &x.Request.Message) || i.heads(x, flow.ToServer) != query.Yes {
		return nil
	}
	decided[flow.ToServer].Put(x, wants{known: true})
	i.park(ctx, &Held{Stage: Request, x: x, side: flow.ToServer})
	return nil
}

// ResponseHeaders parks a response whose body passes, or whose messages are held
// one by one.
func (i *Intercept) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response == nil || !parkedAtHead(&x.Response.Stream, &x.Response.Message) || i.heads(x, flow.ToClient) != query.Yes {
		return nil
	}
	decided[flow.ToClient].Put(x, wants{known: true})
	i.park(ctx, &Held{Stage: Response, x: x, side: flow.ToClient})
	return nil
}

// parkedAtHead tells whether a message is held at its head and not as a whole.
func parkedAtHead(s *hook.Stream, m *flow.Message) bool {
	kind, _ := message.Of(m.Fields.Joined("Content-Type"))
	return s.Wish == hook.DoNotWait || s.Transform != nil || kind != message.None && kind != message.Multipart
}

// Request parks a whole request.
func (i *Intercept) Request(ctx context.Context, x *hook.Exchange) error {
	if x.Response == nil {
		i.whole(ctx, x, flow.ToServer, &x.Request.Body)
	}
	return nil
}

// Response parks a whole response.
func (i *Intercept) Response(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		i.whole(ctx, x, flow.ToClient, &x.Response.Body)
	}
	return nil
}

func (i *Intercept) whole(ctx context.Context, x *hook.Exchange, side flow.Side, b *hook.Body) {
	w, _ := decided[side].Get(x)
	if w.known {
		return
	}
	decided[side].Put(x, wants{known: true})
	if b.Access() != hook.Editable {
		if w.yes {
			x.Find("intercept-late", "the "+side.String()+" was not held: its body was too large, or could not wait")
		}
		return
	}
	i.mu.Lock()
	filter := i.wanted()
	i.mu.Unlock()
	if filter == nil {
		return
	}
	if yes, err := filter.Match(ctx, picture(x, side), rule.Contents{X: x}, time.Now()); !yes || err != nil {
		return
	}
	stage := Request
	if side == flow.ToClient {
		stage = Response
	}
	i.park(ctx, &Held{Stage: stage, x: x, side: side, body: b})
}
