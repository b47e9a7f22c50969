package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A script without a hook: what it knows of flows it asks for.
const flowsScript = `
import typing
from mitmproxy import command, ctx, flow
from mitmproxy.addons.clientplayback import ReplayHandler

def lines(flows):
    return "; ".join("{} live={} {!r}".format(f.request.path, f.live, f.marked) for f in flows)

class Flows:
    @command.command("f.list")
    def list(self, flows: typing.Sequence[flow.Flow]) -> str:
        return lines(flows)

    @command.command("f.view")
    def view(self, path: str) -> str:
        f, = [f for f in ctx.master.view if f.request.path == path]
        same = ctx.master.view.get_by_id(f.id) is f and f in ctx.master.view and ctx.master.view[ctx.master.view.index(f)] is f
        resolved = ctx.master.commands.call("view.flows.resolve", "~u " + path)
        return "{} {} {} {}".format(same, lines(resolved), len(ctx.master.view) > 1, ctx.master.addons.get("view") is ctx.master.view)

    @command.command("f.mark")
    def mark(self, f: flow.Flow) -> str:
        f.marked, f.comment = ":red_circle:", "seen by a command"
        return f.request.path

    @command.command("f.kill")
    def kill(self, f: flow.Flow) -> str:
        f.kill()
        return str(f.live)

    @command.command("f.again")
    async def again(self, f: flow.Flow, path: str) -> str:
        copy = f.copy()
        copy.request.path = path
        handler = ReplayHandler(copy, ctx.options)
        await handler.replay()
        return "{} {} {}".format(copy.response.status_code, copy.response.text, handler.done.is_set())

    @command.command("f.load")
    async def take(self, f: flow.Flow) -> str:
        copy = f.copy()
        copy.comment = "loaded"
        await ctx.master.load_flow(copy)
        return lines(ctx.master.view.resolve("~comment loaded"))

    @command.command("f.others")
    def others(self) -> str:
        get = ctx.master.addons.get
        return "{} {} {}".format(get("clientplayback").count(), get("tlsconfig"), get("nobody"))

addons = [Flows()]
`

// Commands of a script have the flows of the session and those that run, although the
// script has no hook that would have told it of them.
func TestPythonCommandsHaveFlows(t *testing.T) {
	t.Parallel()
	k := newAddonKit(t, nil, nil, "--web", "--set", "web_port=0", "-s", pythonFile(t, "flows.py", flowsScript))
	arrived, left := make(chan bool, 1), make(chan bool, 1)
	k.o.mux.HandleFunc("/runs", func(w http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-r.Context().Done()
		left <- true
	})
	k.ask("GET", "http://first.example/seen?first", "")
	ended := make(chan error, 1)
	go func() {
		_, err := k.attempt("GET", "http://second.example/runs", "")
		ended <- err
	}()
	<-arrived
	k.p.live("/runs")
	k.until("f.list", "/seen?first live=False ''; /runs live=True ''", "@all")
	k.says(k.command("f.view", "/runs"), "True /runs live=True '' True True")
	k.says(k.command("f.mark", "~u /runs"), "/runs")
	k.says(k.command("f.kill", "~u /runs"), "False")
	if err := <-ended; err == nil {
		t.Error("a flow that a command has killed got an answer")
	}
	<-left
	k.until("f.list", "/runs live=False ':red_circle:'", "~u /runs")
	said := ""
	for give := time.Now().Add(patience); !strings.Contains(said, "comment   seen by a command"); said = k.show("/runs") {
		if time.Now().After(give) {
			t.Fatalf("what was noted while the flow ran is not in its record:\n%s", said)
		}
	}
	k.says(k.command("f.again", "~u seen.first", "/seen?again"), "200 GET first.example /seen?again", "True")
	k.says(k.command("f.load", "~u seen.first"), "/seen?first live=False")
	k.says(k.command("f.others"), "0 None None")
	k.p.waitStderr(`ctx\.master\.addons\.get\('tlsconfig'\) is None: .*docs/from-mitmproxy\.md`)
}

// pythonFile writes a script to a folder of its own.
func pythonFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, text)
	return path
}
