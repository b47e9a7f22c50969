package flowview

import (
	"context"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/llm"
	"midstream/internal/store"
)

// answerPace is how long a follower of an answer rests at least between two looks
// at it, and restFactor how much longer than a look took: a long answer is looked
// at less often than a short one.
const (
	answerPace = 80 * time.Millisecond
	restFactor = 10
)

// FollowAnswer is Answer that hands the answer to take whenever it has grown, until
// the flow has ended or take returns false; the last one handed over is the whole.
// It hands over nothing where there is no answer. The caller's ctx ends it.
func FollowAnswer(ctx context.Context, r *store.Reader, f *flow.Flow, take func(*llm.Result) bool) error {
	a := assembler(f)
	if a == nil || f.ResponseBody.Record == flow.Unrecorded && !f.Live() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := &growing{a: a, grown: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- assemble(ctx, r, f, MessageQuery{Number: f.Number, Side: flow.ToClient, Follow: true}, g)
	}()
	rest := time.NewTimer(0)
	defer rest.Stop()
	<-rest.C
	for {
		select {
		case err := <-ended:
			g.look(take)
			return err
		case <-g.grown:
		}
		began := time.Now()
		if !g.look(take) {
			cancel()
			<-ended
			return nil
		}
		rest.Reset(max(answerPace, restFactor*time.Since(began)))
		select {
		case <-rest.C:
		case err := <-ended:
			g.look(take)
			return err
		}
	}
}

// growing is an assembler that one goroutine feeds and another looks at.
type growing struct {
	mu    sync.Mutex // guards a and fed
	a     *llm.Assembler
	fed   int           // times that a was given something
	grown chan struct{} // has an element when there is something new

	seen int // fed, when it was looked at
}

func (g *growing) do(f func()) {
	g.mu.Lock()
	f()
	g.fed++
	g.mu.Unlock()
	select {
	case g.grown <- struct{}{}:
	default:
	}
}

// Message takes a message; one whose time is not known is of now.
func (g *growing) Message(raw []byte, at time.Time) {
	g.do(func() { g.a.Message(raw, orNow(at)) })
}

func (g *growing) Write(p []byte, at time.Time) { g.do(func() { g.a.Write(p, orNow(at)) }) }
func (g *growing) End(at time.Time)             { g.do(func() { g.a.End(at) }) }
func (g *growing) Ended()                       { g.do(g.a.Ended) }

func (g *growing) Hopeless() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.a.Hopeless()
}

// look hands over the answer where it is another one than the last; it tells
// whether more is wanted.
func (g *growing) look(take func(*llm.Result) bool) bool {
	g.mu.Lock()
	now, fed := g.a.Result(), g.fed
	g.mu.Unlock()
	if now == nil || fed == g.seen {
		return true
	}
	g.seen = fed
	return take(now)
}

func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}
