package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// guarding is whole that must not be passed by.
type guarding struct{ whole }

func (*guarding) Required() bool { return true }

type failing struct{ required bool }

func (f *failing) Required() bool { return f.required }

func (f *failing) Request(context.Context, *hook.Exchange) error {
	return errors.New("boom")
}

func TestGuardsNeverFailOpen(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(2), nil, wholeBody("ok"))), &failing{required: true})
	if s.status() != 502 || r.end.Outcome.Kind != flow.Failed || !strings.Contains(r.end.Outcome.Text, "boom") {
		t.Fatalf("guard: %d %+v", s.status(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	r = serve(t, Policy{}, s, upstream(answers(200, length(2), nil, wholeBody("ok"))), &failing{})
	if s.status() != 200 || !slices.Contains(findings(r.end), "addon-error") {
		t.Fatalf("no guard: %d %v", s.status(), findings(r.end))
	}
}

func TestHoldLimit(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, guard := range []bool{false, true} {
		for _, side := range []flow.Side{flow.ToServer, flow.ToClient} {
			var w any = &whole{}
			if guard {
				w = &guarding{}
			}
			m := &memory{}
			cfg := Config{Recorder: m, SpillDir: t.TempDir()}
			cfg.Hold.Body = 1500
			s := newStream(flow.HTTP11, "GET", nil, nil)
			c := answers(200, chunked, nil, wholeBody(long, long, long))
			if side == flow.ToServer {
				s = newStream(flow.HTTP11, "POST", nil, wholeBody(long, long, long))
				c = answers(200, length(2), nil, wholeBody("ok"))
			}
			New(cfg).Serve(t.Context(), s, upstream(c), Origin{Set: newSet(t, w)})
			f := m.only().end
			b := f.ResponseBody
			want, got := 502, s.sink.text()
			if side == flow.ToServer {
				b, want, got = f.RequestBody, 413, c.sink.text()
			}
			if guard {
				if s.status() != want || f.Outcome.Kind != flow.Refused {
					t.Errorf("%v guarded: %d %+v", side, s.status(), f.Outcome)
				}
				continue
			}
			if got != long+long+long || b.Disposition != flow.Tee || len(b.Changes) != 1 || b.Recorded != 3000 || f.Outcome.Kind != flow.Completed {
				t.Errorf("%v: %d bytes, %+v %+v", side, len(got), b, f.Outcome)
			}
		}
	}
}

func TestBodySizeLimit(t *testing.T) {
	p := Policy{BodySizeLimit: size(4)}
	s := newStream(flow.HTTP11, "POST", fields("Content-Length: 5"), wholeBody("hello"))
	if r := serve(t, p, s, upstream()); s.status() != 413 || r.end.Outcome.Kind != flow.Refused {
		t.Errorf("known request: %d %+v", s.status(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	if r := serve(t, p, s, upstream(answers(200, length(5), nil, wholeBody("hello")))); s.status() != 502 || r.end.Outcome.Kind != flow.Refused {
		t.Errorf("known response: %d %+v", s.status(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	if r := serve(t, p, s, upstream(answers(200, chunked, nil, wholeBody("hel", "lo"))), &whole{}); s.status() != 502 || r.end.Outcome.Kind != flow.Refused {
		t.Errorf("held response: %d %+v", s.status(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	if r := serve(t, p, s, upstream(answers(200, chunked, nil, wholeBody("hel", "lo")))); s.status() != 200 || s.sink.text() != "hel" || s.sink.end() != "aborted" || r.end.Outcome.Kind != flow.Refused {
		t.Errorf("flowing response: %d %q %s %+v", s.status(), s.sink.text(), s.sink.end(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "POST", nil, wholeBody("hel", "lo"))
	c := newCall()
	if r := serve(t, p, s, upstream(c)); s.status() != 413 || c.sink.end() != "aborted" || r.end.Outcome.Kind != flow.Refused {
		t.Errorf("flowing request: %d %s %+v", s.status(), c.sink.end(), r.end.Outcome)
	}
	s = newStream(flow.HTTP11, "HEAD", nil, nil)
	if r := serve(t, p, s, upstream(answers(200, flow.Framing{}, fields("Content-Length: 500"), nil))); s.status() != 200 || r.end.Outcome.Kind != flow.Completed {
		t.Errorf("HEAD: %d %+v", s.status(), r.end.Outcome)
	}
}
