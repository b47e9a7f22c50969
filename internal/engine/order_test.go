package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"midstream/flow"
	"midstream/hook"
)

func post(v flow.Version) *fakeStream { return newStream(v, "POST", nil, wholeBody("ab", "cd")) }

func TestHookOrder(t *testing.T) {
	const all = "requestheaders request responseheaders response"
	ok := func() *fakeUpstream { return upstream(answers(200, length(2), nil, wholeBody("ok"))) }
	for _, c := range []struct {
		rule string
		w    whole
		s    *fakeStream
		up   *fakeUpstream
		want string
		sent string // to the server
	}{
		{"held", whole{}, post(flow.HTTP11), ok(), all, "*"},
		{"no bodies", whole{}, newStream(flow.HTTP11, "GET", nil, nil), upstream(answers(304, flow.Framing{}, nil, nil)), all, ""},
		{"answered in requestheaders", whole{onReqHead: func(x *hook.Exchange) { x.Response = hook.MakeResponse(403, nil, []byte("no")) }},
			post(flow.HTTP11), upstream(), all, ""},
		{"answered in request", whole{onReq: func(x *hook.Exchange) { x.Response = hook.MakeResponse(403, nil, []byte("no")) }},
			post(flow.HTTP11), upstream(), all, ""},
		{"dial failed", whole{}, post(flow.HTTP11), upstream(), "requestheaders request error", ""},
		{"killed in requestheaders", whole{onReqHead: func(x *hook.Exchange) { x.Kill() }}, post(flow.HTTP11), ok(), "requestheaders error", ""},
		{"killed in request", whole{onReq: func(x *hook.Exchange) { x.Kill() }}, post(flow.HTTP11), ok(), "requestheaders request error", ""},
		{"killed in responseheaders", whole{onRespHead: func(x *hook.Exchange) { x.Kill() }}, post(flow.HTTP11), ok(), "requestheaders request responseheaders error", "*"},
		{"killed in response", whole{onResp: func(x *hook.Exchange) { x.Kill() }}, post(flow.HTTP11), ok(), all, "*"},
		{"server cut inside a held response", whole{}, post(flow.HTTP11), upstream(answers(200, length(5), nil, brokenBody(errCut, "he"))), "requestheaders request responseheaders error", "*"},
	} {
		up := c.up
		var call *fakeCall
		if len(up.results) > 0 {
			call = up.results[0].(*fakeCall)
		}
		w := c.w
		serve(t, Policy{}, c.s, up, &w)
		if got := strings.Join(w.order, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
		if call != nil && c.sent != "*" && call.sink.text() != c.sent {
			t.Errorf("%s: the server got %q", c.rule, call.sink.text())
		}
	}
}

func brokenBody(err error, pieces ...string) *fakeBody {
	b := newBody(pieces...)
	b.breakOff(err)
	return b
}

// With bodies that flow, an early answer is complete before the request is: its
// events come first, and the upload goes on.
func TestEarlyResponseWhileTheUploadRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watching{}
		b := newBody("first")
		s := newStream(flow.HTTP2, "POST", nil, b)
		c := answers(413, length(2), nil, wholeBody("no"))
		m := &memory{}
		e := New(Config{Recorder: m})
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Serve(t.Context(), s, upstream(c), Origin{Set: newSet(t, w)})
		}()
		synctest.Wait()
		if s.sink.text() != "no" || s.sink.end() != "closed" {
			t.Fatalf("the response waits: %q %s", s.sink.text(), s.sink.end())
		}
		b.feed(" second")
		b.end(fields("Checksum: 1"))
		<-done
		if c.sink.text() != "first second" || c.sink.end() != "closed" || c.sink.trailers.Get("Checksum") != "1" {
			t.Fatalf("upload %q %s", c.sink.text(), c.sink.end())
		}
		if want := []string{"requestheaders", "responseheaders", "response", "request"}; !slices.Equal(w.order, want) {
			t.Fatalf("order %v", w.order)
		}
		if m.only().end.Outcome.Kind != flow.Completed {
			t.Fatalf("%+v", m.only().end.Outcome)
		}
	})
}

