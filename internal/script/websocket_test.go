package script

import (
	"context"
	"strings"
	"testing"
	"time"

	"midstream/hook"
)

// onMessage runs websocket_message on m, and tells what became of it.
func onMessage(r *rig, x *hook.Exchange, m hook.WebSocketMessage) string {
	r.t.Helper()
	x.WebSocket.Message = &m
	x.WebSocket.Count++
	r.must(r.set.WebSocketMessage(context.Background(), x))
	if m.Dropped() {
		return "dropped"
	}
	return string(m.Content)
}

func TestWebSocketMessagesInScripts(t *testing.T) {
	text := hook.WebSocketMessage{FromClient: true, Text: true, Content: []byte("a\u00e9"), Time: time.Unix(7, 500e6)}
	binary := hook.WebSocketMessage{Content: []byte{0, 255}}
	for _, c := range []struct {
		name, code string
		in         hook.WebSocketMessage
		want       string
		comment    string
	}{
		{"nothing", "", text, "a\u00e9", ""},
		{"read", "flow.comment = JSON.stringify([m.from_client, m.text, m.content.length, m.is_text, m.type, m.timestamp, m.dropped, m.injected])", text, "a\u00e9",
			`[true,"a` + "\u00e9" + `",3,true,1,7.5,false,false]`},
		{"read binary", "flow.comment = JSON.stringify([m.from_client, Array.from(m.content), m.is_text, m.type])", binary, "\x00\xff", "[false,[0,255],false,2]"},
		{"set text", "m.text = 'b\u00e9'", text, "b\u00e9", ""},
		{"set content", "m.content = new Uint8Array([1, 2])", text, "\x01\x02", ""},
		{"set nothing", "m.content = new Uint8Array()", text, "", ""},
		{"content is a copy", "m.content[0] = 9", binary, "\x00\xff", ""},
		{"text of a binary one", "try { m.text } catch (e) { flow.comment = String(e) }", binary, "\x00\xff", "TypeError: message.text is of text messages; this one is binary and has content"},
		{"content takes no string", "try { m.content = 'x' } catch (e) { flow.comment = String(e) }", text, "a\u00e9", "TypeError: message.content takes a Uint8Array, not a string; use text for that"},
		{"drop", "m.drop()", text, "dropped", ""},
		{"kill", "m.kill(); flow.comment = String(m.dropped)", text, "dropped", "true"},
		{"later in the hook", "await new Promise(ok => setTimeout(ok, 1)); m.text = 'late'", text, "late", ""},
		{"the connection", "const w = flow.websocket; flow.comment = JSON.stringify([w === flow.websocket, w.messages.length, w.messages[0] === m, w.messages.at(-1) === m, w.message_count, w.close_code, w.close_reason, w.closed_by_client, w.timestamp_end])",
			text, "a\u00e9", "[true,1,true,true,1,null,null,null,null]"},
		{"inject", "flow.websocket.inject(true, 'x'); flow.websocket.inject(false, new Uint8Array([1])); flow.websocket.inject(true, 'y', false)", text, "a\u00e9", ""},
		{"inject what is none", "try { flow.websocket.inject(true, 5) } catch (e) { flow.comment = String(e) }", text, "a\u00e9",
			"TypeError: flow.websocket.inject takes whether it goes to the client, and bytes or a string, not a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, "s.js", "export async function websocket_message(flow) {\nconst m = flow.websocket.messages[-1];\n"+c.code+"\n}")
			x, _ := r.exchange()
			answer(x, 101)
			x.WebSocket = &hook.WebSocket{}
			got := onMessage(r, x, c.in)
			if got != c.want || x.Comment != c.comment || len(x.Findings()) > 0 {
				t.Errorf("%s: became %q, want %q; comment %q, want %q; %v", c.name, got, c.want, x.Comment, c.comment, x.Findings())
			}
			if in := x.WebSocket.TakeInjected(); c.name == "inject" && (len(in) != 3 || !in[0].Text || in[0].ToClient == in[1].ToClient || in[1].Text || in[2].Text) {
				t.Errorf("%s: injected %+v", c.name, in)
			}
			r.set.Finished(x)
		})
	}
}

// What a script keeps of a message can be read, and not changed.
func TestWebSocketMessagesThatAreOver(t *testing.T) {
	r := newRig(t, "s.js", `
let kept;
export function websocket_message(flow) {
  const m = flow.websocket.messages[-1];
  if (!kept) { kept = [m, flow]; return; }
  for (const f of [() => { kept[0].text = "x" }, () => kept[0].drop()])
    try { f() } catch (e) { flow.comment += e.message + " " }
  flow.comment += kept[0].text;
}
export function websocket_end(flow) {
  const w = flow.websocket;
  try { w.messages[-1].text = "x" } catch (e) { flow.comment = e.message }
  try { w.inject(true, "x") } catch (e) { flow.comment += e.message }
  flow.comment += JSON.stringify([w.messages[-1].text, w.close_code, w.close_reason, w.closed_by_client, w.timestamp_end]);
}`)
	x, _ := r.exchange()
	answer(x, 101)
	x.WebSocket = &hook.WebSocket{}
	onMessage(r, x, hook.WebSocketMessage{Text: true, Content: []byte("first")})
	if got := onMessage(r, x, hook.WebSocketMessage{Text: true, Content: []byte("second")}); got != "second" || strings.Count(x.Comment, "comes too late") != 2 || !strings.HasSuffix(x.Comment, "first") {
		t.Errorf("%q, comment %q", got, x.Comment)
	}
	w := x.WebSocket
	w.CloseCode, w.CloseReason, w.ClosedByClient, w.End = 1001, "gone", true, time.Unix(9, 0)
	r.must(r.set.WebSocketEnd(context.Background(), x))
	if !strings.Contains(x.Comment, "comes too late") || !strings.Contains(x.Comment, "inject works only while") || !strings.HasSuffix(x.Comment, `["second",1001,"gone",true,9]`) {
		t.Errorf("comment %q", x.Comment)
	}
	r.set.Finished(x)
}

func TestWebSocketIsNullWithoutOne(t *testing.T) {
	r := newRig(t, "s.js", "export function response(flow) { flow.comment = String(flow.websocket) }")
	if x, _ := r.through("", ""); x.Comment != "null" {
		t.Errorf("comment %q", x.Comment)
	}
}
