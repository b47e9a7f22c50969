package script

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"midstream/hook"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

func TestFaultsNameTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"throw", "// one\nfunction request(flow) {\n  throw new Error('boom');\n}", "s.js:3:9: Error: boom"},
		{"throw of a string", "function request(flow) {\n  throw 'boom';\n}", "s.js:2:3: thrown: boom"},
		{"missing method", "function request(flow) {\n\n  flow.nope();\n}", "TypeError: Object has no member 'nope'"},
		{"after await", "async function request(flow) {\n  await null;\n  throw new RangeError('late');\n}", "s.js:3:9: RangeError: late"},
		{"in an import", "import {f} from './lib/l.js';\nexport function request(flow) { f() }", "lib/l.js:2:"},
		{"typescript", "interface A { a: number }\nexport function request(flow: any): void {\n  const a: A = null as any;\n  a.a.b;\n}", "s.ts:4:"},
		{"from a native", "function request(flow) {\n  flow.request.headers['a b'] = 'x';\n}", "s.js:2:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "s.js"
			if strings.HasPrefix(c.name, "typescript") {
				file = "s.ts"
			}
			r := newRig(t, file, c.source, "lib/l.js", "// lib\nexport function f() { throw new Error('deep') }")
			x, _ := r.exchange()
			r.must(r.set.Request(context.Background(), x))
			fs := x.Findings()
			if len(fs) != 1 || !strings.Contains(fs[0].Text, c.want) || strings.Contains(fs[0].Text, "bundle.js") {
				t.Errorf("findings %q, want one with %q", fs, c.want)
			}
			r.wantLog("addon failed")
		})
	}
}

func TestScriptsThatDoNotLoad(t *testing.T) {
	for _, c := range []struct{ file, source, want string }{
		{"a.txt", "x", "it must end in .js, .mjs, .ts or .py"},
		{"none.js", "", "no such file"},
		{"a.js", "function request(flow) {\n  let = ;\n}", "a.js:2:"},
		{"a.js", "function request(flow) {", "a.js:1:"},
		{"a.js", "import './nope.js'", "a.js:1:8: Could not resolve"},
		{"a.js", "import fs from 'fs'", "imports must lie in the script's folder"},
		{"a.js", "import '../up.js'", "outside of its folder"},
		{"a.js", "let x = 1;\nx.y.z()", "a.js:2:"},
		{"a.js", "await null", "await at the top level"},
		{"a.js", "export const addons = [1]", "addons[0] is a number"},
		{"a.js", "function load(loader) {\n  throw new Error('no');\n}", "a.js:2:"},
		{"a.js", "async function load(loader) { throw new Error('no'); }", "a.js:1:"},
		{"a.js", "function load(l) { l.add_option('x', 'float', 1) }", "unknown type float"},
		{"a.js", "function load(l) { l.add_option('x', 'int', 'a') }", "the default a is not of type int"},
		{"a.js", strings.Repeat("(", 100_000), "nested more than"},
		{"a.js", "function f() { f() }; f()", "nested too deeply"},
		{"a.js", "function configure(u) { throw new OptionsError('bad value') }", "OptionsError: bad value"},
	} {
		r := emptyRig(t, Config{})
		if c.file != "none.js" {
			r.write(c.file, c.source)
		}
		r.write("../up.js", "")
		t.Cleanup(func() { os.Remove(r.path("../up.js")) })
		err := r.host.Load(context.Background(), []string{r.path(c.file)})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s %.40q: error %v, want one with %q", c.file, c.source, err, c.want)
		}
		if n := len(r.host.Addons()); n != 0 {
			t.Errorf("%s %.40q: %d addons", c.file, c.source, n)
		}
	}
}

