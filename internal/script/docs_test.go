package script

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/hook"
)

const root = "../.."

// blocks are the fenced pieces of code of a page.
var blocks = regexp.MustCompile("(?s)```(js|ts)\n// examples/([^\n]+)\n(.*?)```")

// exampleRun loads an example as it stands.
func exampleRun(t *testing.T, name string) *rig {
	t.Helper()
	r := emptyRig(t, Config{})
	r.must(r.host.Load(context.Background(), []string{filepath.Join(root, "examples", name)}))
	r.rebuild()
	r.host.Running(context.Background())
	return r
}

// respond runs the head hooks of an exchange whose response has fields, and
// returns what its stream makes of pieces.
func (r *rig) respond(pieces []string, fields ...string) (*hook.Exchange, string) {
	r.t.Helper()
	x, _ := r.exchange()
	r.must(r.set.RequestHeaders(context.Background(), x))
	answer(x, 200, fields...)
	r.must(r.set.ResponseHeaders(context.Background(), x))
	got, err := pump(context.Background(), x.Response.Stream, pieces...)
	r.must(err)
	r.set.Finished(x)
	return x, strings.Join(got, "")
}

// examples has one check for each file in examples.
var examples = map[string]func(t *testing.T, r *rig){
	"stream-everything.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		answer(x, 200)
		r.must(r.set.ResponseHeaders(context.Background(), x))
		if x.Request.Stream.Wish != hook.DoNotWait || x.Response.Stream.Wish != hook.DoNotWait {
			t.Error("not everything is streamed")
		}
	},
	"modify-stream.js": func(t *testing.T, r *rig) {
		x, got := r.respond([]string{"ab", "cd"}, "Content-Type", "text/plain")
		if got != "ABCD" || !x.Response.Stream.Decoded {
			t.Errorf("got %q", got)
		}
	},
	"save-stream.js": func(t *testing.T, r *rig) {
		folder := filepath.Join(t.TempDir(), "made", "anew")
		r.must(r.options.Set("save_folder", folder))
		x, got := r.respond([]string{"one", "two"}, "Content-Type", "text/plain")
		if got != "onetwo" {
			t.Errorf("got %q", got)
		}
		if p, err := os.ReadFile(filepath.Join(folder, x.ID.String())); string(p) != "onetwo" || err != nil {
			t.Errorf("saved %q, %v", p, err)
		}
		if !strings.Contains(r.log.String(), "saved "+folder) {
			t.Error("it does not say so")
		}
	},
	"count-and-tag.js": func(t *testing.T, r *rig) {
		r.comment()
		if got := r.comment(); got != "number 2" {
			t.Errorf("comment %q", got)
		}
	},
	"answer.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		x.Request.Path = "/teapot/1"
		r.must(r.set.RequestHeaders(context.Background(), x))
		if x.Response == nil || x.Response.Status != 418 {
			t.Error("no answer")
		}
	},
	"rewrite-json.js": func(t *testing.T, r *rig) {
		if _, got := r.through("", `{"a":1}`, "Content-Type", "application/json"); got != `{"a":1,"seen_by":"midstream"}` {
			t.Errorf("got %s", got)
		}
	},
	"redact-stream.js": func(t *testing.T, r *rig) {
		if _, got := r.respond([]string{"card 1111-22", "22-3333-4444."}, "Content-Type", "text/plain"); got != "card 1111-****-****-4444." {
			t.Errorf("got %q", got)
		}
	},
	"tokens.js": func(t *testing.T, r *rig) {
		x, got := r.respond([]string{"data: col", "our\n\nda", "ta: b\n\n"}, "Content-Type", "text/event-stream")
		if got != "data: color\n\ndata: b\n\n" || x.Comment != "2 tokens" {
			t.Errorf("got %q, comment %q", got, x.Comment)
		}
	},
	"tcp.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		x.TCP = &hook.TCP{}
		for in, want := range map[string]string{"AUTH x": "AUTH ***\r\n", "GET x": "GET x", "\xff": "\xff"} {
			x.TCP.Message = &hook.TCPMessage{FromClient: true, Content: []byte(in)}
			r.must(r.set.TCPMessage(context.Background(), x))
			if string(x.TCP.Message.Content) != want {
				t.Errorf("%q became %q", in, x.TCP.Message.Content)
			}
		}
		r.must(r.set.TCPEnd(context.Background(), x))
		if x.Comment != "ended by both" {
			t.Errorf("comment %q", x.Comment)
		}
		x.TCP.Message = &hook.TCPMessage{Content: []byte("SHUTDOWN NOW")}
		r.must(r.set.TCPMessage(context.Background(), x))
		x.Err = errors.New("why")
		r.must(r.set.TCPError(context.Background(), x))
		if !x.Killed() || x.Comment != "broke: why" {
			t.Errorf("killed %v, comment %q", x.Killed(), x.Comment)
		}
	},
	"messages.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		answer(x, 200)
		for _, in := range []string{"\x0a\x06secret", "\xff"} {
			m := &hook.StreamMessage{Kind: "grpc", Data: []byte(in)}
			r.must(r.set.GRPCMessage(context.Background(), x, m))
			if string(m.Data) != strings.Replace(in, "secret", "******", 1) {
				t.Errorf("%q became %q", in, m.Data)
			}
		}
		for in, dropped := range map[string]bool{`{"level":"debug"}`: true, `{"level":"info"}`: false} {
			m := &hook.StreamMessage{Kind: "ndjson", Data: []byte(in)}
			r.must(r.set.StreamMessage(context.Background(), x, m))
			if m.Dropped() != dropped {
				t.Errorf("%s: dropped %v", in, m.Dropped())
			}
		}
		if x.Comment != "2 messages" || len(x.Findings()) > 0 {
			t.Errorf("comment %q, findings %v", x.Comment, x.Findings())
		}
	},
	"events.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		answer(x, 200)
		for in, want := range map[hook.SSE]string{
			{Comment: "ping", HasComment: true}: "dropped",
			{Event: "end"}:                      "",
			{Data: "[DONE]"}:                    "[DONE]",
			{Data: `{ "choices": [] }`}:         `{ "choices": [] }`,
			{Data: `{"choices":[{"delta":{"content":"use sk-12ab now"}}]}`}: `{"choices":[{"delta":{"content":"use [key] now"}}]}`,
		} {
			e := &hook.SSEEvent{SSE: in}
			r.must(r.set.SSEEvent(context.Background(), x, e))
			got := e.Data
			if e.Dropped() {
				got = "dropped"
			}
			if got != want {
				t.Errorf("%+v became %q, want %q", in, got, want)
			}
		}
		if f := x.Findings(); len(f) > 0 {
			t.Errorf("findings %v", f)
		}
		r.set.Finished(x)
	},
	"websocket.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		answer(x, 101)
		x.WebSocket = &hook.WebSocket{}
		r.must(r.set.WebSocketStart(context.Background(), x))
		if in := x.WebSocket.TakeInjected(); len(in) != 1 || !in[0].ToClient || !in[0].Text || string(in[0].Content) != "midstream listens" {
			t.Errorf("injected %+v", in)
		}
		for in, want := range map[string]string{"typing": "dropped", "use sk-12ab": "use [key]", "hello": "hello"} {
			if got := onMessage(r, x, hook.WebSocketMessage{Text: true, Content: []byte(in)}); got != want {
				t.Errorf("%q became %q, want %q", in, got, want)
			}
		}
		x.WebSocket.CloseCode, x.WebSocket.End = 1000, time.Now()
		r.must(r.set.WebSocketEnd(context.Background(), x))
		if x.Comment != "3 messages, ended with 1000" || len(x.Findings()) > 0 {
			t.Errorf("comment %q, findings %v", x.Comment, x.Findings())
		}
		r.set.Finished(x)
	},
	"throttle.js": func(t *testing.T, r *rig) {
		start := time.Now()
		if _, got := r.respond([]string{strings.Repeat("a", 32<<10), strings.Repeat("b", 32<<10)}); len(got) != 64<<10 {
			t.Errorf("got %d bytes", len(got))
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %v", d)
		}
	},
	"wait.js": func(t *testing.T, r *rig) {
		start := time.Now()
		x, _ := r.exchange()
		x.Request.Path = "/?delay=250"
		r.must(r.set.RequestHeaders(context.Background(), x))
		if d := time.Since(start); d != 250*time.Millisecond {
			t.Errorf("it took %v", d)
		}
	},
	"block.js": func(t *testing.T, r *rig) {
		r.must(r.options.Set("blocked_hosts", []string{"example.test"}))
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		if x.Response == nil || x.Response.Status != 403 || !r.host.Addons()[0].(hook.Guard).Required() {
			t.Error("not blocked")
		}
	},
	"observe.js": func(t *testing.T, r *rig) {
		if r.set.WantsWhole(1) {
			t.Error("something is held")
		}
		r.through("", "12345")
		r.wantLog("5 bytes")
	},
	"options.ts": func(t *testing.T, r *rig) {
		if err := r.options.Set("greeting", ""); err == nil {
			t.Error("an empty greeting is taken")
		}
		x, _ := r.through("", "")
		if got := x.Response.Fields.Get("X-Greeting"); got != "hello, please" {
			t.Errorf("greeting %q", got)
		}
	},
	"classes.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		x.Request.Fields.Set("Host", "example.com")
		r.must(r.set.RequestHeaders(context.Background(), x))
		r.host.Close()
		if got := r.out.String(); got != "example.com 1\nexample.org 0\n" {
			t.Errorf("printed %q", got)
		}
	},
	"upload.js": func(t *testing.T, r *rig) {
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		got, err := pump(context.Background(), x.Request.Stream, "a\tb")
		r.must(err)
		if strings.Join(got, "") != "a b" || !x.Request.Stream.KeepsLength {
			t.Errorf("got %q", got)
		}
	},
}

