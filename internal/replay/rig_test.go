package replay

import (
	"context"
	"io"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/capture"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/store"
)

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// list is a source that is a list.
type list []*format.Item

func (l *list) Next() (*format.Item, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	it := (*l)[0]
	*l = (*l)[1:]
	return it, nil
}

func (l *list) Progress() (done, of int64) { return 0, 0 }
func (l *list) Close() error               { return nil }

// item is an exchange of a second, a day in the past.
func item(path string, fields flow.Fields, response string) *format.Item {
	f := &flow.Flow{
		ID: flow.NewID(), Client: &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.1:1000"}, Server: &flow.Conn{ID: flow.NewID(), Address: "site.test:80"},
		Request: &flow.Request{Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Host", Value: "site.test"}}, Start: noon, End: noon.Add(100 * time.Millisecond)},
			Method: "GET", Scheme: "http", Host: "site.test", Port: 80, Path: path},
		Response: &flow.Response{Message: flow.Message{Version: flow.HTTP11, Fields: fields, Start: noon.Add(500 * time.Millisecond), End: noon.Add(time.Second)},
			Status: 200, Reason: "OK"},
		Outcome: flow.Outcome{Kind: flow.Completed, Bytes: int64(len(response))}, Start: noon, End: noon.Add(time.Second),
	}
	it := &format.Item{Flow: f}
	it.Bodies[flow.ToServer], it.Bodies[flow.ToClient] = format.Octets(nil), format.Octets(response)
	format.Kept(&f.RequestBody, 0)
	format.Kept(&f.ResponseBody, int64(len(response)))
	return it
}

// withRequest gives it a request body.
func withRequest(it *format.Item, method, body string) *format.Item {
	it.Flow.Request.Method = method
	it.Bodies[flow.ToServer] = format.Octets(body)
	format.Kept(&it.Flow.RequestBody, int64(len(body)))
	return it
}

func newSession(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Config{Stall: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newSet(t testing.TB, addons ...any) *hook.Set {
	t.Helper()
	set, err := hook.NewSet(nil, addons...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// read lets items pass into a new session and opens that.
func read(t testing.TB, set *hook.Set, items ...*format.Item) *store.Reader {
	t.Helper()
	s := newSession(t)
	l := list(items)
	r := &Reading{Engine: engine.New(engine.Config{Recorder: recorder{s}, SpillDir: t.TempDir()}), Store: s, Hooks: func() *hook.Set { return set }}
	res, err := r.Run(t.Context(), &l, nil)
	if err != nil || int(res.Passed) != len(items) {
		t.Fatal(res, err)
	}
	return opened(t, s)
}

// opened reads a session that is still written.
func opened(t testing.TB, s *store.Store) *store.Reader {
	t.Helper()
	s.Flush()
	reader, err := store.OpenReader(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return reader
}

type recorder struct{ s *store.Store }

func (r recorder) Start() engine.Record { return r.s.Start() }

func flowOf(t testing.TB, r *store.Reader, number uint64) *flow.Flow {
	t.Helper()
	f, err := r.Get(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func bodyOf(t testing.TB, r *store.Reader, number uint64, side flow.Side) string {
	t.Helper()
	b, err := r.Body(context.Background(), number, side)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// timed records a body in pieces a second apart.
func timed(t testing.TB, s *store.Store, it *format.Item, pieces ...string) *flow.Flow {
	t.Helper()
	rec := s.StartAt(it.Flow.Start)
	f := *it.Flow
	f.Number = rec.Number()
	rec.Head(&f, flow.ToServer)
	if b := it.Bodies[flow.ToServer]; b != nil && b.Size() > 0 {
		p := make([]byte, b.Size())
		b.ReadAt(p, 0)
		rec.PieceAt(flow.ToServer, p, f.Start)
	}
	var n int64
	for i, p := range pieces {
		rec.PieceAt(flow.ToClient, []byte(p), f.Response.Start.Add(time.Duration(i)*time.Second))
		n += int64(len(p))
	}
	format.Kept(&f.ResponseBody, n)
	f.ResponseBody.Declared = -1
	f.End = f.Response.Start.Add(time.Duration(len(pieces)) * time.Second)
	rec.End(&f)
	return &f
}

// itemsOf gives the Items of a session.
func itemsOf(t testing.TB, s *store.Store) capture.Source {
	t.Helper()
	r := opened(t, s)
	src := capture.FromReader(t.Context(), r, r.List(t.Context(), store.ListOptions{}))
	t.Cleanup(func() { src.Close() })
	return src
}