func TestShapesOfScripts(t *testing.T) {
	const mark = "(flow) { (globalThis.log ??= []).push('%') }"
	h := func(name string) string { return strings.ReplaceAll(mark, "%", name) }
	for _, c := range []struct{ name, source, want string }{
		{"plain functions", "function request" + h("m"), "m"},
		{"exports", "export function request" + h("m"), "m"},
		{"exported constants", "export const request = " + h("m")[:6] + " => " + h("m")[7:], "m"},
		{"renamed exports", "function f" + h("m") + "\nexport { f as request }", "m"},
		{"commonjs", "exports.request = function " + h("m"), "m"},
		{"default object", "export default { request" + h("d") + " }", "d"},
		{"default class", "export default class A { request" + h("d") + " }", "d"},
		{"addons", "class A { constructor(n) { this.n = n } request(flow) { (globalThis.log ??= []).push(this.n) } }\nexport const addons = [new A('a'), new A('b')]", "a,b"},
		{"addons after the module, depth first", "function request" + h("m") + "\nconst addons = [{ request" + h("a") + ", addons: [{ request" + h("b") + " }] }, { request" + h("c") + " }]", "m,a,b,c"},
		{"addons without a declaration", "addons = [{ request" + h("a") + " }]", "a"},
		{"imported hook", "import { request } from './lib.js'", "lib"},
		{"a sibling with the same name", "import { other } from './lib.js'\nexport function request(flow) { other(flow); (globalThis.log ??= []).push('m') }", "lib,m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, "s.js", c.source+"\nfunction response(flow) { console.log((globalThis.log ?? []).join()) }",
				"lib.js", "export function request"+h("lib")+"\nexport const other = request")
			x, _ := r.exchange()
			r.must(r.set.Request(context.Background(), x))
			answer(x, 200)
			r.must(r.set.Response(context.Background(), x))
			if got := strings.TrimSpace(r.out.String()); c.name != "commonjs" && got != c.want {
				t.Errorf("got %q, want %q\n%s", got, c.want, r.log)
			}
		})
	}
}

func TestComputingIsBounded(t *testing.T) {
	for _, body := range []string{
		"for (;;) { flow.n = 1 }",
		"await null; for (;;) { flow.n = 1 }",
		"await sleep(5); for (;;) { flow.n = 1 }",
		"for (;;) await null",
		"await sleep(5); for (;;) await null",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "s.js", "const sleep = ms => new Promise(ok => setTimeout(ok, ms));\nexport async function request(flow) {\n  flow.comment = 'before';\n  "+body+"\n}")
			r.host.SetTimeout(500 * time.Millisecond) // it has begun by then
			x, _ := r.exchange()
			r.must(r.set.Request(context.Background(), x))
			fs := x.Findings()
			if len(fs) != 1 || !strings.Contains(fs[0].Text, "script_timeout") || strings.Contains(fs[0].Text, bundleName) ||
				strings.Contains(body, "flow.n") && !strings.Contains(fs[0].Text, "s.js:") {
				t.Errorf("findings %q", fs)
			}
			if x.Comment != "before" {
				t.Error("what was changed before is lost")
			}
		})
	}
}

func TestAwaitingHoldsOneFlowOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "s.js", `
let n = 0;
export async function request(flow) {
  if (n++ === 0) await new Promise(ok => setTimeout(ok, 5000));
  flow.comment = "done";
}`)
		first, _ := r.exchange()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := r.set.Request(context.Background(), first); err != nil {
				t.Error(err)
			}
			if d := time.Since(start); d != 5*time.Second {
				t.Errorf("the first waited %v", d)
			}
		})
		synctest.Wait()
		for range 50 {
			x, _ := r.exchange()
			r.must(r.set.Request(context.Background(), x))
			if x.Comment != "done" {
				t.Error("another flow was not served")
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the others waited %v", d)
		}
		wg.Wait()
		if first.Comment != "done" || len(first.Findings()) > 0 {
			t.Errorf("comment %q, findings %v", first.Comment, first.Findings())
		}
		r.host.Close()
	})
}

func TestClientThatLeavesEndsAnAwait(t *testing.T) {
	r := newRig(t, "s.js", "export function request(flow) { flow.kept = true; return new Promise(() => {}) }")
	x, _ := r.exchange()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.set.Request(ctx, x) }()
	cancel()
	if err := <-done; err != nil && err != context.Canceled {
		t.Error(err)
	}
}

func TestLoadThatWaitsForEverIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := emptyRig(t, Config{})
		r.write("s.js", "async function load() { await new Promise(() => {}) }")
		err := r.host.Load(context.Background(), []string{r.path("s.js")})
		if err == nil || !strings.Contains(err.Error(), "load still waits") {
			t.Errorf("error %v", err)
		}
		r.host.Close()
	})
}

