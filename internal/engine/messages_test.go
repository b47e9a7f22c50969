package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
	"midstream/internal/message"
)

// onEvent is an addon with nothing but an event hook.
type onEvent func(ctx context.Context, x *hook.Exchange, e *hook.SSEEvent) error

func (f onEvent) SSEEvent(ctx context.Context, x *hook.Exchange, e *hook.SSEEvent) error {
	return f(ctx, x, e)
}

// eventsDo is onEvent without what most tests do not need.
func eventsDo(f func(e *hook.SSEEvent)) onEvent {
	return func(_ context.Context, _ *hook.Exchange, e *hook.SSEEvent) error { f(e); return nil }
}

const eventStream = "Content-Type: text/event-stream"

// lean does to a stream what scripts do: pings are dropped, secrets hidden.
var lean = eventsDo(func(e *hook.SSEEvent) {
	switch {
	case e.HasComment:
		e.Drop()
	case strings.Contains(e.Data, "secret"):
		e.Data = strings.ReplaceAll(e.Data, "secret", "***")
	case e.Event == "start":
		e.InsertBefore(hook.SSE{Data: "before"})
		e.InsertAfter(hook.SSE{Event: "added", Data: "a\nb"})
	}
})

func TestEventsAreChangedOnTheirWay(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		changed  bool
	}{
		"nothing":         {"data: a\n\nfoo: 1\nid:2\n\n", "data: a\n\nfoo: 1\nid:2\n\n", false},
		"changed":         {"id:1\ndata:secret\n\ndata: b\n\n", "id:1\ndata: ***\n\ndata: b\n\n", true},
		"dropped":         {": ping\n\ndata: a\n\n: ping\n\n", "data: a\n\n", true},
		"added":           {"event: start\ndata: x\n\ndata: y\n\n", "data: before\n\nevent: start\ndata: x\n\nevent: added\ndata: a\ndata: b\n\ndata: y\n\n", true},
		"CRLF, nothing":   {"data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\n\r\ndata: b\r\n\r\n", false},
		"CRLF, changed":   {"data: secret\r\n\r\ndata: b\r\n\r\n", "data: ***\r\n\r\ndata: b\r\n\r\n", true},
		"CRLF, dropped":   {": ping\r\n\r\ndata: b\r\n\r\n", "data: b\r\n\r\n", true},
		"CRLF, added":     {"event: start\r\n\r\n", "data: before\r\n\r\nevent: start\r\n\r\nevent: added\r\ndata: a\r\ndata: b\r\n\r\n", true},
		"CR":              {": ping\r\rdata: secret\r\r\n", "data: ***\r\r", true},
		"byte order mark": {"\xef\xbb\xbfevent: start\n\n", "\xef\xbb\xbfdata: before\n\nevent: start\n\nevent: added\ndata: a\ndata: b\n\n", true},
		"unfinished":      {"data: a\n\ndata: secret\n", "data: a\n\ndata: secret\n", false},
		"no events":       {"", "", false},
	} {
		for _, coded := range []string{"", "gzip", "br", "zstd"} {
			wire, err := coding.Encode(coded, []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if c.in == "" {
				wire = nil
			}
			head := fields(eventStream, "Digest: x")
			if coded != "" {
				head = append(head, fields("Content-Encoding: "+coded)...)
			}
			s := newStream(flow.HTTP11, "GET", nil, nil)
			r := serve(t, Policy{}, s, upstream(answers(200, chunked, head, wholeBody(string(wire)))), lean)
			got, err := coding.Decode(coded, []byte(s.sink.text()), 0)
			if err != nil || string(got) != c.want || s.sink.end() != "closed" {
				t.Errorf("%s, coded %q: %v, %s\n got %q\nwant %q", name, coded, err, s.sink.end(), got, c.want)
			}
			b := r.end.ResponseBody
			if b.Disposition != flow.Tee || b.Transformed != c.changed || b.Record != flow.Complete && len(wire) > 0 {
				t.Errorf("%s, coded %q: %+v", name, coded, b)
			}
			if r.body[flow.ToClient].String() != s.sink.text() {
				t.Errorf("%s, coded %q: recorded %q, sent %q", name, coded, r.body[flow.ToClient].String(), s.sink.text())
			}
			if slices.Contains(findings(r.end), "stale-digest") != c.changed {
				t.Errorf("%s, coded %q: findings %v", name, coded, findings(r.end))
			}
		}
	}
}

