package script

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"midstream/hook"
)

// save writes a file so that its stamp differs, whatever the clock's grain.
func (r *rig) save(name, text string) {
	r.t.Helper()
	r.write(name, text)
	at := time.Unix(int64(len(text))+1_000_000, time.Now().UnixNano()%1e9)
	if err := os.Chtimes(r.path(name), at, at); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) reload() {
	r.t.Helper()
	r.host.poll(context.Background())
	select {
	case <-r.changed:
		r.rebuild()
	default:
	}
}

// versioned comments flows with its version and tells when it is done.
func versioned(v string) string {
	return "let at = '" + v + "';\nfunction request(flow) { flow.comment += at }\nfunction response(flow) { flow.comment += at }\nfunction done() { console.log('done ' + at) }\n"
}

func (r *rig) comment() string {
	r.t.Helper()
	x, _ := r.exchange()
	r.must(r.set.RequestHeaders(context.Background(), x))
	r.must(r.set.Request(context.Background(), x))
	r.set.Finished(x)
	return x.Comment
}

func TestReloadKeepsFlowsOnTheirVersion(t *testing.T) {
	r := newRig(t, "s.js", versioned("1"))
	r.host.grace = 0
	old, _ := r.exchange()
	r.must(r.set.RequestHeaders(context.Background(), old))
	r.must(r.set.Request(context.Background(), old))
	r.save("s.js", versioned("22"))
	r.reload()
	if got := r.comment(); got != "22" {
		t.Errorf("a new flow runs %q", got)
	}
	answer(old, 200)
	r.must(old.Set.Response(context.Background(), old))
	if old.Comment != "11" {
		t.Errorf("the old flow ran %q", old.Comment)
	}
	if r.out.Len() > 0 {
		t.Errorf("done ran before the last flow was over: %s", r.out)
	}
	old.Set.Finished(old)
	r.host.ends.Wait()
	if got := r.out.String(); got != "done 1\n" {
		t.Errorf("printed %q", got)
	}
	r.host.Close()
	if got := r.out.String(); got != "done 1\ndone 22\n" {
		t.Errorf("printed %q", got)
	}
}

func TestReloadThatFailsLeavesTheOldOneRunning(t *testing.T) {
	r := newRig(t, "s.js", versioned("1"))
	for _, text := range []string{"function request(flow) {", "throw new Error('no')", "import './none.js'", versioned("1") + "function load() { throw new Error('no') }"} {
		r.save("s.js", text)
		r.reload()
		if got := r.comment(); got != "1" {
			t.Errorf("after %q a flow runs %q", text, got)
		}
	}
	r.wantLog("script does not load", "s.js:1:")
	if n := strings.Count(r.log.String(), "does not load"); n != 4 {
		t.Errorf("said %d times", n)
	}
	r.reload() // nothing has changed since: nothing is said
	if n := strings.Count(r.log.String(), "does not load"); n != 4 {
		t.Errorf("said again without a change")
	}
	r.save("s.js", versioned("333"))
	r.reload()
	if got := r.comment(); got != "333" {
		t.Errorf("a good file after bad ones runs %q", got)
	}
}

func TestImportsAreWatchedToo(t *testing.T) {
	r := newRig(t, "s.js", "import { at } from './lib/v.js'\nexport function request(flow) { flow.comment = at }", "lib/v.js", "export const at = 'a'")
	r.save("lib/v.js", "export const at = 'bb'")
	r.reload()
	if got := r.comment(); got != "bb" {
		t.Errorf("got %q", got)
	}
}

func TestRemovedFileUnloads(t *testing.T) {
	r := newRig(t, "s.js", versioned("1"))
	r.host.grace = 0
	if err := os.Remove(r.path("s.js")); err != nil {
		t.Fatal(err)
	}
	r.reload()
	if got := r.comment(); got != "1" {
		t.Errorf("one look was enough: %q", got)
	}
	r.reload()
	r.host.ends.Wait()
	if got := r.comment(); got != "" || r.out.String() != "done 1\n" {
		t.Errorf("comment %q, printed %q", got, r.out)
	}
	r.save("s.js", versioned("22"))
	r.reload()
	if got := r.comment(); got != "22" {
		t.Errorf("a file that came back runs %q", got)
	}
}

func TestARequiredScriptOutlivesItsFile(t *testing.T) {
	r := newRig(t, "s.js", "export const required = true\n"+versioned("1"))
	r.host.grace = 0
	if err := os.Remove(r.path("s.js")); err != nil {
		t.Fatal(err)
	}
	for range 2 * goneAfter {
		r.reload()
	}
	if got := r.comment(); got != "1" || strings.Count(r.log.String(), "it is required, so it runs on") != 1 {
		t.Errorf("comment %q, log %q", got, r.log)
	}
	r.save("s.js", versioned("22"))
	r.reload()
	if got := r.comment(); got != "22" {
		t.Errorf("a file that came back runs %q", got)
	}
}

func TestLoadChangesTheList(t *testing.T) {
	r := newRig(t, "a.js", versioned("a"))
	r.host.grace = 0
	r.write("b.js", versioned("b"), "bad.js", "(")
	r.must(r.host.Load(context.Background(), []string{r.path("b.js"), r.path("a.js"), r.path("b.js")}))
	r.rebuild()
	if got := r.comment(); got != "ba" {
		t.Errorf("got %q", got)
	}
	if err := r.host.Load(context.Background(), []string{r.path("b.js"), r.path("bad.js")}); err == nil {
		t.Error("a bad script is no error")
	}
	r.rebuild()
	r.host.ends.Wait()
	if got := r.comment(); got != "b" || r.out.String() != "done a\n" {
		t.Errorf("got %q, printed %q", got, r.out)
	}
}

