package engine

import (
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"pgregory.net/rapid"
)

// The bytes recorded are the bytes sent to that peer, or the record says where
// it was cut; what the client was sent is what the server sent as far as it
// came, whatever happens to the body on its way.
func TestRecordedIsSent(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,40}`), 0, 12).Draw(t, "pieces")
		all := strings.Join(pieces, "")
		policy := Policy{StoreStreamedBodies: rapid.Bool().Draw(t, "store streamed"), ChunkSize: rapid.IntRange(1, 64).Draw(t, "chunk")}
		if rapid.Bool().Draw(t, "sized") {
			policy.StreamLargeBodies = size(rapid.Int64Range(0, 200).Draw(t, "size"))
		}
		in := chunked
		if rapid.Bool().Draw(t, "length known") {
			in = length(int64(len(all)))
		}
		var addons []any
		w := &watching{}
		upper := false
		switch rapid.IntRange(0, 4).Draw(t, "wish") {
		case 0:
			w.onRespHead = func(x *hook.Exchange) { x.Response.Stream.Wish = hook.KeepAsIs }
		case 1:
			w.onRespHead = func(x *hook.Exchange) { x.Response.Stream.Wish = hook.DoNotWait }
		case 2:
			upper = true
			w.onRespHead = func(x *hook.Exchange) {
				x.Response.Stream.Transform = func() hook.Transform {
					return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return [][]byte{[]byte(strings.ToUpper(string(p)))}, nil })
				}
			}
		}
		addons = append(addons, w)
		if rapid.Bool().Draw(t, "held") {
			addons = append(addons, &whole{})
		}
		b := newBody(pieces...)
		broken := rapid.Bool().Draw(t, "server cuts")
		if broken {
			b.breakOff(errCut)
		} else {
			b.end(nil)
		}
		s := newStream(flow.HTTP11, "GET", nil, nil)
		leaves := rapid.Bool().Draw(t, "client leaves")
		if leaves {
			s.sink.fail, s.sink.failAt = errLeft, rapid.IntRange(0, len(all)).Draw(t, "after")
		}
		set, err := hook.NewSet(nil, addons...)
		if err != nil {
			t.Fatal(err)
		}
		m := &memory{room: rapid.IntRange(0, 100).Draw(t, "room")}
		cfg := Config{Recorder: m, Policy: policy, SpillDir: dir}
		cfg.Hold.Body = rapid.Int64Range(1, 400).Draw(t, "hold limit")
		New(cfg).Serve(t.Context(), s, upstream(answers(200, in, nil, b)), Origin{Set: set})

		f, wire := m.only().end, s.sink.text()
		kept := m.only().body[flow.ToClient].String()
		body := f.ResponseBody
		if s.status() == 502 {
			wire = "" // an error page is not the server's
		} else if want := all; !strings.HasPrefix(cased(want, upper), wire) {
			t.Fatalf("sent %q of %q", wire, want)
		}
		if body.Sent != int64(len(wire)) {
			t.Fatalf("says %d sent, was %q", body.Sent, wire)
		}
		switch body.Record {
		case flow.Unrecorded:
			if kept != "" || wire != "" && body.Disposition != flow.Pass {
				t.Fatalf("unrecorded %q of %q under %v", kept, wire, body.Disposition)
			}
		case flow.Complete:
			if kept != wire || body.Recorded != int64(len(wire)) {
				t.Fatalf("complete %q of %q", kept, wire)
			}
		case flow.Cut:
			if !strings.HasPrefix(wire, kept) || body.Recorded != int64(len(kept)) || body.CutReason == "" {
				t.Fatalf("cut %q of %q", kept, wire)
			}
		default:
			t.Fatalf("record %v", body.Record)
		}
		whole := s.sink.end() == "closed" && s.status() == 200
		if whole != (f.Outcome.Kind == flow.Completed) || whole && len(wire) != len(all) {
			t.Fatalf("%s after %q of %q: %+v", s.sink.end(), wire, all, f.Outcome)
		}
		if !broken && !leaves && !whole {
			t.Fatalf("nothing went wrong: %+v", f.Outcome)
		}
	})
}

func cased(s string, upper bool) string {
	if upper {
		return strings.ToUpper(s)
	}
	return s
}
