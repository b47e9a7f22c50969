package pyhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
)

const rounds = `
import os, sys, logging
from mitmproxy import ctx, http

class Addon:
    def load(self, loader):
        loader.add_option(name="word", typespec=str, default="none", help="A word.")
        print("load", ctx.options.word)
    def configure(self, updated):
        print("configure", "word" in updated, ctx.options.word)
        if ctx.options.word == "bad":
            from mitmproxy import exceptions
            raise exceptions.OptionsError("no bad words")
    def running(self):
        print("running", os.path.basename(__file__), __name__)
    def done(self):
        print("done")
    def request(self, flow: http.HTTPFlow) -> None:
        flow.request.headers["X-Word"] = ctx.options.word
        flow.seen = 1
    def response(self, flow):
        assert flow.seen == 1
        flow.response.text = flow.response.text.upper()
        logging.info("seen %s", flow.request.path)

addons = [Addon()]
`

func TestRequestAndResponse(t *testing.T) {
	t.Parallel()
	r := newRig(t, rounds, func(c *Config) { c.Options.(*options).given["word"] = "given" })
	x := r.trip("GET", "http://example.com/a?b=c", "Host", "example.com", "Cookie", "a=b", "Cookie", "c=d")
	r.must(x, "hello")
	if got := x.Request.Fields.Get("X-Word"); got != "given" {
		t.Errorf("X-Word %q", got)
	}
	if body, err := x.Response.Content(); string(body) != "HELLO" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	if got := x.Request.Fields.Values("Cookie"); len(got) != 2 {
		t.Errorf("cookies %q", got)
	}
	if f := x.findings(); f != "" {
		t.Error(f)
	}
	if err := r.options.Set("word", "bad"); err == nil || !strings.Contains(err.Error(), "no bad words") {
		t.Errorf("refused: %v", err)
	}
	r.host.Close()
	want := "load none\nconfigure True given\nrunning addon.py __mitmproxy_script__.addon\nconfigure True bad\ndone\n"
	if got := r.out.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if log := r.log.String(); !strings.Contains(log, `msg="seen /a?b=c"`) || !strings.Contains(log, "runs the addons") {
		t.Error(log)
	}
}

func TestScriptsThatDoNotLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, source, want string }{
		{"syntax", "def request(flow:\n", "addon.py\", line 1"},
		{"raises", "1/0\n", "ZeroDivisionError"},
		{"missing package", "import no_such_package_here\n", `It needs the package "no_such_package_here"; install it: `},
		{"missing module of ours", "from mitmproxy.nothing import something\n", `midstream's own package mitmproxy does not have mitmproxy.nothing: docs/python.md`},
		{"two of one name", "class A:\n  def request(self, flow): pass\naddons = [A(), A()]\n", "An addon called 'a' already exists."},
		{"a class", "class A:\n  def request(self, flow): pass\naddons = [A]\n", "addons = [A()]"},
		{"of another age", "def request(context, flow): pass\n", "pre-2017 signature"},
		{"refuses", "from mitmproxy import exceptions\ndef configure(updated):\n  raise exceptions.OptionsError('not like this')\n", "not like this"},
		{"async load", "async def load(l): pass\n", "cannot be called from sync context"},
		{"exits", "import sys; sys.exit(3)\n", "SystemExit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryRig(t, c.source)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestNoPython(t *testing.T) {
	t.Parallel()
	h := NewHost(Config{Python: "/nowhere/python", Dir: t.TempDir()})
	defer h.Close()
	err := h.Load(context.Background(), []string{"a.py"})
	if err == nil || !strings.Contains(err.Error(), "option python: /nowhere/python is no Python 3.9 or later") {
		t.Error(err)
	}
	fake := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nprintf 3.8.1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := findPython(context.Background(), fake, nil2); err == nil || !strings.Contains(err.Error(), "is Python 3.8.1") {
		t.Error(err)
	}
}

func nil2(string) string { return "" }

func TestErrorsNameTheFlowAndTrafficGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def request(flow):
    flow.request.headers["X-Before"] = "1"
    raise RuntimeError("no luck")
`)
	x := r.trip("GET", "http://example.com/")
	r.must(x, "x")
	if x.Request.Fields.Get("X-Before") != "1" {
		t.Error("what was changed before is lost")
	}
	if f := x.findings(); !strings.Contains(f, "addon-error: addon.py in request: RuntimeError: no luck") && !strings.Contains(f, "RuntimeError: no luck") {
		t.Error(f)
	}
	eventually(t, "the traceback", func() bool {
		e := r.err.String()
		return strings.Contains(e, "on flow "+x.ID.String()) && strings.Contains(e, "line 4, in request") && !strings.Contains(e, "midstream_host")
	})
}

func TestAnAnswerIsMadeAndAFlowKilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
from mitmproxy import http, ctx
import threading
def request(flow):
    if flow.request.path == "/made":
        flow.response = http.Response.make(418, "tea", {"X-A": "1"})
    elif flow.request.path == "/kill":
        flow.kill()
        assert not flow.killable
    elif flow.request.path == "/stop":
        threading.Thread(target=ctx.master.shutdown).start()
def response(flow):
    flow.response.headers["X-B"] = "2"
`)
	x := r.trip("GET", "http://example.com/made")
	r.must(x, "never")
	if x.Response.Status != 418 || x.Response.Reason != "I'm a teapot" || x.Response.Fields.Get("X-A") != "1" || x.Response.Fields.Get("X-B") != "2" || !x.Response.Made {
		t.Errorf("%+v", x.Response.Response)
	}
	if p, _ := x.Response.Raw(); string(p) != "tea" {
		t.Errorf("body %q", p)
	}
	x = r.trip("GET", "http://example.com/kill")
	if err := x.request(""); err != nil || !x.killed {
		t.Error(err, x.killed)
	}
	x.end()
	r.must(r.trip("GET", "http://example.com/stop"), "")
	<-r.stopped
}

