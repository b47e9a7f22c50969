package flowview

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/llm"
	"midstream/internal/store"
	"midstream/internal/view"
)

func (rec *recording) reader() *store.Reader {
	rec.t.Helper()
	r, err := store.OpenReader(rec.dir)
	if err != nil {
		rec.t.Fatal(err)
	}
	rec.t.Cleanup(func() { r.Close() })
	return r
}

func TestView(t *testing.T) {
	rec := newRecording(t)
	coded, err := coding.Encode("br, gzip", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	first := rec.add([]string{"Content-Type", "application/json", "Content-Encoding", "br, gzip"}, string(coded[:9]), string(coded[9:]))
	socket := rec.add([]string{"Content-Type", "text/plain"})
	r := rec.reader()
	got, err := View(t.Context(), r, ViewQuery{Number: first, Side: flow.ToClient, Window: view.Window{From: 1, Count: 1}})
	if err != nil || got.View != "json" || !slices.Equal(got.Lines, []string{`  "a": 1`}) || !got.More || got.Notes != nil {
		t.Errorf("%+v, %v", got, err)
	}
	var lines []string
	if _, err := PrintView(t.Context(), r, ViewQuery{Number: first, Side: flow.ToClient, View: "json"}, func(line string) bool {
		lines = append(lines, line)
		return len(lines) < 2
	}); err != nil || !slices.Equal(lines, []string{"{", `  "a": 1`}) {
		t.Errorf("%q, %v", lines, err)
	}
	if got, err := View(t.Context(), r, ViewQuery{Number: socket, Side: flow.ToClient}); err != nil || len(got.Lines) != 0 {
		t.Errorf("no body: %+v, %v", got, err)
	}
	if _, err := View(t.Context(), r, ViewQuery{Number: 99, Side: flow.ToClient}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := View(t.Context(), r, ViewQuery{Number: first, View: "pdf"}); err == nil || !strings.HasPrefix(err.Error(), "there is no view") {
		t.Error(err)
	}
}

func (rec *recording) answer(number uint64) (*llm.Result, error) {
	r := rec.reader()
	f, err := r.Get(rec.t.Context(), number)
	if err != nil {
		rec.t.Fatal(err)
	}
	return Answer(rec.t.Context(), r, f)
}

func TestAnswer(t *testing.T) {
	rec := newRecording(t)
	stream := "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n"
	coded, err := coding.Encode("gzip", []byte(stream))
	if err != nil {
		t.Fatal(err)
	}
	events := []string{"Content-Type", "text/event-stream"}
	for name, number := range map[string]uint64{
		"plain":  rec.add(events, stream[:20], stream[20:]),
		"coded":  rec.add(append(slices.Clone(events), "Content-Encoding", "gzip"), string(coded)),
		"octets": rec.add([]string{"Content-Type", "text/plain", "X-Vercel-AI-Data-Stream", "v1"}, "0:\"a\"\n0:\"", "b\"\nd:{\"finishReason\":\"stop\"}\n"),
	} {
		a, err := rec.answer(number)
		if err != nil || a == nil || len(a.Outputs) != 1 || a.Outputs[0].Text != "ab" || !a.Complete || a.Timing == nil || a.Timing.ContentEvents != 2 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	for name, number := range map[string]uint64{
		"other events": rec.add(events, "data: {\"price\":1}\n\n"),
		"no stream":    rec.add([]string{"Content-Type", "text/html"}, "<p>"),
		"no body":      rec.add(events),
	} {
		if a, err := rec.answer(number); a != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}
