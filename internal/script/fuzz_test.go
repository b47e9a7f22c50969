package script

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"midstream/hook"
)

// FuzzScript loads any text as a script and runs a flow through it: whatever it
// is, there is an error or a script, no panic and no hang.
func FuzzScript(f *testing.F) {
	names, err := filepath.Glob(filepath.Join(root, "examples", "*.*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		p, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(p))
	}
	for _, s := range []string{
		"", "\xff\xfe", "/*", "`${", "//", "#!/usr/bin/env node\n", "export default 1", "export const addons = 5",
		"export const addons = {[Symbol.iterator]: () => ({next: () => ({done: false, value: {}})})}",
		"export const parallel = {valueOf() { throw 1 }}", "export const name = Symbol()",
		"const a = {}; a.addons = [a]; export const addons = [a]",
		"function request(flow) { flow.response = flow.response; flow.request = 1 }",
		"function request(flow) { return {then(ok) { ok() }} }",
		"function response(flow) { throw {get stack() { throw 2 }, toString() { throw 3 }} }",
		"function response(flow) { return Promise.reject({get stack() { return {toString() { throw 1 }} }}) }",
		"function responseheaders(flow) { flow.response.stream = c => { throw null } }",
		"function responseheaders(flow) { flow.response.stream = {get transform() { throw 1 }} }",
		"function responseheaders(flow) { flow.response.stream = async c => ({[Symbol.iterator]() { for (;;); }}) }",
		"function requestheaders(flow) { for (const k of Object.keys(flow)) flow[k] }",
		"function requestheaders(flow) { flow.request.headers = new Proxy({}, {ownKeys() { throw 1 }}) }",
		"Object.prototype.then = 1; Array.prototype[Symbol.iterator] = 2; Promise.prototype.then = 3; async function request(f) { await 1 }",
		"Symbol.asyncIterator = 1; delete globalThis.Symbol; function request(f) {}",
		"globalThis.__midstream_exports = 1; globalThis.__midstream_module = 2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 1<<16 {
			return
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "s.ts")
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		h := NewHost(Config{Timeout: 20 * time.Millisecond, Poll: time.Hour, Engines: 1})
		defer h.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := h.Load(ctx, []string{path}); err != nil {
			return
		}
		set, err := hook.NewSet(nil, h.Addons()...)
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, host: h, set: set}
		x, ctl := r.exchange()
		set.RequestHeaders(ctx, x)
		ctl.Settle(&x.Request.Body, hook.Editable, bodyBytes{[]byte("a=b")}, 0, nil)
		set.Request(ctx, x)
		if x.Response == nil {
			answer(x, 200, "Content-Type", "text/plain")
		}
		set.ResponseHeaders(ctx, x)
		if x.Response != nil {
			pump(ctx, x.Response.Stream, "ab", "cd")
			ctl.Settle(&x.Response.Body, hook.Editable, bodyBytes{[]byte("{}")}, 0, nil)
			set.Response(ctx, x)
		}
		set.Finished(x)
	})
}
