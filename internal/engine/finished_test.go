package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// leaving has the events of a message and writes a note when it is let go.
type leaving struct {
	whole
	observes bool
}

func (l *leaving) Observe() bool { return l.observes }

func (l *leaving) Finished(x *hook.Exchange) {
	l.order = append(l.order, "finished")
	x.Comment = "after " + l.order[len(l.order)-2]
	x.Marker = ":late:"
	x.Metadata = map[string]string{"killable": map[bool]string{true: "yes", false: "no"}[x.Killable()]}
	x.Find("let-go", "the addon has let go")
}

// Finished is the last of an exchange's events, whatever came of it, and comes
// once; what it notes is in the last picture and in no earlier one.
func TestFinishedIsTheLastEvent(t *testing.T) {
	get := func() *fakeStream { return newStream(flow.HTTP11, "GET", nil, nil) }
	ok := func() *fakeUpstream { return upstream(answers(200, chunked, nil, wholeBody("ok"))) }
	kill := func(x *hook.Exchange) { x.Kill() }
	left := get()
	left.leave(errLeft)
	for rule, c := range map[string]struct {
		l    leaving
		s    *fakeStream
		up   *fakeUpstream
		last string
	}{
		"held":                      {leaving{}, get(), ok(), "response"},
		"recorded as it passes":     {leaving{observes: true}, get(), ok(), "response"},
		"passed":                    {leaving{whole: whole{onRespHead: func(x *hook.Exchange) { x.Response.Stream.Wish = hook.DoNotWait }}}, get(), ok(), "response"},
		"answered":                  {leaving{whole: whole{onReqHead: func(x *hook.Exchange) { x.Response = hook.MakeResponse(403, nil, nil) }}}, post(flow.HTTP11), upstream(), "response"},
		"killed at the head":        {leaving{whole: whole{onReqHead: kill}}, get(), ok(), "error"},
		"killed in response":        {leaving{whole: whole{onResp: kill}}, get(), ok(), "response"},
		"dial failed":               {leaving{}, get(), upstream(), "error"},
		"the server cut it":         {leaving{}, get(), upstream(answers(200, length(5), nil, brokenBody(errCut, "he"))), "error"},
		"the client left":           {leaving{}, left, ok(), "error"},
		"retried":                   {leaving{}, get(), upstream(stale(true), answers(200, length(2), nil, wholeBody("ok"))), "response"},
		"the head could not be had": {leaving{}, get(), upstream(malformed()), "error"},
		"a panic in a hook":         {leaving{whole: whole{onResp: func(*hook.Exchange) { panic(errors.New("oops")) }}}, get(), ok(), "response"},
	} {
		var pictures []*flow.Flow
		m := &memory{}
		e := New(Config{Recorder: m, Watchers: []Watcher{watcher(func(f *flow.Flow) { pictures = append(pictures, f) })}, SpillDir: t.TempDir()})
		e.Serve(t.Context(), c.s, c.up, Origin{Set: newSet(t, &c.l)})
		if n := len(c.l.order); n < 2 || c.l.order[n-1] != "finished" || strings.Count(strings.Join(c.l.order, " "), "finished") != 1 || c.l.order[n-2] != c.last {
			t.Errorf("%s: %v, want finished once, after %s", rule, c.l.order, c.last)
			continue
		}
		f := m.only().end
		if last := pictures[len(pictures)-1]; last != f {
			t.Errorf("%s: record and watchers got different last pictures", rule)
		}
		if f.Comment != "after "+c.last || f.Marker != ":late:" || f.Metadata["killable"] != "no" || !slices.Contains(findings(f), "let-go") {
			t.Errorf("%s: the last picture says %q %q %v %v", rule, f.Comment, f.Marker, f.Metadata, findings(f))
		}
		for _, before := range pictures[:len(pictures)-1] {
			if before.Comment != "" || !before.Live() {
				t.Errorf("%s: an earlier picture has %q, %v", rule, before.Comment, before.Outcome)
			}
		}
	}
}

// watcher makes a Watcher of a function.
type watcher func(*flow.Flow)

func (w watcher) Watch(f *flow.Flow) { w(f) }

// Nobody who watches sees a later picture than the last: what it says of the
// record is settled.
func TestTheLastPictureSettlesTheRecord(t *testing.T) {
	with := New(Config{Recorder: &memory{}})
	for _, c := range []struct {
		rule     string
		e        *Engine
		in, want flow.Body
	}{
		{"all that was sent", with, flow.Body{Disposition: flow.Tee, Sent: 3, Recorded: 3, Record: flow.Recording}, flow.Body{Record: flow.Complete, Recorded: 3}},
		{"less than was sent", with, flow.Body{Disposition: flow.Tee, Sent: 3, Recorded: 2, Record: flow.Recording},
			flow.Body{Record: flow.Cut, Recorded: 2, CutReason: "not all that was sent was handed to the recorder"}},
		{"cut before", with, flow.Body{Disposition: flow.Tee, Sent: 3, Recorded: 1, Record: flow.Cut, CutReason: "disk"}, flow.Body{Record: flow.Cut, Recorded: 1, CutReason: "disk"}},
		{"nothing was sent", with, flow.Body{Disposition: flow.Hold}, flow.Body{Record: flow.Complete}},
		{"there is no body", with, flow.Body{}, flow.Body{}},
		{"passed", with, flow.Body{Disposition: flow.Pass, Sent: 3}, flow.Body{}},
		{"heads only", with, flow.Body{Disposition: flow.Tee, Sent: 3}, flow.Body{}},
		{"no recorder", New(Config{}), flow.Body{Disposition: flow.Tee}, flow.Body{}},
	} {
		got := c.in
		c.e.settle(&got)
		if got.Record != c.want.Record || got.Recorded != c.want.Recorded || got.CutReason != c.want.CutReason {
			t.Errorf("%s: %v, %d, %q", c.rule, got.Record, got.Recorded, got.CutReason)
		}
	}
	m := &memory{room: 2}
	var last *flow.Flow
	e := New(Config{Recorder: m, Watchers: []Watcher{watcher(func(f *flow.Flow) { last = f })}})
	e.Serve(t.Context(), newStream(flow.HTTP11, "POST", nil, wholeBody("a")), upstream(answers(200, length(5), nil, wholeBody("hel", "lo"))), Origin{})
	if b := last.RequestBody; b.Record != flow.Complete || b.Recorded != 1 {
		t.Errorf("request %+v", b)
	}
	if b := last.ResponseBody; b.Record != flow.Cut || b.Recorded != 2 || b.CutReason != "no room" || b.Sent != 5 {
		t.Errorf("response %+v", b)
	}
}
