package script

import (
	"context"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

func TestStreamMessagesInScripts(t *testing.T) {
	for _, c := range []struct{ name, code, in, want string }{
		{"nothing", "", "a\xff\x00", "a\xff\x00 - -"},
		{"read", "flow.comment = JSON.stringify([message.kind, message.from_client, message.index, message.text, message.compressed, message.trailers, message.fields, message.content.length])", "ab",
			`["grpc",false,3,"ab",true,false,[["a","b"]],2]`},
		{"text", "message.text = message.text.replace('secret', '******')", "\x0a\xff secret", "\x0a\xff ****** - -"},
		{"content", "const c = message.content; c[0] = 0x62; message.content = c", "a\xff", "b\xff - -"},
		{"a copy", "message.content[0] = 0x62", "a", "a - -"},
		{"drop", "message.drop(); if (!message.dropped) throw 1", "a", "dropped - -"},
		{"insert", "message.insert_before('x', new Uint8Array([0])); message.insert_after('y')", "a", "a x|\x00 y"},
		{"json", "flow.comment = message.json().a", `{"a":"b"}`, "b"},
		{"compression", "message.compressed = false; flow.comment = String(message.compressed)", "", "false"},
		{"later in the hook", "await new Promise(ok => setTimeout(ok, 1)); message.text = 'late'", "", "late - -"},
	} {
		r := newRig(t, "s.js", "export async function grpc_message(flow, message) {\n"+c.code+"\n}\nexport const stream_message = grpc_message;")
		for event, run := range map[string]func(context.Context, *hook.Exchange, *hook.StreamMessage) error{"grpc_message": r.set.GRPCMessage, "stream_message": r.set.StreamMessage} {
			x, _ := r.exchange()
			answer(x, 200)
			m := &hook.StreamMessage{Kind: "grpc", Side: flow.ToClient, Index: 3, Data: []byte(c.in), Compressed: true, Fields: flow.Fields{{Name: "a", Value: "b"}}}
			r.must(run(context.Background(), x, m))
			r.set.Finished(x)
			got := string(m.Data)
			if m.Dropped() {
				got = "dropped"
			}
			before, after := m.Inserted()
			for _, list := range [][][]byte{before, after} {
				var all []string
				for _, p := range list {
					all = append(all, string(p))
				}
				if len(all) == 0 {
					all = []string{"-"}
				}
				got += " " + strings.Join(all, "|")
			}
			if x.Comment != "" {
				got = x.Comment
			}
			if got != c.want || len(x.Findings()) > 0 {
				t.Errorf("%s, %s: got %q, want %q, findings %v\n%s", c.name, event, got, c.want, x.Findings(), r.log)
			}
		}
	}
}

func TestStreamMessagesThatFailInScripts(t *testing.T) {
	for code, want := range map[string]string{
		"message.content = 'a'":    "use text for that",
		"message.insert_before(1)": "takes a Uint8Array or a string, not a number",
		"message.json()":           "SyntaxError",
		"message.kind = 'x'":       "message.kind cannot be set",
		"for (let i = 0; i < 2000; i++) message.insert_after('x')":     "more than 1024",
		"setTimeout(() => { message.text = 'x' }, 0); throw Error(17)": "17",
	} {
		r := newRig(t, "s.js", "export function stream_message(flow, message) {\n"+code+"\n}")
		x, _ := r.exchange()
		answer(x, 200)
		m := &hook.StreamMessage{Kind: "ndjson", Data: []byte("d")}
		r.must(r.set.StreamMessage(context.Background(), x, m))
		// What a timer does too late is noted whenever it has run.
		f := slices.DeleteFunc(slices.Clone(x.Findings()), func(f flow.Finding) bool { return strings.Contains(f.Text, " in timer: ") })
		if len(f) != 1 || !strings.Contains(f[0].Text, want) || string(m.Data) != "d" {
			t.Errorf("%s: %v, want %q; %q", code, f, want, m.Data)
		}
	}
}
