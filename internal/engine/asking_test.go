package engine

import (
	"context"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// asking is a recorder whose only record asks for pictures.
type asking struct {
	memoryRecord
	mu      sync.Mutex
	subject Subject
	asked   int
}

func (a *asking) Start() Record { return a }

func (a *asking) Ask(by Subject) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.subject = by
	a.asked++
	return true
}

func (a *asking) picture() (*flow.Flow, bool) {
	a.mu.Lock()
	by := a.subject
	a.mu.Unlock()
	if by == nil {
		return nil, false
	}
	return by.Picture()
}

// looking asks for a picture when the request goes on.
type looking struct {
	Upstream
	at  *asking
	got *flow.Flow
}

func (l *looking) Open(ctx context.Context, r *flow.Request, f flow.Framing, reuse Reuse) (Call, error) {
	l.got, _ = l.at.picture()
	return l.Upstream.Open(ctx, r, f, reuse)
}

// prompt is an addon that never waits, patient one that may.
type (
	prompt  struct{ patient }
	patient struct{}
)

func (prompt) Prompt() bool                                                { return true }
func (patient) RequestHeaders(ctx context.Context, x *hook.Exchange) error { return nil }

// seen is a watcher.
type seen struct{ live, ended int }

func (s *seen) Watch(f *flow.Flow) {
	if f.Live() {
		s.live++
	} else {
		s.ended++
	}
}

func TestARecordThatAsks(t *testing.T) {
	for _, c := range []struct {
		rule   string
		addons []any
		origin Origin
		asks   bool
	}{
		{"no addons", nil, Origin{}, true},
		{"an addon that never waits", []any{prompt{}}, Origin{}, true},
		{"an addon that may wait", []any{prompt{}, patient{}}, Origin{}, false},
		{"an intercept", nil, Origin{Intercept: func(*hook.Exchange, flow.Side) bool { return false }}, false},
	} {
		a := &asking{memoryRecord: memoryRecord{ended: make(chan struct{})}}
		w := &seen{}
		up := &looking{Upstream: upstream(answers(200, length(2), nil, wholeBody("ok"))), at: a}
		c.origin.Set = newSet(t, c.addons...)
		New(Config{Recorder: a, Watchers: []Watcher{w}, SpillDir: t.TempDir()}).
			Serve(context.Background(), newStream(flow.HTTP11, "GET", nil, nil), up, c.origin)
		if (a.asked > 0) != c.asks || (len(a.heads) == 0) != c.asks {
			t.Errorf("%s: asked %d times, %d heads", c.rule, a.asked, len(a.heads))
		}
		if a.end == nil || a.end.Live() || a.end.Request == nil || a.end.Response == nil || w.ended != 1 {
			t.Errorf("%s: ended as %+v, %d times for the watcher", c.rule, a.end, w.ended)
		}
		if !c.asks {
			continue
		}
		if up.got == nil || !up.got.Live() || up.got.Request == nil || up.got.Response != nil || w.live != 1 {
			t.Errorf("%s: the picture was %+v, and the watcher saw %d", c.rule, up.got, w.live)
		}
		if f, ok := a.picture(); f != nil || !ok {
			t.Errorf("%s: a picture after the last", c.rule)
		}
	}
}

func TestAHeldRequestIsShownAtOnce(t *testing.T) {
	a := &asking{memoryRecord: memoryRecord{ended: make(chan struct{})}}
	up := upstream(answers(200, length(2), nil, wholeBody("ok")))
	up.version = flow.HTTP10 // it needs the length first
	s := newStream(flow.HTTP11, "POST", nil, wholeBody("ab", "cd"))
	s.framing = chunked
	New(Config{Recorder: a, SpillDir: t.TempDir()}).Serve(context.Background(), s, up, Origin{})
	if len(a.heads) == 0 || a.heads[0] != flow.ToServer {
		t.Errorf("heads %v", a.heads)
	}
}

// bounded is a stream whose context ends with another.
type bounded struct {
	*fakeStream
	by context.Context
}

func (b *bounded) Context() context.Context          { return b.by }
func (b *bounded) EndsWith(ctx context.Context) bool { return b.by == ctx }

func TestAStopReachesAStreamThatEndsWithIt(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	up := upstream()
	up.wait = make(chan struct{})
	m := &memory{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(Config{Recorder: m, SpillDir: t.TempDir()}).
			Serve(ctx, &bounded{newStream(flow.HTTP11, "GET", nil, nil), ctx}, up, Origin{})
	}()
	stop()
	<-done
	if f := m.only().end; f.Outcome.Kind != flow.Interrupt {
		t.Errorf("ended as %+v", f.Outcome)
	}
}
