package replay

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/capture"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/store"
)

// server counts what it is asked, and says what it got.
type server struct {
	asked atomic.Int32
	last  *echo
}

func (s *server) Open(_ context.Context, req *flow.Request, f flow.Framing, _ engine.Reuse) (engine.Call, error) {
	s.asked.Add(1)
	it := item(req.Path, flow.Fields{{Name: "Content-Length", Value: "4"}}, "live")
	s.last = &echo{call: newCall(it, f, req.Method)}
	return s.last, nil
}

// echo notes the request's body in its response.
type echo struct {
	*call
	got strings.Builder
}

func (e *echo) Server() *flow.Conn { return &flow.Conn{Address: "site.test:80"} }
func (e *echo) Body() body.Sink    { return toServer{e} }

func (e *echo) Write(p []byte) (int, error)     { return e.got.Write(p) }
func (e *echo) WriteMore(p []byte) (int, error) { return e.got.Write(p) }
func (e *echo) Abort(error)                     { e.requestEnded() }

// toServer is an echo's sink, which closes otherwise than the call.
type toServer struct{ *echo }

func (s toServer) Close(flow.Fields) error { s.requestEnded(); return nil }

// rig is an engine with Answers before a server.
type rig struct {
	t       *testing.T
	answers *Answers
	server  server
	store   *store.Store
	engine  *engine.Engine
}

func newRig(t *testing.T, a *Answers, items ...*format.Item) *rig {
	t.Helper()
	a.NewShelf = func() (*Shelf, error) { return NewShelf(filepath.Join(t.TempDir(), "shelf")) }
	a.Budget = body.NewBudget(t.TempDir(), body.Limits{})
	path := filepath.Join(t.TempDir(), "in.mitm")
	sink, err := capture.Create(path, capture.Mitm, nil, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if _, err := sink.Write(it); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Load(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	s := newSession(t)
	return &rig{t: t, answers: a, store: s, engine: engine.New(engine.Config{Recorder: recorder{s}, SpillDir: t.TempDir()})}
}

// ask sends the request of an Item, and returns the flow and its response's body.
func (r *rig) ask(it *format.Item) (*flow.Flow, string) {
	r.t.Helper()
	st := newStream(r.t.Context(), it)
	defer st.release()
	var last *flow.Flow
	r.engine.Serve(r.t.Context(), st, r.answers.Before(&r.server), engine.Origin{Client: &flow.Conn{}, Ended: func(f *flow.Flow) { last = f }})
	return last, bodyOf(r.t, opened(r.t, r.store), last.Number, flow.ToClient)
}

func TestRecordingsAnswer(t *testing.T) {
	one, two := item("/a", flow.Fields{{Name: "Content-Length", Value: "3"}}, "one"), item("/a", nil, "two")
	post := withRequest(item("/p", nil, "posted"), "POST", "the body")
	r := newRig(t, &Answers{}, one, two, post)
	if n := r.answers.Left(); n != 3 {
		t.Fatal(n)
	}
	for i, want := range []string{"one", "two"} {
		f, got := r.ask(item("/a", nil, ""))
		if got != want || f.Replayed != flow.ServerReplayed || f.Server != nil || len(f.Tries) != 0 || f.Outcome.Kind != flow.Completed {
			t.Errorf("%d: %q, %+v", i, got, f)
		}
	}
	if f, got := r.ask(withRequest(item("/p", nil, ""), "POST", "the body")); got != "posted" || f.Replayed != flow.ServerReplayed {
		t.Errorf("%q, %+v", got, f)
	}
	if n := r.server.asked.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
	r.answers.Wait(t.Context()) // nothing is left
	if f, got := r.ask(item("/a", nil, "")); got != "live" || f.Replayed != flow.NotReplayed || f.Server == nil || len(f.Tries) != 1 {
		t.Errorf("%q, %+v", got, f)
	}
}

func TestWhatNoRecordingAnswers(t *testing.T) {
	post := func() *format.Item { return withRequest(item("/p", nil, "posted"), "POST", "the body") }
	other := func() *format.Item {
		return withRequest(item("/p", nil, ""), "POST", strings.Repeat("another body ", 10000))
	}
	for extra, want := range map[Extra]struct {
		status int
		body   string
		kind   flow.OutcomeKind
		asked  int32
	}{Forward: {200, "live", flow.Completed, 2}, Kill: {0, "", flow.Killed, 0}, 404: {404, "", flow.Completed, 0}} {
		r := newRig(t, &Answers{Extra: extra}, post())
		for name, it := range map[string]*format.Item{"another path": item("/b", nil, ""), "another body": other()} {
			f, got := r.ask(it)
			if sent := it.Bodies[flow.ToServer].Size(); extra == Forward && int64(r.server.last.got.Len()) != sent {
				t.Errorf("%s: the server got %d of %d bytes", name, r.server.last.got.Len(), sent)
			}
			status := 0
			if f.Response != nil {
				status = f.Response.Status
			}
			if status != want.status || got != want.body || f.Outcome.Kind != want.kind || f.Replayed != flow.NotReplayed {
				t.Errorf("%s, extra %d: %d %q, %+v", name, extra, status, got, f.Outcome)
			}
		}
		if n := r.server.asked.Load(); n != want.asked {
			t.Errorf("extra %d: the server was asked %d times", extra, n)
		}
		if f, got := r.ask(post()); got != "posted" || f.Replayed != flow.ServerReplayed {
			t.Errorf("%q, %+v", got, f)
		}
	}
}

func TestOptionsOfAnswers(t *testing.T) {
	r := newRig(t, &Answers{Reuse: true, Refresh: true, Matching: Matching{IgnoreContent: true}},
		withRequest(item("/p", flow.Fields{{Name: "Date", Value: noon.Format(httpDate)}}, "posted"), "POST", "a"))
	for range 3 {
		f, got := r.ask(withRequest(item("/p", nil, ""), "POST", "whatever"))
		if got != "posted" || f.Replayed != flow.ServerReplayed {
			t.Errorf("%q, %+v", got, f)
		}
		at, err := time.Parse(httpDate, f.Response.Fields.Get("Date"))
		if err != nil || time.Since(at) > time.Hour {
			t.Errorf("Date is %v, %v", f.Response.Fields.Get("Date"), err)
		}
	}
	if n := r.answers.Left(); n != 1 {
		t.Error(n)
	}
}

func TestACutRecordingIsACutResponse(t *testing.T) {
	cut := item("/cut", flow.Fields{{Name: "Content-Length", Value: "10"}}, "half")
	cut.Flow.Outcome = flow.Outcome{Kind: flow.ServerCut, Phase: "body", Bytes: 4, Text: "the server closed"}
	r := newRig(t, &Answers{}, cut)
	if f, got := r.ask(item("/cut", nil, "")); f.Outcome.Kind != flow.ServerCut || f.Response.Fields.Get("Content-Length") != "10" || got != "half" {
		t.Errorf("%q, %+v", got, f.Outcome)
	}
}
