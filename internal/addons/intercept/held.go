package intercept

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// Stage is where a flow is held.
type Stage string

// The stages.
const (
	Request    Stage = "request"
	Response   Stage = "response"
	OneMessage Stage = "message"
)

// ErrNotHeld says that a flow is not held, or not any more.
var ErrNotHeld = errors.New("it is not held")

// Held is a flow that waits. A copy tells about it; what it belongs to is reached
// by Do.
type Held struct {
	Number uint64
	ID     flow.ID
	Stage  Stage
	Since  time.Time
	// Deadline is when it goes on by itself, zero for never.
	Deadline time.Time
	Method   string
	URL      string
	Status   int // 0 without a response
	// Message is nil but at the stage OneMessage.
	Message *Message

	x     *hook.Exchange
	side  flow.Side
	body  *hook.Body // nil where the body is not held
	calls chan call
	let   chan struct{} // has one element when it is to go on
	over  chan struct{} // closed when it waits no more
	limit time.Time     // by timeout, zero for none
	again time.Time     // since when the timeout counts
}

// call is something to be done by the goroutine of the hook.
type call struct {
	do   func(*Parked) error
	done chan error
}

// Parked is a held flow in the hands of its hook's goroutine.
type Parked struct {
	Exchange *hook.Exchange
	Stage    Stage
	// Body is the whole body of the request or response that is held, nil where it
	// passes when the flow goes on.
	Body    *hook.Body
	Message *Message

	side  flow.Side
	going bool
}

// Go lets it go on when the function of Do has returned.
func (p *Parked) Go() { p.going = true }

// Until has the messages of its side pass that come before one, counted from 0.
func (p *Parked) Until(index int64) {
	side := p.side
	if p.Message != nil {
		side = p.Message.Side
	}
	until[side].Put(p.Exchange, index)
}

// Drop keeps a message from being sent; of a request or a response it ends the flow.
func (p *Parked) Drop() error {
	p.going = true
	if p.Message != nil {
		p.Message.drop()
		return nil
	}
	return p.Exchange.Kill()
}

// park holds a flow until it is let go.
func (i *Intercept) park(ctx context.Context, h *Held) {
	x := h.x
	h.Number, h.ID, h.Since, h.again = x.Number, x.ID, time.Now(), time.Now()
	if x.TCP == nil {
		h.Method, h.URL = x.Request.Method, x.Request.DisplayURL()
		if x.Response != nil {
			h.Status = x.Response.Status
		}
	} else if x.Server != nil {
		h.URL = "tcp://" + x.Server.Address
	}
	h.calls, h.let, h.over = make(chan call), make(chan struct{}, 1), make(chan struct{})
	i.mu.Lock()
	if len(i.held) >= MaxHeld || i.held[h.Number] != nil || i.wanted() == nil {
		i.mu.Unlock()
		return
	}
	i.spent = true
	i.held[h.Number] = h
	alone := time.Time{}
	if i.attached == 0 {
		alone = time.Now().Add(Alone)
	}
	changed := i.limits(h, alone)
	told, told2 := i.tell, *h
	i.mu.Unlock()
	if told.Held != nil {
		told.Held(told2)
	}
	i.wait(ctx, h, alone, changed)
	close(h.over)
	i.mu.Lock()
	delete(i.held, h.Number)
	told = i.tell
	i.mu.Unlock()
	if told.Released != nil {
		told.Released(h.Number)
	}
}

// limits sets until when h waits, and returns what is closed when that may have
// changed. mu is held.
func (i *Intercept) limits(h *Held, alone time.Time) chan struct{} {
	h.limit = time.Time{}
	if i.timeout > 0 {
		h.limit = h.again.Add(i.timeout)
	}
	h.Deadline = h.limit
	if !alone.IsZero() && (h.Deadline.IsZero() || alone.Before(h.Deadline)) {
		h.Deadline = alone
	}
	return i.changed
}

// wait does what others ask for until h may go on.
func (i *Intercept) wait(ctx context.Context, h *Held, alone time.Time, changed chan struct{}) {
	p := &Parked{Exchange: h.x, Stage: h.Stage, Body: h.body, Message: h.Message, side: h.side}
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		i.mu.Lock()
		deadline, limit := h.Deadline, h.limit
		i.mu.Unlock()
		var timer <-chan time.Time
		if !deadline.IsZero() {
			t.Reset(time.Until(deadline))
			timer = t.C
		} else {
			t.Stop()
		}
		select {
		case c := <-h.calls:
			c.done <- c.do(p)
			if p.going {
				return
			}
		case <-h.let:
			return
		case <-ctx.Done():
			return
		case <-timer:
			why := "nobody was there to let it go on for " + Alone.String()
			if deadline.Equal(limit) {
				why = "intercept_timeout is over"
			}
			h.x.Find("intercept-over", fmt.Sprintf("the %s went on unchanged: %s", h.Stage, why))
			i.log.Warn(fmt.Sprintf("flow %d, held at its %s, goes on unchanged: %s", h.Number, h.Stage, why))
			return
		case <-changed:
			i.mu.Lock()
			switch {
			case i.attached > 0:
				alone = time.Time{}
			case alone.IsZero():
				alone = time.Now().Add(Alone)
			}
			changed = i.limits(h, alone)
			i.mu.Unlock()
		}
	}
}

// release lets it go on.
func (h *Held) release() {
	select {
	case h.let <- struct{}{}:
	default:
	}
}

// List are the flows that are held, the longest first.
func (i *Intercept) List() []Held {
	i.mu.Lock()
	list := make([]Held, 0, len(i.held))
	for _, h := range i.held {
		list = append(list, *h)
	}
	i.mu.Unlock()
	slices.SortFunc(list, func(a, b Held) int { return a.Since.Compare(b.Since) })
	return list
}

// StageOf is where a flow is held, "" where it is not.
func (i *Intercept) StageOf(number uint64) Stage {
	i.mu.Lock()
	defer i.mu.Unlock()
	if h, ok := i.held[number]; ok {
		return h.Stage
	}
	return ""
}

// Len is how many flows are held.
func (i *Intercept) Len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.held)
}

// Do has do run on a held flow, by the goroutine that its exchange belongs to, and
// returns its error. It fails with ErrNotHeld.
func (i *Intercept) Do(ctx context.Context, number uint64, do func(*Parked) error) error {
	i.mu.Lock()
	h, ok := i.held[number]
	i.mu.Unlock()
	if !ok {
		return fmt.Errorf("flow %d: %w", number, ErrNotHeld)
	}
	c := call{do, make(chan error, 1)}
	select {
	case h.calls <- c:
		return <-c.done
	case <-h.over:
		return fmt.Errorf("flow %d: %w any more", number, ErrNotHeld)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Touch begins the time of a held flow anew: somebody edits it.
func (i *Intercept) Touch(number uint64) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	h, ok := i.held[number]
	if !ok {
		return fmt.Errorf("flow %d: %w", number, ErrNotHeld)
	}
	h.again = time.Now()
	i.stir()
	return nil
}