func TestAHookThatSleepsHoldsItsOwnFlowOnlyWhereItAwaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
import asyncio, threading
from mitmproxy.script import concurrent
go = asyncio.Event()
thread = threading.Event()
async def request(flow):
    if flow.request.path == "/wait":
        await go.wait()
        flow.request.headers["X-Waited"] = "1"
    elif flow.request.path == "/go":
        go.set()
        thread.set()
@concurrent
def response(flow):
    if flow.request.path == "/thread":
        thread.wait()
        flow.response.headers["X-Thread"] = flow.response.text
`)
	wait, thread := r.trip("GET", "http://example.com/wait"), r.trip("GET", "http://example.com/thread")
	done := make(chan error, 2)
	go func() { done <- wait.request("") }()
	go func() {
		err := thread.request("")
		done <- errors.Join(err, thread.response(200, "body", "Content-Type", "text/plain"))
	}()
	other := r.trip("GET", "http://example.com/other")
	r.must(other, "x")
	r.must(r.trip("GET", "http://example.com/go"), "x")
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if wait.Request.Fields.Get("X-Waited") != "1" || thread.Response.Fields.Get("X-Thread") != "body" {
		t.Error("the hooks have not come to their end")
	}
	wait.end()
	thread.end()
}

func TestIntercepted(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
held = []
def request(flow):
    if flow.request.path == "/hold":
        flow.intercept()
        held.append(flow)
    else:
        for f in held:
            f.request.headers["X-Let"] = "go"
            f.resume()
`)
	x := r.trip("GET", "http://example.com/hold")
	done := make(chan error, 1)
	go func() { done <- x.request("") }()
	eventually(t, "the flow is let go", func() bool {
		r.must(r.trip("GET", "http://example.com/go"), "")
		return len(done) == 1
	})
	if err := <-done; err != nil || x.Request.Fields.Get("X-Let") != "go" {
		t.Error(err, x.Request.Fields)
	}
	x.end()
}