// Each event leaves before the next has come, whatever the coding.
func TestEventsAreNotHeldBack(t *testing.T) {
	for _, event := range []string{"data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", ": ping\n\n"} {
		b := newBody()
		s := newStream(flow.HTTP11, "GET", nil, nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), b)), eventsDo(func(*hook.SSEEvent) {}))
		}()
		for i := range 3 {
			b.feed(event)
			s.sink.await((i + 1) * len(event))
		}
		b.end(nil)
		<-done
		if s.sink.text() != strings.Repeat(event, 3) {
			t.Errorf("%q three times became %q", event, s.sink.text())
		}
	}
}

// The same in each content coding: what the server flushed comes out flushed.
func TestCodedEventsAreNotHeldBack(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		var wire bytes.Buffer
		enc, err := coding.NewEncoder(name, &wire)
		if err != nil {
			t.Fatal(err)
		}
		b := newBody()
		s := newStream(flow.HTTP11, "GET", nil, nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream, "Content-Encoding: "+name), b)), lean)
		}()
		for i := range 3 {
			enc.Write([]byte("data: secret\n\n"))
			enc.Flush()
			before := len(s.sink.text())
			b.feed(wire.String())
			wire.Reset()
			s.sink.await(before + 1)
			dec, err := coding.NewDecoder(name, strings.NewReader(s.sink.text()))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(dec) // it has no end yet
			if want := strings.Repeat("data: ***\n\n", i+1); string(got) != want {
				t.Errorf("%s: after event %d the client has %q", name, i, got)
			}
		}
		enc.Close()
		b.feed(wire.String())
		b.end(nil)
		<-done
		if s.sink.end() != "closed" {
			t.Errorf("%s: %s", name, s.sink.end())
		}
	}
}

// A client that leaves, and midstream's end, end a hook that waits.
func TestAnEventHookThatWaitsIsEnded(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	entered := make(chan struct{})
	go func() {
		<-entered
		s.leave(errLeft)
	}()
	f := serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), newBody("data: a\n\n"))),
		onEvent(func(ctx context.Context, _ *hook.Exchange, _ *hook.SSEEvent) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		})).end
	if f.Outcome.Kind != flow.ClientLeft || s.sink.text() != "" {
		t.Errorf("outcome %+v, sent %q", f.Outcome, s.sink.text())
	}
}

// The second addon sees what the first has made of an event, and not one that it
// has dropped.
func TestAddonsHearEventsInTheirOrder(t *testing.T) {
	var seen []string
	s := newStream(flow.HTTP11, "GET", nil, nil)
	serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), wholeBody("data: a\n\ndata: b\n\n"))),
		eventsDo(func(e *hook.SSEEvent) {
			if e.Data == "a" {
				e.Drop()
				e.InsertAfter(hook.SSE{Data: "added"})
			}
			e.Data += "1"
		}),
		eventsDo(func(e *hook.SSEEvent) { seen = append(seen, e.Data); e.Data += "2" }))
	if s.sink.text() != "data: added\n\ndata: b12\n\n" || !slices.Equal(seen, []string{"b1"}) {
		t.Errorf("sent %q, the second saw %q", s.sink.text(), seen)
	}
}

