package pyhost

import (
	"strings"
	"testing"
	"time"
)

// hostile does to the proxy what no script should, while a hook of a flow runs.
const hostile = `
import os, signal, struct, sys
from midstream_host import bridge

def frame(head, raw=b""):
    return struct.pack(">II", 4 + len(head) + len(raw), len(head)) + head + raw

def call():
    return b"%d" % next(iter(bridge.host.flows.values())).calls[-1]

ACTS = {
    "/kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "/abort": os.abort,
    "/exit": lambda: os._exit(0),
    "/huge": lambda: send(struct.pack(">II", 0xffffffff, 4) + b"{}"),
    "/headlarger": lambda: send(struct.pack(">II", 8, 400) + b"{}00"),
    "/nojson": lambda: send(frame(b"\xff\xfe{")),
    "/list": lambda: send(frame(b"[1,2]")),
    "/kind": lambda: send(frame(b'{"k":7}')),
    "/request": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"q":"text"}')),
    "/short": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"q":["GET"]}')),
    "/port": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"q":["GET","http","h",-1,"","/","HTTP/1.1",0,-1]}')),
    "/sizes": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"qb":1000000}', b"x")),
    "/negative": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"qb":-5}')),
    "/status": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"s":[-1,"","HTTP/1.1",0,-1],"sn":1}')),
    "/chunk": lambda: send(frame(b'{"k":"ret","c":' + call() + b',"p":[1,-2]}', b"x")),
    "/method": lambda: send(frame(b'{"k":"rpc","r":1,"m":"format the disk"}')),
    "/other": lambda: send(frame(b'{"k":"ret","c":99999}')),
    "/printed": lambda: (sys.stdout.buffer.write(bytes(range(256)) * 100), sys.stderr.buffer.write(bytes(range(256)) * 100)),
    "/closed": lambda: (os.close(1), os.close(2)),
}

def send(octets):
    bridge.host.wire.sock.setblocking(True)
    bridge.host.wire.sock.sendall(octets)
    bridge.host.wire.sock.setblocking(False)

def request(flow):
    if flow.request.path in ACTS:
        ACTS[flow.request.path]()
    flow.request.headers["X-Ran"] = "1"
`

// Whatever a process sends, prints, or does to itself: the flow that it held goes on
// and says why, and the next one has its hooks.
func TestWhatNoScriptShouldDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path string
		want string // in what is noted on the flow; "" where its hooks have run as ever
	}{
		{"/kill", "killed"}, {"/abort", "abort"}, {"/exit", "it has ended"}, {"/huge", "malformed frame"}, {"/headlarger", "malformed frame"},
		{"/nojson", "malformed frame"}, {"/list", "malformed frame"}, {"/kind", "malformed frame"}, {"/request", "malformed frame"},
		{"/short", "malformed frame"}, {"/port", "is no port"}, {"/sizes", "malformed frame"}, {"/negative", "malformed frame"},
		{"/status", "is no status"}, {"/chunk", ""}, {"/method", ""}, {"/other", ""}, {"/printed", ""}, {"/closed", ""},
	} {
		t.Run(strings.TrimPrefix(c.path, "/"), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, hostile, func(c *Config) { c.pauses = []time.Duration{0} })
			x := r.trip("GET", "http://example.com"+c.path)
			if err := x.request(""); err != nil {
				t.Errorf("the flow fails: %v", err)
			}
			if f := x.findings(); !strings.Contains(f, c.want) || c.want == "" && f != "" {
				t.Errorf("findings %q, want %q", f, c.want)
			}
			x.end()
			y := r.trip("GET", "http://example.com/")
			r.must(y, "")
			if y.Request.Fields.Get("X-Ran") != "1" {
				t.Errorf("the next one has not run: %s", y.findings())
			}
		})
	}
}
