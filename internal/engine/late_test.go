package engine

import (
	"context"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// meddler looks at requests when they have been sent, and changes all it can reach.
type meddler struct{ began chan struct{} }

func (*meddler) Observe() bool { return true }
func (m *meddler) Request(_ context.Context, x *hook.Exchange) error {
	if m.began != nil {
		close(m.began)
	}
	r := x.Request
	r.Method, r.Path = r.Method+"x", "/other"
	r.Fields.Add("A", "b")
	r.Trailers.Add("C", "d")
	r.Stream.Wish = hook.DoNotWait
	r.Stream.Transform = func() hook.Transform { return nil }
	if a := x.Response; a != nil {
		a.Status, a.Reason = 299, "other"
		a.Fields.Add("A", "b")
		a.Stream.Wish = hook.KeepAsIs
	}
	x.Comment, x.Marker = "c", "m"
	return nil
}

// waiting wants responses whole.
type waiting struct{}

func (waiting) Response(context.Context, *hook.Exchange) error { return nil }

// A hook that looks at a request when that has been sent runs beside the response:
// whatever it writes is read under its lock only. The race detector judges.
func TestLateHooksRunBesideTheResponse(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   string
		policy Policy
		addons []any
	}{
		{"flows", "text/plain", Policy{StreamLargeBodies: size(100)}, nil},
		{"held", "text/plain", Policy{StreamLargeBodies: size(100)}, []any{waiting{}}},
		{"messages", "application/grpc", Policy{}, nil},
		{"call", "application/json", Policy{}, nil},
	} {
		for range 50 {
			s := newStream(flow.HTTP2, "POST", fields("Content-Type: "+c.kind, "Connect-Protocol-Version: 1"), newBody("up"))
			call := answers(400, flow.Framing{Kind: flow.Chunked}, fields("Content-Type: "+c.kind), newBody("down"))
			r := start(t, t.Context(), c.policy, s, upstream(call), append(c.addons, &meddler{})...)
			go s.body.end(nil)
			call.response.end(nil)
			if f := r.end(t); f.Outcome.Kind != flow.Completed || f.Request.Method != "POST" || s.sink.text() != "down" {
				t.Fatalf("%s: %+v %s %q", c.name, f.Outcome, f.Request.Method, s.sink.text())
			}
		}
	}
}

// And beside a response that does not come.
func TestLateHooksRunBesideARetry(t *testing.T) {
	m := &meddler{began: make(chan struct{})}
	s := newStream(flow.HTTP11, "POST", fields("Content-Length: 2"), wholeBody("up"))
	call := newCall()
	call.reused = true
	r := start(t, t.Context(), Policy{}, s, upstream(call), m)
	<-m.began
	call.breakHead(errStale())
	if f := r.end(t); !strings.Contains(f.Outcome.Text, "POST is not idempotent") {
		t.Fatalf("%+v", f.Outcome)
	}
}