// The server answers, then takes no more of the upload.
func TestServerClosesAfterEarlyResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody("first")
		s := newStream(flow.HTTP11, "POST", nil, b)
		c := answers(413, length(2), nil, wholeBody("no"))
		c.sink.fail, c.sink.failAt = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errors.New("closed")}, 5
		m := &memory{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(Config{Recorder: m}).Serve(t.Context(), s, upstream(c), Origin{})
		}()
		synctest.Wait()
		b.feed("more")
		b.feed("and more, that is read away")
		<-done
		f := m.only().end
		if f.Outcome.Kind != flow.Completed || s.sink.text() != "no" || s.sink.end() != "closed" {
			t.Fatalf("%+v %q", f.Outcome, s.sink.text())
		}
		if f.RequestBody.Ended || f.RequestBody.Sent != 5 {
			t.Fatalf("%+v", f.RequestBody)
		}
		if flow.CauseOf(b.cancelCause()) != flow.NotNeeded {
			t.Fatalf("the client was told %v", b.cancelCause())
		}
	})
}

// Changes in a late hook are refused; notes are not.
func TestLateChangesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy Policy
	}{{"tee", Policy{}}, {"pass", Policy{StreamLargeBodies: size(0)}}} {
		w := &watching{}
		w.onReq = func(x *hook.Exchange) {
			x.Request.Path = "/other"
			x.Request.SetContent([]byte("x"))
			x.Response = hook.MakeResponse(500, nil, nil)
			x.Comment = "seen"
		}
		w.onResp = func(x *hook.Exchange) {
			x.Response.Status = 500
			x.Response.Fields.Add("X", "y")
			x.Response.SetContent([]byte("x"))
			x.Response.SetContent([]byte("y"))
			x.Marker = "*"
			if p, err := x.Response.Content(); c.name == "tee" && (err != nil || string(p) != "hello") || c.name == "pass" && !errors.Is(err, hook.ErrMissing) {
				t.Errorf("%s: content %q %v", c.name, p, err)
			}
		}
		s := post(flow.HTTP11)
		call := answers(200, length(5), nil, wholeBody("hello"))
		r := serve(t, c.policy, s, upstream(call), w)
		f := r.end
		if f.Request.Path != "/" || f.Response.Status != 200 || f.Response.Fields.Has("X") || f.Comment != "seen" || f.Marker != "*" {
			t.Errorf("%s: %+v %+v", c.name, f.Request, f.Response)
		}
		if s.sink.text() != "hello" || f.Outcome.Kind != flow.Completed || !slices.Contains(findings(f), "late-change") {
			t.Errorf("%s: %q %+v %v", c.name, s.sink.text(), f.Outcome, findings(f))
		}
		if got := r.body[flow.ToClient].String(); (c.name == "pass") != (got == "") {
			t.Errorf("%s: recorded %q", c.name, got)
		}
	}
}

// A hook on the response alone can read what was asked, though nothing was held for it,
// and sees when it had come.
func TestAResponseHookReadsTheRequest(t *testing.T) {
	for _, framing := range []flow.Framing{length(5), chunked} {
		for _, held := range []bool{false, true} {
			var got []byte
			var err error
			var ended bool
			w := &answerReader{held: held, read: func(x *hook.Exchange) {
				ended = !x.Request.End.IsZero() // first: Content waits
				got, err = x.Request.Content()
			}}
			s := newStream(flow.HTTP11, "POST", nil, wholeBody("he", "llo"))
			s.framing = framing
			call := newCall()
			go func() {
				if framing.Kind == flow.ByLength {
					call.sink.await(5) // a server knows by then that this is all
				} else {
					call.sink.awaitEnd()
				}
				call.answer(200, length(2), nil, wholeBody("ok"))
			}()
			r := serve(t, Policy{}, s, upstream(call), w)
			if string(got) != "hello" || err != nil {
				t.Errorf("%v, held %v: %q, %v", framing.Kind, held, got, err)
			}
			if !ended {
				t.Errorf("%v, held %v: the request has no end when its response is there", framing.Kind, held)
			}
			if d := r.end.RequestBody.Disposition; d != flow.Tee {
				t.Errorf("the request was %v", d)
			}
		}
	}
}