// What comes before an event does not wait for the event's hooks.
func TestAHookThatWaitsHoldsOnlyWhatFollows(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	first := "data: 0\n\n"
	c := answers(200, chunked, fields(eventStream), wholeBody(first+"data: 1\n\n"))
	serve(t, Policy{}, s, upstream(c), eventsDo(func(e *hook.SSEEvent) {
		if e.Index == 1 {
			s.sink.await(len(first))
		}
		if e.Offset != e.Index*int64(len(first)) || e.Side != flow.ToClient {
			t.Errorf("event %+v", e)
		}
	}))
	if s.sink.text() != first+"data: 1\n\n" {
		t.Errorf("got %q", s.sink.text())
	}
}

func TestOnlyWhereHooksListenIsReframed(t *testing.T) {
	events := "data: a\n\n"
	for name, c := range map[string]struct {
		version     flow.Version
		contentType string
		out         flow.Framing
	}{
		"event stream":          {flow.HTTP11, eventStream, chunked},
		"with parameters":       {flow.HTTP11, eventStream + "; charset=utf-8", chunked},
		"HTTP/1.0":              {flow.HTTP10, eventStream, flow.Framing{Kind: flow.UntilClose}},
		"another type":          {flow.HTTP11, "Content-Type: text/plain", length(9)},
		"a coding not known":    {flow.HTTP11, eventStream, length(9)},
		"whole, because it is":  {flow.HTTP11, eventStream, length(9)},
		"whole, and made short": {flow.HTTP11, eventStream, length(0)},
	} {
		head := fields(c.contentType, "Content-Length: 9")
		addons := []any{eventsDo(func(e *hook.SSEEvent) {
			if strings.HasSuffix(name, "short") {
				e.Drop()
			}
		})}
		p := Policy{}
		if name == "a coding not known" {
			head = append(head, fields("Content-Encoding: x-own")...)
		}
		if strings.HasPrefix(name, "whole") {
			addons = append(addons, &whole{onRespHead: func(x *hook.Exchange) { x.Response.Stream.Wish = hook.KeepAsIs }, onResp: func(*hook.Exchange) {}})
		}
		s := newStream(c.version, "GET", nil, nil)
		f := serve(t, p, s, upstream(answers(200, length(9), head, wholeBody(events))), addons...).end
		if s.out != c.out || s.sink.end() != "closed" {
			t.Errorf("%s: framing %v, want %v, %s", name, s.out, c.out, s.sink.end())
		}
		want := events
		if c.out == length(0) {
			want = ""
		}
		if s.sink.text() != want {
			t.Errorf("%s: got %q", name, s.sink.text())
		}
		if slices.Contains(findings(f), "messages-unseen") != (name == "a coding not known") {
			t.Errorf("%s: findings %v", name, findings(f))
		}
		if hold := strings.HasPrefix(name, "whole"); (f.ResponseBody.Disposition == flow.Hold) != hold {
			t.Errorf("%s: %v", name, f.ResponseBody.Disposition)
		}
	}
}

func TestEventsOfARequest(t *testing.T) {
	s := newStream(flow.HTTP11, "POST", fields(eventStream), wholeBody("data: sec", "ret\n\n"))
	c := answers(204, flow.Framing{}, nil, nil)
	f := serve(t, Policy{}, s, upstream(c), lean).end
	if c.sink.text() != "data: ***\n\n" || !f.RequestBody.Transformed || f.ResponseBody.Transformed {
		t.Errorf("got %q, %+v", c.sink.text(), f.RequestBody)
	}
}