func TestUnknownEventsAreSaid(t *testing.T) {
	r := newRig(t, "s.js", "function udp_message(flow) {}")
	r.wantLog("udp_message")
}

func TestGuardsAndObservers(t *testing.T) {
	r := newRig(t, "s.js", `
export const required = true;
export function request(flow) { throw new Error("no") }
export const addons = [{ observe: true, name: "looker", response(flow) {} }]`)
	if !r.set.WantsWhole(0) || !r.set.Guards(0) || r.set.WantsWhole(1) || !r.set.Looks(1) {
		t.Error("observe or required is not taken")
	}
	x, _ := r.exchange()
	if err := r.set.Request(context.Background(), x); err == nil {
		t.Error("a guard that fails lets the exchange go on")
	}
	if n := r.host.Addons()[1].(hook.Named).Name(); n != "looker" {
		t.Errorf("name %q", n)
	}
}

func TestParallelKeepsAFlowOnOneEngine(t *testing.T) {
	r := emptyRig(t, Config{Engines: 3})
	r.write("s.js", `
export const parallel = true;
let seen = 0;
export function requestheaders(flow) { flow.mark = ++seen }
export function request(flow) { if (flow.mark === undefined) throw new Error("another engine") }
`)
	r.must(r.host.Load(context.Background(), []string{r.path("s.js")}))
	r.rebuild()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				x, _ := r.exchange()
				if err := r.set.RequestHeaders(context.Background(), x); err != nil {
					t.Error(err)
				}
				if err := r.set.Request(context.Background(), x); err != nil {
					t.Error(err)
				}
				if len(x.Findings()) > 0 {
					t.Error(x.Findings())
				}
				r.set.Finished(x)
			}
		})
	}
	wg.Wait()
}

func TestIdentityAndLateChanges(t *testing.T) {
	r := newRig(t, "s.js", `
let kept;
export function requestheaders(flow) {
  kept = flow; flow.n = 1;
  flow.request.stream = c => { flow.comment = "streamed"; flow.request.path = "/late"; return flow.request.path };
}
export function response(flow) {
  if (flow !== kept || flow.n !== 1) throw new Error("another object");
  console.log(flow.comment);
}`)
	x, _ := r.exchange()
	r.must(r.set.RequestHeaders(context.Background(), x))
	got, err := pump(context.Background(), x.Request.Stream, "a")
	r.must(err)
	if got[0] != "/late" || x.Request.Path != "/path?q=1" {
		t.Errorf("the script sees %q, the wire %q", got, x.Request.Path)
	}
	if x.Comment != "" {
		t.Error("the comment was set while the exchange belonged to nobody")
	}
	answer(x, 200)
	r.must(r.set.Response(context.Background(), x))
	if x.Comment != "streamed" || strings.TrimSpace(r.out.String()) != "streamed" {
		t.Errorf("comment %q, printed %q\n%s", x.Comment, r.out, r.log)
	}
	r.wantLog("it has no effect")
}

// A change that comes too late is told by the body, which knows whose it is, and
// not by the script as well.
func TestRefusedChangeIsLeftToTheBody(t *testing.T) {
	r := newRig(t, "s.js", "export function response(flow) { flow.response.text = 'a'; flow.response.content = new Uint8Array(1); flow.comment = String(flow.response.content) }")
	x, ctl := r.exchange()
	answer(x, 200)
	var told []string
	ctl.Settle(&x.Response.Body, hook.Missing, nil, 0, func(what string) { told = append(told, what+" by "+x.Running()) })
	r.must(r.set.Response(context.Background(), x))
	if len(told) != 2 || told[0] != "content by s.js" || strings.Contains(r.log.String(), "refused") {
		t.Errorf("told %q, log\n%s", told, r.log)
	}
	if x.Comment != "null" || x.Running() != "" {
		t.Errorf("content is %s, %q runs", x.Comment, x.Running())
	}
}

func TestOneResponseForManyFlows(t *testing.T) {
	r := newRig(t, "s.js", "const r = Response.make(403, 'no');\nexport function request(flow) { flow.response = r; flow.response.headers.n = flow.id }")
	a, _ := r.through("", "")
	b, got := r.through("", "")
	if a.Response == b.Response || got != "no" || b.Response.Status != 403 || a.Response.Fields.Get("n") != a.ID.String() {
		t.Errorf("flows share a response: %q", got)
	}
}