// answerReader has a hook on responses that looks, or that may change them.
type answerReader struct {
	held bool
	read func(*hook.Exchange)
}

func (a *answerReader) Observe() bool { return !a.held }

func (a *answerReader) Response(_ context.Context, x *hook.Exchange) error {
	a.read(x)
	return nil
}

func TestPassHooksRunBeforeTheEnd(t *testing.T) {
	s := post(flow.HTTP11)
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) { x.Response.Stream.Wish = hook.DoNotWait }
	w.onResp = func(x *hook.Exchange) {
		if s.sink.text() != "hello" || s.sink.end() != "open" {
			t.Errorf("at the hook: %q %s", s.sink.text(), s.sink.end())
		}
		x.Response.Trailers.Set("Added", "1")
	}
	b := newBody("hello")
	b.end(fields("Came: 1"))
	r := serve(t, Policy{}, s, upstream(answers(200, chunked, nil, b)), w)
	if lines(s.sink.trailers) != "Came: 1|Added: 1" || s.sink.end() != "closed" {
		t.Fatalf("%q %s", lines(s.sink.trailers), s.sink.end())
	}
	if f := r.end; f.ResponseBody.Reason != "a script set stream" || f.ResponseBody.Disposition != flow.Pass || lines(f.Response.Trailers) != "Came: 1|Added: 1" {
		t.Fatalf("%+v", f.ResponseBody)
	}
}

func TestKillUnderPassBreaksTheEnd(t *testing.T) {
	s := post(flow.HTTP11)
	w := &watching{}
	w.onResp = func(x *hook.Exchange) { x.Kill() }
	r := serve(t, Policy{StreamLargeBodies: size(0)}, s, upstream(answers(200, length(5), nil, wholeBody("hello"))), w)
	if s.sink.end() != "aborted" || r.end.Outcome.Kind != flow.Killed || r.end.Outcome.Bytes != 5 {
		t.Fatalf("%s %+v", s.sink.end(), r.end.Outcome)
	}
}

func TestUnknownLengthPastSizePasses(t *testing.T) {
	for _, held := range []bool{false, true} {
		var addons []any
		w := &whole{}
		if held {
			addons = append(addons, w)
		}
		s := newStream(flow.HTTP11, "GET", nil, nil)
		r := serve(t, Policy{StreamLargeBodies: size(5)}, s, upstream(answers(200, chunked, nil, wholeBody("hel", "lo", " wo", "rld"))), addons...)
		f := r.end
		if s.sink.text() != "hello world" || s.sink.end() != "closed" || f.Outcome.Kind != flow.Completed {
			t.Fatalf("held %v: %q %s %+v", held, s.sink.text(), s.sink.end(), f.Outcome)
		}
		b := f.ResponseBody
		if b.Disposition != flow.Pass || len(b.Changes) != 1 || b.Changes[0].Reason != "larger than --stream 5" || b.Record != flow.Unrecorded {
			t.Fatalf("held %v: %+v", held, b)
		}
	}
}

// A refused change is said once, and whose it was.
func TestLateChangeIsSaidOnce(t *testing.T) {
	w := &watching{}
	w.onResp = func(x *hook.Exchange) {
		for range 3 {
			x.Response.SetContent([]byte("x"))
			x.Response.Status = 500
		}
	}
	var said bytes.Buffer
	m := &memory{}
	e := New(Config{Recorder: m, Policy: Policy{StreamLargeBodies: size(0)}, SpillDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&said, nil))})
	e.Serve(t.Context(), post(flow.HTTP11), upstream(answers(200, length(5), nil, wholeBody("hello"))), Origin{Set: newSet(t, w)})
	for _, want := range []string{"the content of the response", "the head of the response"} {
		if strings.Count(said.String(), want) != 1 {
			t.Errorf("not once: %s, in\n%s", want, said.String())
		}
	}
	if strings.Count(said.String(), "addon=") != 1 {
		t.Errorf("whose change it was is missing:\n%s", said.String())
	}
}