func TestAnEventHookThatEndsTheBody(t *testing.T) {
	for name, c := range map[string]struct {
		addon any
		cause flow.Cause
		whole bool
	}{
		"kills":          {onEvent(func(_ context.Context, x *hook.Exchange, _ *hook.SSEEvent) error { return x.Kill() }), flow.WasKilled, false},
		"fails":          {onEvent(func(context.Context, *hook.Exchange, *hook.SSEEvent) error { return errors.New("no") }), 0, true},
		"panics":         {onEvent(func(context.Context, *hook.Exchange, *hook.SSEEvent) error { panic("no") }), 0, true},
		"guards, fails":  {guardedEvents{}, flow.Unspecified, false},
		"adds no event":  {eventsDo(func(e *hook.SSEEvent) { e.InsertAfter(hook.SSE{Retry: "1\n"}) }), 0, true},
		"breaks a field": {eventsDo(func(e *hook.SSEEvent) { e.ID = "a\nb" }), 0, true},
	} {
		s := newStream(flow.HTTP11, "GET", nil, nil)
		f := serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), wholeBody("data: a\n\n"))), c.addon).end
		if c.whole {
			if s.sink.end() != "closed" || s.sink.text() != "data: a\n\n" || len(f.Findings) != 1 || f.ResponseBody.Transformed {
				t.Errorf("%s: %s %q, findings %v", name, s.sink.end(), s.sink.text(), f.Findings)
			}
			continue
		}
		if s.sink.end() != "aborted" || s.sink.text() != "" || f.Outcome.Kind == flow.Completed {
			t.Errorf("%s: %s %q, outcome %+v", name, s.sink.end(), s.sink.text(), f.Outcome)
		}
	}
}

type guardedEvents struct{}

func (guardedEvents) Required() bool { return true }
func (guardedEvents) SSEEvent(context.Context, *hook.Exchange, *hook.SSEEvent) error {
	return errors.New("refused")
}

// An event above the limit flows, unseen.
func TestALargeEventPassesUnseen(t *testing.T) {
	large := "data: " + strings.Repeat("x", 3<<20)
	seen := 0
	s := newStream(flow.HTTP11, "GET", nil, nil)
	f := serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), wholeBody("data: a\n\n", large, "\n\n", "data: b\n\n"))),
		eventsDo(func(e *hook.SSEEvent) { seen++; e.Data += "!" })).end
	if want := "data: a!\n\n" + large + "\n\ndata: b!\n\n"; s.sink.text() != want || seen != 2 {
		t.Errorf("got %d bytes, want %d; %d events seen", len(s.sink.text()), len(want), seen)
	}
	if !slices.Contains(findings(f), "message-large") {
		t.Errorf("findings %v", findings(f))
	}
}

// With hooks that change nothing every body passes byte for byte, wherever it is
// cut, and with hooks that drop everything nothing of an event is left.
func TestHooksThatDoNothingChangeNothing(t *testing.T) {
	words := []string{"data", "event", ":", " ", "\n", "\r", "\r\n", "\n\n", "x", "\xef\xbb\xbf"}
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(words), 1, 6), 0, 6).Draw(rt, "pieces")
		b := newBody()
		in := ""
		for _, p := range pieces {
			b.feed(strings.Join(p, ""))
			in += strings.Join(p, "")
		}
		b.end(nil)
		s := newStream(flow.HTTP11, "GET", nil, nil)
		r := serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream), b)), eventsDo(func(e *hook.SSEEvent) {}))
		if s.sink.text() != in || r.end.ResponseBody.Transformed {
			rt.Fatalf("%q became %q", in, s.sink.text())
		}
	})
}

// BenchmarkEvents is what listening costs an event: splitting, parsing, the
// hook, and printing where it changes something.
func BenchmarkEvents(b *testing.B) {
	const event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n"
	for name, f := range map[string]func(*hook.SSEEvent){
		"alone":   func(*hook.SSEEvent) {},
		"changed": func(e *hook.SSEEvent) { e.Data = "{}" },
		"dropped": func(e *hook.SSEEvent) { e.Drop() },
	} {
		b.Run(name, func(b *testing.B) {
			s := newStream(flow.HTTP11, "GET", nil, nil)
			e := New(Config{})
			x := e.begin(context.Background(), s, nil, Origin{Set: newSet(b, eventsDo(f))})
			x.live.Response = hook.NewResponse(flow.Response{})
			t := &eventHooks{messageHooks: messageHooks{x: x, h: &x.resp, split: message.New(message.SSE, "", 0)}}
			t.take, t.skip = t.event, t.swallowed
			p := []byte(strings.Repeat(event, 400))
			emit := func([]byte) error { return nil }
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Chunk(context.Background(), p, emit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
