package script

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/hook"
)

// onEvent runs a body of sse_event on one event, and tells what became of it.
func onEvent(t *testing.T, code string, in hook.SSE) (e *hook.SSEEvent, x *hook.Exchange, r *rig) {
	t.Helper()
	r = newRig(t, "s.js", "let kept;\nexport async function sse_event(flow, event) {\n"+code+"\n}")
	x, _ = r.exchange()
	answer(x, 200)
	e = &hook.SSEEvent{SSE: in, Index: 3}
	r.must(r.set.SSEEvent(context.Background(), x, e))
	r.set.Finished(x)
	return e, x, r
}

func TestEventsInScripts(t *testing.T) {
	full := hook.SSE{Event: "e", Data: "a\nb", HasData: true, ID: "7", HasID: true, Retry: "9", Comment: "c", HasComment: true}
	for _, c := range []struct {
		name, code string
		in         hook.SSE
		want       string
	}{
		{"nothing", "", full, `{e a|b 7 9 c true true true} - -`},
		{"read", "flow.comment = JSON.stringify([event.event, event.data, event.id, event.retry, event.comment, event.index])", full,
			`["e","a\nb","7","9","c",3]`},
		{"read what is not there", "flow.comment = JSON.stringify([event.event, event.data, event.id, event.retry, event.comment])", hook.SSE{},
			`[null,null,null,null,null]`},
		{"read what is empty", "flow.comment = JSON.stringify([event.data, event.id, event.comment])", hook.SSE{HasData: true, HasID: true, HasComment: true},
			`["","",""]`},
		{"set", "event.event = 'x'; event.data = 'y\\nz'; event.id = 8; event.retry = 10; event.comment = ''", hook.SSE{}, `{x y|z 8 10  true true true} - -`},
		{"take away", "event.event = event.data = event.id = event.retry = event.comment = null", full, `{     false false false} - -`},
		{"octets come back", "event.data = event.data + '!'", hook.SSE{Data: "\xff\u00e9"}, "{ \xff\u00e9!    true false false} - -"},
		{"drop", "event.drop()", full, "dropped - -"},
		{"insert", "event.insert_before('x', {event: 'y', id: ''}); event.insert_after(event, {retry: 5})", hook.SSE{Data: "d"},
			"{ d    false false false} { x    true false false}{y     false true false} { d    false false false}{   5  false false false}"},
		{"json", "flow.comment = event.json().a", hook.SSE{Data: `{"a":"b"}`}, "b"},
		{"later in the hook", "await new Promise(ok => setTimeout(ok, 1)); event.data = 'late'", hook.SSE{}, `{ late    true false false} - -`},
		{"text", "flow.comment = String(event)", full, "<SSEEvent e a\nb>"},
	} {
		e, x, r := onEvent(t, c.code, c.in)
		show := func(all ...hook.SSE) string {
			var b strings.Builder
			for _, s := range all {
				b.WriteString(strings.ReplaceAll(fmt.Sprint(s), "\n", "|"))
			}
			if b.Len() == 0 {
				return "-"
			}
			return b.String()
		}
		got := show(e.SSE)
		if e.Dropped() {
			got = "dropped"
		}
		before, after := e.Inserted()
		got += " " + show(before...) + " " + show(after...)
		if x.Comment != "" {
			got = x.Comment
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, r.log)
		}
		if f := x.Findings(); len(f) > 0 {
			t.Errorf("%s: findings %v", c.name, f)
		}
	}
}

func TestEventsThatFailInScripts(t *testing.T) {
	for code, want := range map[string]string{
		"event.id = 'a\\nb'":                                     "must not contain a line break",
		"event.data = {}":                                        "event.data takes a string, not an object",
		"event.insert_after(1)":                                  "takes {event, data, id, retry, comment} or a string, not a number",
		"event.insert_after({dta: 'x'})":                         "an event has no dta; did you mean data?",
		"event.data = 'x'; throw new Error('b')":                 "s.js:3:",
		"for (let i = 0; i < 2000; i++) event.insert_after('x')": "more than 1024",
		"event.json()":                                           "SyntaxError",
	} {
		e, x, _ := onEvent(t, code, hook.SSE{Data: "d"})
		f := x.Findings()
		if len(f) != 1 || !strings.Contains(f[0].Text, want) || !strings.Contains(f[0].Text, "sse_event") {
			t.Errorf("%s: findings %v, want one with %q", code, f, want)
		}
		if strings.HasPrefix(code, "event.data = 'x'") && e.Data != "x" {
			t.Errorf("%s: what was changed before is lost", code)
		}
	}
}

func TestAnEventIsClosedWithItsHook(t *testing.T) {
	r := newRig(t, "s.js", `
let kept;
export function sse_event(flow, event) {
  if (kept) { flow.comment = kept.data; kept.data = "x"; }
  kept = event;
}`)
	x, _ := r.exchange()
	answer(x, 200)
	first := &hook.SSEEvent{SSE: hook.SSE{Data: "1"}}
	r.must(r.set.SSEEvent(context.Background(), x, first))
	first.Data = "gone"
	r.must(r.set.SSEEvent(context.Background(), x, &hook.SSEEvent{}))
	if f := x.Findings(); len(f) != 1 || !strings.Contains(f[0].Text, "comes too late") || x.Comment != "1" || first.Data != "gone" {
		t.Errorf("findings %v, comment %q, event %q", f, x.Comment, first.Data)
	}
	r.set.Finished(x)
}

func TestAnEventThatWaitsHoldsNoOtherFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "s.js", `
export async function sse_event(flow, event) {
  if (event.data === "slow") await new Promise(ok => setTimeout(ok, 60000));
  event.data += "!";
}`)
		run := func(data string) *hook.SSEEvent {
			x, _ := r.exchange()
			answer(x, 200)
			e := &hook.SSEEvent{SSE: hook.SSE{Data: data}}
			r.must(r.set.SSEEvent(context.Background(), x, e))
			r.set.Finished(x)
			return e
		}
		done := make(chan *hook.SSEEvent)
		go func() { done <- run("slow") }()
		synctest.Wait()
		start := time.Now()
		if e := run("fast"); e.Data != "fast!" || time.Since(start) > 0 {
			t.Errorf("%q after %v", e.Data, time.Since(start))
		}
		if e := <-done; e.Data != "slow!" || time.Since(start) != time.Minute {
			t.Errorf("%q after %v", e.Data, time.Since(start))
		}
		r.host.Close()
	})
}

func BenchmarkEvent(b *testing.B) {
	r := newRig(b, "s.js", `function sse_event(flow, event) { if (event.data.includes("secret")) event.drop() }`)
	x, _ := r.exchange()
	answer(x, 200)
	b.ReportAllocs()
	for b.Loop() {
		e := hook.SSEEvent{SSE: hook.SSE{Data: `{"choices":[{"index":0,"delta":{"content":"word"}}]}`, HasData: true}}
		r.must(r.set.SSEEvent(context.Background(), x, &e))
	}
}
