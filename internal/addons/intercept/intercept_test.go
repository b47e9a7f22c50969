package intercept

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
)

func exchange(t *testing.T) *hook.Exchange {
	t.Helper()
	x, _ := hook.NewExchange(flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/x"}, &flow.Conn{}, nil, func() {})
	x.Number = 7
	x.Request.Stream.Wish = hook.DoNotWait // it is held at its head
	return x
}

func filter(t *testing.T, text string) *query.Filter {
	t.Helper()
	f, err := query.Parse(text, query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Without a front end a flow goes on after ten seconds, also where the last one
// leaves later; with one it waits until its timeout.
func TestHowLongAFlowIsHeld(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		steps   func(i *Intercept)
		want    time.Duration
	}{
		{"nobody there", 0, func(i *Intercept) {}, Alone},
		{"nobody there, and a shorter timeout", time.Second, func(i *Intercept) {}, time.Second},
		{"somebody who leaves", 0, func(i *Intercept) {
			leave := i.Attach()
			time.AfterFunc(time.Minute, leave)
		}, time.Minute + Alone},
		{"somebody who comes in time", time.Hour, func(i *Intercept) {
			time.AfterFunc(Alone-time.Second, func() { i.Attach() })
		}, time.Hour},
		{"somebody who edits", time.Minute, func(i *Intercept) {
			i.Attach()
			time.AfterFunc(50*time.Second, func() { i.Touch(7) })
		}, 110 * time.Second},
		{"the filter goes", 0, func(i *Intercept) {
			i.Attach()
			time.AfterFunc(3*time.Second, func() { i.Set(nil, 0) })
		}, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := New(nil)
				i.Set(filter(t, "~u x"), c.timeout)
				c.steps(i)
				x, began := exchange(t), time.Now()
				if err := i.RequestHeaders(t.Context(), x); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(began); d != c.want {
					t.Errorf("held for %v, want %v", d, c.want)
				}
				if i.Len() != 0 {
					t.Error("it is in the list still")
				}
				says := len(x.Findings()) == 1 && x.Findings()[0].Code == "intercept-over"
				if says == (c.name == "the filter goes") {
					t.Errorf("%+v", x.Findings())
				}
			})
		})
	}
}

func TestAClientThatLeavesEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := New(nil)
		i.Set(filter(t, "~all"), 0)
		defer i.Attach()()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if err := i.RequestHeaders(ctx, exchange(t)); err != nil || time.Since(began) != time.Hour {
			t.Error(err, time.Since(began))
		}
	})
}

// What is done to a held flow is done by its own goroutine, and only while it is
// held.
func TestDo(t *testing.T) {
	i := New(nil)
	i.Set(filter(t, "~u x"), 0)
	defer i.Attach()()
	held, released := make(chan Held, 1), make(chan uint64, 1)
	i.Tell(Told{Held: func(h Held) { held <- h }, Released: func(n uint64) { released <- n }})
	x, over := exchange(t), make(chan error, 1)
	go func() { over <- i.RequestHeaders(t.Context(), x) }()
	if h := <-held; h.Number != 7 || h.Stage != Request || h.URL != "http://a.test/x" || i.StageOf(7) != Request {
		t.Errorf("%+v", h)
	}
	fails := errors.New("no")
	if err := i.Do(t.Context(), 7, func(*Parked) error { return fails }); err != fails {
		t.Error(err)
	}
	if err := i.Do(t.Context(), 8, func(*Parked) error { return nil }); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if err := i.Do(t.Context(), 7, func(p *Parked) error { p.Exchange.Request.Method = "PUT"; p.Go(); return nil }); err != nil {
		t.Error(err)
	}
	if err := <-over; err != nil || x.Request.Method != "PUT" || <-released != 7 {
		t.Error(err, x.Request.Method)
	}
	if err := i.Do(t.Context(), 7, func(*Parked) error { return nil }); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if i.Wants(x, flow.ToServer) {
		t.Error("a request that was held at its head is wanted whole, too")
	}
	other := exchange(t)
	other.Request.Path = "/other"
	if err := i.RequestHeaders(t.Context(), other); err != nil || i.Wants(other, flow.ToServer) {
		t.Error("what the filter does not mean is held", err)
	}
}

// Each kind of message is read, changed and dropped.
func TestMessages(t *testing.T) {
	x := exchange(t)
	x.WebSocket = &hook.WebSocket{Message: &hook.WebSocketMessage{Content: []byte("old")}, Count: 3}
	x.TCP = nil
	event := &hook.SSEEvent{SSE: hook.SSE{Data: "old"}}
	stream := &hook.StreamMessage{Kind: "ndjson", Data: []byte("old")}
	tunnel := exchange(t)
	tunnel.TCP = &hook.TCP{Message: &hook.TCPMessage{Content: []byte("old"), FromClient: true}, Count: 1}
	i := New(nil)
	i.Set(filter(t, "~all"), 0)
	defer i.Attach()()
	for name, c := range map[string]struct {
		run     func() error
		content func() string
		dropped func() bool
	}{
		"sse":       {func() error { return i.SSEEvent(t.Context(), x, event) }, func() string { return event.Data }, event.Dropped},
		"stream":    {func() error { return i.StreamMessage(t.Context(), x, stream) }, func() string { return string(stream.Data) }, stream.Dropped},
		"websocket": {func() error { return i.WebSocketMessage(t.Context(), x) }, func() string { return string(x.WebSocket.Message.Content) }, x.WebSocket.Message.Dropped},
		"tcp":       {func() error { return i.TCPMessage(t.Context(), tunnel) }, func() string { return string(tunnel.TCP.Message.Content) }, func() bool { return len(tunnel.TCP.Message.Content) == 0 }},
	} {
		for _, drop := range []bool{false, true} {
			held := make(chan Held, 1)
			i.Tell(Told{Held: func(h Held) { held <- h }})
			over := make(chan error, 1)
			go func() { over <- c.run() }()
			if h := <-held; h.Stage != OneMessage || string(h.Message.Content()) != "old" && string(h.Message.Content()) != "new" {
				t.Errorf("%s: %+v", name, h)
			}
			err := i.Do(t.Context(), 7, func(p *Parked) error {
				if drop {
					return p.Drop()
				}
				p.Message.SetContent([]byte("new"))
				p.Go()
				return nil
			})
			if err != nil || <-over != nil {
				t.Fatal(err)
			}
			if !drop && c.content() != "new" || drop != c.dropped() {
				t.Errorf("%s, drop %v: %q, %v", name, drop, c.content(), c.dropped())
			}
		}
	}
}
