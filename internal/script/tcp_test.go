package script

import (
	"context"
	"strings"
	"testing"
	"time"

	"midstream/hook"
)

func TestRawTunnelsInScripts(t *testing.T) {
	for _, c := range []struct{ code, in, want, comment string }{
		{"", "a\xff", "a\xff", ""},
		{"flow.comment = JSON.stringify([flow.type, flow.request, flow.response, flow.messages.length, flow.messages[-1] === flow.messages.at(-1), flow.messages[0].from_client, flow.messages[0].timestamp, String(flow)])", "a", "a",
			`["tcp",null,null,1,true,true,100,"<TCPFlow>"]`},
		{"const m = flow.messages[-1]; m.content[0] = 0x62; flow.comment = String(m)", "a", "a", "<TCPMessage a>"},
		{"const m = flow.messages[-1]; const c = m.content; c[0] = 0x62; m.content = c", "a", "b", ""},
		{"await new Promise(ok => setTimeout(ok, 1)); flow.messages[-1].content = new Uint8Array(0)", "a", "", ""},
		{"flow.messages[-1].content = 'text'", "a", "a", ""},
	} {
		r := newRig(t, "s.js", "let kept; export async function tcp_message(flow) {\n"+c.code+"\nkept = flow.messages[-1]; }\nexport function tcp_end(flow) { kept.content = new Uint8Array(1) }")
		x, _ := r.exchange()
		x.TCP = &hook.TCP{Message: &hook.TCPMessage{FromClient: true, Content: []byte(c.in), Time: time.Unix(100, 0)}}
		r.must(r.set.TCPMessage(context.Background(), x))
		if string(x.TCP.Message.Content) != c.want || x.Comment != c.comment {
			t.Errorf("%s: %q, comment %q\n%s", c.code, x.TCP.Message.Content, x.Comment, r.log)
		}
		if fails := strings.Contains(c.code, "'text'"); fails != (len(x.Findings()) > 0) {
			t.Errorf("%s: findings %v", c.code, x.Findings())
		} else if fails {
			continue
		}
		r.must(r.set.TCPEnd(context.Background(), x))
		if f := x.Findings(); len(f) != 1 || !strings.Contains(f[0].Text, "comes too late") || string(x.TCP.Message.Content) != c.want {
			t.Errorf("%s: a late change: %v", c.code, f)
		}
		r.set.Finished(x)
	}
}

func TestInjectingIntoRawTunnels(t *testing.T) {
	r := newRig(t, "s.js", `
export function tcp_start(flow) { flow.inject(true, "hi"); }
export function tcp_message(flow) {
  flow.inject(true, "\u00e9"); flow.inject(false, new Uint8Array([0, 255]));
  try { flow.inject(true, 5) } catch (e) { flow.comment = e.message }
}
export function tcp_end(flow) { try { flow.inject(true, "late") } catch (e) { flow.comment += "; " + e.message } }
export function request(flow) { flow.inject(true, "x"); }`)
	x, _ := r.exchange()
	r.must(r.set.Request(context.Background(), x))
	if f := x.Findings(); len(f) != 1 || !strings.Contains(f[0].Text, "flow.inject is for raw tunnels") {
		t.Errorf("on a request: %v", f)
	}
	x, _ = r.exchange()
	x.TCP = &hook.TCP{}
	r.must(r.set.TCPStart(context.Background(), x))
	if in := x.TCP.TakeInjected(); len(in) != 1 || !in[0].ToClient || string(in[0].Content) != "hi" {
		t.Errorf("at the start: %+v", in)
	}
	x.TCP.Message = &hook.TCPMessage{FromClient: true, Content: []byte("a")}
	r.must(r.set.TCPMessage(context.Background(), x))
	if in := x.TCP.TakeInjected(); len(in) != 2 || !in[0].ToClient || string(in[0].Content) != "\u00e9" || in[1].ToClient || string(in[1].Content) != "\x00\xff" {
		t.Errorf("in a message: %+v", in)
	}
	r.must(r.set.TCPEnd(context.Background(), x))
	if x.Comment != "flow.inject takes whether it goes to the client, and bytes or a string, not a number; flow.inject works only while tcp_start or tcp_message of the flow runs" {
		t.Errorf("%q", x.Comment)
	}
}