func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "examples", "*.[jt]s"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(examples) {
		t.Errorf("%d examples, %d checks", len(files), len(examples))
	}
	for name, check := range examples {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := exampleRun(t, name)
				check(t, r)
				r.host.Close()
				time.Sleep(time.Second) // of the bubble: the bundler ends its goroutine
				if log := r.log.String(); strings.Contains(log, "failed") {
					t.Errorf("it failed:\n%s", log)
				}
			})
		})
	}
}

func TestPageShowsTheExamples(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "scripts.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := blocks.FindAllStringSubmatch(string(page), -1)
	if n := strings.Count(string(page), "```") / 2; n != len(found) {
		t.Errorf("%d pieces of code, %d of them examples", n, len(found))
	}
	shown := map[string]bool{}
	for _, m := range found {
		file, err := os.ReadFile(filepath.Join(root, "examples", m[2]))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(file) != m[3] {
			t.Errorf("the page shows another %s", m[2])
		}
		shown[m[2]] = true
	}
	for name := range examples {
		if !shown[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
}

func TestEveryAttributeHasAType(t *testing.T) {
	types, err := os.ReadFile(filepath.Join(root, "docs", "midstream.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	declares := func(interfaces string, names []string) {
		for _, n := range names {
			if !regexp.MustCompile(`(?m)^\s+(readonly )?` + n + `[?(:]`).Match(types) {
				t.Errorf("%s.%s has no type", interfaces, n)
			}
		}
	}
	for name := range webSocketClass.attrs {
		declares("WebSocketData", []string{name})
	}
	for name := range socketMessageClass.attrs {
		declares("WebSocketMessage", []string{name})
	}
	for name := range requestClass.attrs {
		declares("Request", []string{name})
	}
	for name := range responseClass.attrs {
		declares("Response", []string{name})
	}
	for name := range flowClass.attrs {
		declares("HTTPFlow", []string{name})
	}
	for name := range connClass.attrs {
		declares("Connection", []string{name})
	}
	for name := range dictMethods {
		if name != "toString" {
			declares("MultiDict", []string{name})
		}
	}
	for _, ev := range events {
		declares("Addon", []string{ev.name})
	}
}