func TestObserveAndRequired(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
class Looks:
    observe = True
    def response(self, flow): pass
class Guards:
    required = True
    def request(self, flow): raise ValueError("not this one")
addons = [Looks(), Guards()]
`)
	if r.set.WantsWhole(flow.ToClient) || !r.set.Looks(flow.ToClient) {
		t.Error("an observer holds responses")
	}
	if !r.set.Guards(flow.ToServer) {
		t.Error("a guard does not guard")
	}
	guarded := func() {
		t.Helper()
		err := r.trip("GET", "http://example.com/").request("")
		if g, ok := errors.AsType[*hook.GuardError](err); !ok || !strings.Contains(g.Error(), "not this one") {
			t.Error(err)
		}
	}
	guarded()
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the word about the file", func() bool { return strings.Contains(r.log.String(), "it is required, so it runs on") })
	guarded()
}

func TestReload(t *testing.T) {
	t.Parallel()
	r := newRig(t, "def request(flow):\n  flow.request.headers['X-V'] = 'one'\ndef done():\n  print('done one')\n")
	old := r.trip("GET", "http://example.com/")
	if err := old.request(""); err != nil {
		t.Fatal(err)
	}
	next := r.path + ".new"
	if err := os.WriteFile(next, []byte("def request(flow):\n  flow.request.headers['X-V'] = 'two'\n#"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, r.path); err != nil {
		t.Fatal(err)
	}
	<-r.changed
	r.rebuild()
	x := r.trip("GET", "http://example.com/")
	r.must(x, "")
	if x.Request.Fields.Get("X-V") != "two" || r.out.String() != "" {
		t.Error(x.Request.Fields, r.out.String())
	}
	old.Set.Finished(old.Exchange)
	eventually(t, "done of the old one", func() bool { return r.out.String() == "done one\n" })
	r.write("def broken(")
	eventually(t, "the error", func() bool { return strings.Contains(r.log.String(), "script does not load") })
	y := r.trip("GET", "http://example.com/")
	r.must(y, "")
	if y.Request.Fields.Get("X-V") != "two" {
		t.Error("the version before does not run on")
	}
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	<-r.changed
	if r.host.AddonsOf(r.path) != nil {
		t.Error("a removed script runs on")
	}
}

func TestAProcessThatDies(t *testing.T) {
	t.Parallel()
	const source = `
import os, sys, signal, socket
def request(flow):
    p = flow.request.path
    if p == "/exit": os._exit(7)
    if p == "/garbage":
        from midstream_host import bridge
        bridge.host.wire.sock.send(b"\xff" * 64)
    if p == "/malformed": 
        from midstream_host import bridge
        bridge.host.tell({"k": "nonsense"})
    if p == "/types":
        flow.request.headers = {"a": "b"}
        flow.request.data.port = "not a port"
    flow.request.headers["X-Ran"] = "1"
`
	for _, c := range []struct{ path, want string }{
		{"/exit", "exit status 7"}, {"/garbage", "malformed frame"}, {"/malformed", "malformed frame"},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := newRig(t, source)
			x := r.trip("GET", "http://example.com"+c.path)
			if err := x.request(""); err != nil {
				t.Error(err)
			}
			if f := x.findings(); !strings.Contains(f, c.want) {
				t.Errorf("findings %q, want %q", f, c.want)
			}
			x.end()
			y := r.trip("GET", "http://example.com/")
			r.must(y, "")
			if y.Request.Fields.Get("X-Ran") != "1" {
				t.Errorf("it does not run again: %s", y.findings())
			}
		})
	}
	dies := func(t *testing.T, pauses ...time.Duration) *rig {
		r := newRig(t, source, func(c *Config) { c.Closed, c.pauses = true, pauses })
		for i := range 2 {
			err := r.trip("GET", "http://example.com/exit").request("")
			if _, ok := errors.AsType[*hook.GuardError](err); !ok {
				t.Errorf("%d: a flow passes that should be refused: %v", i, err)
			}
		}
		return r
	}
	t.Run("in the pause", func(t *testing.T) {
		r := dies(t, 0, time.Hour)
		err := r.trip("GET", "http://example.com/").request("")
		if _, ok := errors.AsType[*hook.GuardError](err); !ok {
			t.Errorf("a flow passes in the pause: %v", err)
		}
	})
	t.Run("after the pause", func(t *testing.T) {
		r := dies(t, 0, time.Millisecond)
		eventually(t, "it is back", func() bool { return r.trip("GET", "http://example.com/").request("") == nil })
	})
}

// However a process ends, a flow that comes when another has failed by it is given
// to the next one, never to what is left of it.
func TestNothingIsGivenToADyingProcess(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
import os
def request(flow):
    from midstream_host import bridge
    p = flow.request.path
    if p == "/garbage": bridge.host.wire.sock.send(b"\xff" * 64)
    if p == "/malformed": bridge.host.tell({"k": "nonsense"})
    if p == "/exit": os._exit(7)
    if p == "/closed":
        import socket, time
        bridge.host.wire.sock.shutdown(socket.SHUT_RDWR)
        time.sleep(1e6)
    flow.request.headers["X-Ran"] = "1"
`, func(c *Config) { c.pauses = []time.Duration{0} })
	for i := range 2 {
		for path, want := range map[string]string{"/garbage": "malformed frame", "/malformed": "malformed frame", "/exit": "exit status 7", "/closed": "it has closed its socket"} {
			x := r.trip("GET", "http://example.com"+path)
			r.must(x, "")
			if f := x.findings(); !strings.Contains(f, want) {
				t.Errorf("%s: findings %q, want %q", path, f, want)
			}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					y := r.trip("GET", "http://example.com/")
					if err := y.request(""); err != nil || y.Request.Fields.Get("X-Ran") != "1" {
						t.Errorf("after %s, %d: it did not run: %v, %s", path, i, err, y.findings())
					}
					y.end()
				})
			}
			all.Wait()
		}
	}
}

func TestAProcessThatHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
import time
def request(flow):
    if flow.request.path == "/hang":
        while True: time.sleep(1)
`, func(c *Config) { c.Timeout = 2 * time.Second })
	x := r.trip("GET", "http://example.com/hang")
	if err := x.request(""); err != nil {
		t.Error(err)
	}
	if f := x.findings(); !strings.Contains(f, "it hangs: it has answered nothing for 2s") {
		t.Error(f)
	}
	r.must(r.trip("GET", "http://example.com/"), "")
}
