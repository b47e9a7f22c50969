package engine

import (
	"context"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// serve runs one exchange with everything recorded and returns the record.
func serve(t *testing.T, p Policy, s *fakeStream, up Upstream, addons ...any) *memoryRecord {
	t.Helper()
	m := &memory{}
	e := New(Config{Recorder: m, Policy: p, SpillDir: t.TempDir()})
	e.Serve(context.Background(), s, up, Origin{Set: newSet(t, addons...)})
	return m.only()
}

func newSet(t testing.TB, addons ...any) *hook.Set {
	t.Helper()
	if len(addons) == 0 {
		return nil
	}
	set, err := hook.NewSet(nil, addons...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func length(n int64) flow.Framing { return flow.Framing{Kind: flow.ByLength, Length: n} }

var chunked = flow.Framing{Kind: flow.Chunked}

func fields(lines ...string) (fs flow.Fields) {
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		fs = append(fs, flow.Field{Name: name, Value: value, Wire: l})
	}
	return fs
}

func findings(f *flow.Flow) (codes []string) {
	for _, x := range f.Findings {
		codes = append(codes, x.Code)
	}
	return codes
}

func TestGetPassesAndIsRecorded(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", fields("hOst: example.test", "Connection: keep-alive", "X-b: 1"), nil)
	c := answers(200, length(5), fields("Content-Length: 5", "ETag: x"), wholeBody("he", "llo"))
	r := serve(t, Policy{}, s, upstream(c))
	if s.sink.text() != "hello" || s.sink.end() != "closed" || s.status() != 200 || s.out != length(5) {
		t.Fatalf("client got %d %q %s %v", s.status(), s.sink.text(), s.sink.end(), s.out)
	}
	if got := c.request.Fields; len(got) != 3 || got[0].Line() != "hOst: example.test" || got[1].Line() != "Connection: keep-alive" || got[2].Name != "X-b" {
		t.Fatalf("server got %v", got)
	}
	f := r.end
	if f.Outcome.Kind != flow.Completed || f.Outcome.Bytes != 5 || r.body[flow.ToClient].String() != "hello" {
		t.Fatalf("outcome %+v, recorded %q", f.Outcome, r.body[flow.ToClient].String())
	}
	if b := f.ResponseBody; b.Disposition != flow.Tee || b.Reason != "default" || b.Sent != 5 || b.Received != 5 || !b.Ended || b.Record != flow.Complete {
		t.Fatalf("body %+v", b)
	}
	if c.closed != 1 || c.canceled != nil {
		t.Fatalf("call closed %d times, canceled %v", c.closed, c.canceled)
	}
}

func TestUploadPassesBothWays(t *testing.T) {
	for _, v := range []flow.Version{flow.HTTP11, flow.HTTP2} {
		s := newStream(v, "POST", nil, wholeBody("ab", "cd"))
		c := answers(200, chunked, nil, wholeBody("x"))
		r := serve(t, Policy{}, s, upstream(c))
		if c.sink.text() != "abcd" || c.sink.end() != "closed" || c.out.Kind != flow.Chunked {
			t.Fatalf("%v: server got %q %s", v, c.sink.text(), c.sink.end())
		}
		if r.end.Outcome.Kind != flow.Completed || r.body[flow.ToServer].String() != "abcd" {
			t.Fatalf("%v: %+v", v, r.end.Outcome)
		}
	}
}

// whole has all events of a message and writes down their order.
type whole struct {
	order      []string
	onReqHead  func(*hook.Exchange)
	onReq      func(*hook.Exchange)
	onRespHead func(*hook.Exchange)
	onResp     func(*hook.Exchange)
	onErr      func(*hook.Exchange)
}

func (w *whole) note(name string, f func(*hook.Exchange), x *hook.Exchange) error {
	w.order = append(w.order, name)
	if f != nil {
		f(x)
	}
	return nil
}
func (w *whole) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	return w.note("requestheaders", w.onReqHead, x)
}
func (w *whole) Request(_ context.Context, x *hook.Exchange) error {
	return w.note("request", w.onReq, x)
}
func (w *whole) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	return w.note("responseheaders", w.onRespHead, x)
}
func (w *whole) Response(_ context.Context, x *hook.Exchange) error {
	return w.note("response", w.onResp, x)
}
func (w *whole) Error(_ context.Context, x *hook.Exchange) error {
	return w.note("error", w.onErr, x)
}

// watching is whole that only looks.
type watching struct{ whole }

func (*watching) Observe() bool { return true }

func TestHeldBodiesAreChangedAndReframed(t *testing.T) {
	w := &whole{
		onReq: func(x *hook.Exchange) {
			if p, err := x.Request.Content(); err != nil || string(p) != "abcd" {
				t.Errorf("content %q %v", p, err)
			}
			x.Request.SetContent([]byte("ABCDE"))
		},
		onResp: func(x *hook.Exchange) { x.Response.SetContent([]byte("longer than before")) },
	}
	s := newStream(flow.HTTP11, "POST", fields("Content-Length: 4"), wholeBody("ab", "cd"))
	c := answers(200, length(5), fields("Content-Length: 5"), wholeBody("hello"))
	r := serve(t, Policy{}, s, upstream(c), w)
	if c.sink.text() != "ABCDE" || c.out != length(5) || c.request.Fields.Get("Content-Length") != "5" {
		t.Fatalf("server got %q %v %v", c.sink.text(), c.out, c.request.Fields)
	}
	if s.sink.text() != "longer than before" || s.out != length(18) || s.response.Fields.Get("Content-Length") != "18" {
		t.Fatalf("client got %q %v", s.sink.text(), s.out)
	}
	if want := []string{"requestheaders", "request", "responseheaders", "response"}; !slices.Equal(w.order, want) {
		t.Fatalf("order %v", w.order)
	}
	f := r.end
	if f.RequestBody.Disposition != flow.Hold || f.ResponseBody.Disposition != flow.Hold || r.body[0].String() != "ABCDE" {
		t.Fatalf("%+v %+v", f.RequestBody, f.ResponseBody)
	}
	if f.Request.Fields.Get("Content-Length") != "5" {
		t.Fatalf("the record's head says %v", f.Request.Fields)
	}
}

type hookExchange = hook.Exchange

type ctxt = context.Context