func TestLifecycle(t *testing.T) {
	r := newRig(t, "s.js", `
const log = [];
function load(loader) {
  loader.add_option("count", "int", 3, "how  many\n of them");
  loader.add_option({ name: "who", type: String, default: "me" });
  loader.add_option("maybe", "Optional[str]", null, "");
  loader.add_option("list", "Sequence[str]", ["a"], "", ["a", "b"]);
  log.push("load " + ctx.options.count);
}
function configure(updated) {
  log.push("configure " + Array.from(updated).sort().join("+"));
  if (ctx.options.count > 10) throw new OptionsError("count is too large");
}
async function running() { await null; log.push("running") }
function done() { console.log(log.join("; ")) }
function request(flow) {
  ctx.options.count = ctx.options.count + 1;
  flow.comment = [ctx.options.count, ctx.options.who, ctx.options.maybe, ctx.options.list, "count" in ctx.options].join("|");
  try { ctx.options.nope } catch (e) { flow.comment += e.message }
}
`)
	r.host.Running(context.Background())
	r.host.Running(context.Background())
	if got, want := r.comment(), `4|me||a|trueAttributeError: there is no option "nope"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.must(r.options.Set("who", "you"))
	if err := r.options.Set("count", int64(11)); err == nil || !strings.Contains(err.Error(), "count is too large") {
		t.Errorf("a refused value: %v", err)
	}
	if v, _ := r.options.Get("count"); v != int64(4) {
		t.Errorf("the refused change was kept: %v", v)
	}
	r.host.Close()
	want := "load 3; configure count+list+maybe+who; running; configure count; configure who; configure count\n"
	if got := r.out.String(); got != want {
		t.Errorf("printed %q\nwant %q", got, want)
	}
	if r.options.added[0].Help != "how many of them" {
		t.Errorf("help %q", r.options.added[0].Help)
	}
}

func TestLogging(t *testing.T) {
	r := newRig(t, "s.js", `
function request(flow) {
  console.log("out", {a: [1]}, flow.request);
  console.warn("w1"); console.error("e1");
  ctx.log.info("i1"); ctx.log.alert("a1"); ctx.log("plain", "warn");
  Promise.reject(new Error("nobody"));
  ctx.master.shutdown();
}`)
	r.comment()
	r.wantLog("level=WARN msg=w1", "level=ERROR msg=e1", "msg=i1", "level=INFO+1 msg=a1", "level=WARN msg=plain", "s.js:6:")
	if got := r.out.String(); got != "out {a: [1]} Request(GET http://example.test/path?q=1)\n" {
		t.Errorf("printed %q", got)
	}
	<-r.stopped
}

func TestConnectionEvents(t *testing.T) {
	r := newRig(t, "s.js", `
let client;
function client_connected(c) { client = c; if (c.peername[0] === "192.0.2.66") c.error = "not you" }
function requestheaders(flow) { flow.comment = String(flow.client_conn === client) }
function client_disconnected(c) { console.log("gone " + (c === client)) }
function server_connect(data) {
  if (data.server.address[0] === "bad.test") data.server.error = "blocked";
  else { data.server.address = ["other.test", 81]; data.server.via = ["http", ["::1", 3128]] }
}
function server_connect_error(data) { console.log("failed " + data.server.error) }
function http_connect(flow) { flow.server_conn.via = "http://u:p@a.test"; flow.response = Response.make(403) }
`)
	ctx := context.Background()
	x, _ := r.exchange()
	r.must(r.set.ClientConnected(ctx, x.Client))
	r.must(r.set.RequestHeaders(ctx, x))
	r.set.ClientDisconnected(ctx, x.Client)
	if x.Comment != "true" || r.out.String() != "gone true\n" {
		t.Errorf("comment %q, printed %q", x.Comment, r.out)
	}
	refused := *x.Client
	refused.Peer = "192.0.2.66:1"
	if err := r.set.ClientConnected(ctx, &refused); err == nil || !strings.Contains(err.Error(), "not you") {
		t.Errorf("refusal: %v", err)
	}
	d := &hook.Dial{Client: x.Client, Address: "h.test:80"}
	r.must(r.set.ServerConnect(ctx, d))
	if d.Address != "other.test:81" || d.Via.String() != "http://[::1]:3128" {
		t.Errorf("dials %q by way of %s", d.Address, d.Via)
	}
	d = &hook.Dial{Client: x.Client, Address: "bad.test:80"}
	if err := r.set.ServerConnect(ctx, d); err == nil || !strings.Contains(err.Error(), "blocked") {
		t.Errorf("refused dial: %v", err)
	}
	r.set.ServerConnectError(ctx, d)
	if !strings.Contains(r.out.String(), "failed script s.js: blocked") {
		t.Errorf("printed %q", r.out)
	}
	r.must(r.set.HTTPConnect(ctx, x))
	if x.Response == nil || x.Response.Status != 403 {
		t.Error("CONNECT was not refused")
	}
	if v := x.Request.Via; v == nil || v.String() != "http://a.test:80" || v.User != "u" || v.Password != "p" {
		t.Errorf("CONNECT goes by way of %s", v)
	}
}
