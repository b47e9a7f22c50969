package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// echoing is a server of a protocol of its own: it greets, and gives lines back.
func echoing(t *testing.T, secured bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secured {
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}})
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, "welcome\n")
				in := bufio.NewReader(conn)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					io.WriteString(conn, "got "+line)
				}
			}()
		}
	}()
	return "localhost:" + port(ln.Addr().String())
}

// A script sees what passes through a raw tunnel, inside TLS too, changes it, and
// may end it.
func TestRawTunnelsInScripts(t *testing.T) {
	t.Parallel()
	p := start(t, "-s", scriptFile(t, `
export function tcp_start(flow) { flow.metadata.began = "yes"; }
export function tcp_message(flow) {
  const m = flow.messages[-1], text = bytes.text(m.content);
  if (text === "quit\n") flow.kill();
  else if (m.from_client) m.content = bytes.from(text.replace("secret", "***"));
}
export function tcp_end(flow) { flow.comment = "proper"; }
export function tcp_error(flow) { flow.comment = flow.error.msg; }
`))
	for _, secured := range []bool{false, true} {
		address := echoing(t, secured)
		var conn net.Conn
		if secured {
			conn = secure(t, p, address, "localhost")
		} else {
			conn = tunnel(t, p, address)
		}
		in := bufio.NewReader(conn)
		if line, err := in.ReadString('\n'); line != "welcome\n" {
			t.Fatalf("secured %v: %q %v", secured, line, err)
		}
		for _, c := range [][2]string{{"a secret\n", "got a ***\n"}, {"plain\n", "got plain\n"}} {
			io.WriteString(conn, c[0])
			if line, err := in.ReadString('\n'); line != c[1] {
				t.Errorf("secured %v: %q, want %q, %v", secured, line, c[1], err)
			}
		}
		if secured {
			io.WriteString(conn, "quit\n")
			if rest, _ := io.ReadAll(in); len(rest) > 0 {
				t.Errorf("after kill came %q", rest)
			}
		}
		conn.Close()
	}
	p.stop()
	out := p.midstream("flows", "list", "--session", p.Session)
	if strings.Count(out, "  tcp ") != 2 {
		t.Errorf("the list:\n%s", out)
	}
	ended, killed := p.midstream("flows", "show", "--session", p.Session, "1"), p.midstream("flows", "show", "--session", p.Session, "2")
	for page, want := range map[string][]string{
		ended:  {"comment   proper", "metadata  began = yes", "rewritten on its way", "messages: 2, TCP (--messages --request lists them)", "messages: 3, TCP (--messages lists them)"},
		killed: {"killed after", "comment   killed by a hook"},
	} {
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("no %q in\n%s", w, page)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(p.midstream("flows", "show", "--session", p.Session, "1", "--messages", "--from", "1", "--count", "3")), "\n")
	for i, want := range []string{"client  a ***", "server  got a ***", "client  plain"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) || !strings.HasPrefix(strings.TrimSpace(lines[i]), fmt.Sprint(i+1, " ")) {
			t.Errorf("line %d of %q, want %q", i, lines, want)
		}
	}
}

// A script puts messages of its own into a raw tunnel: JavaScript behind the one that
// it is given, Python at any time. Both reach their side in order, and are recorded.
func TestScriptsInjectIntoRawTunnels(t *testing.T) {
	t.Parallel()
	scripts := map[string]string{"inject.js": `
export function tcp_start(flow) { flow.inject(true, "before all\n"); }
export function tcp_message(flow) {
  if (flow.messages[-1].from_client) { flow.inject(false, "by the script\n"); flow.inject(true, "noticed\n"); }
}`}
	if _, err := exec.LookPath("python3"); err == nil {
		scripts["inject.py"] = `
import asyncio
from mitmproxy import ctx

async def later(flow, to_client, content):
    await asyncio.sleep(0)
    ctx.master.commands.call("inject.tcp", flow, to_client, content)

def tcp_start(flow):
    asyncio.get_running_loop().create_task(later(flow, True, b"before all\n"))

def tcp_message(flow):
    if flow.messages[-1].from_client:
        ctx.master.commands.call("inject.tcp", flow, True, b"noticed\n")
        ctx.master.commands.call("inject.tcp", flow, False, b"by the script\n")
`
	}
	for name, text := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			write(t, path, text)
			p := start(t, "-s", path)
			conn := tunnel(t, p, echoing(t, false))
			in := bufio.NewReader(conn)
			got := map[string]bool{}
			read := func() {
				t.Helper()
				line, err := in.ReadString('\n')
				if err != nil {
					t.Fatalf("behind %v: %v", got, err)
				}
				got[line] = true
			}
			read()
			read()
			if !got["welcome\n"] || !got["before all\n"] {
				t.Errorf("at first came %v", got)
			}
			io.WriteString(conn, "hello\n")
			for range 3 {
				read()
			}
			if !got["noticed\n"] || !got["got hello\n"] || !got["got by the script\n"] {
				t.Errorf("came %v", got)
			}
			conn.Close()
			p.stop()
			page := p.midstream("flows", "show", "--session", p.Session, "1", "--messages")
			up := p.midstream("flows", "show", "--session", p.Session, "1", "--messages", "--request")
			if !strings.Contains(page, "before all") || !strings.Contains(page, "noticed") || !strings.Contains(up, "by the script") {
				t.Errorf("listed are\n%s%s", page, up)
			}
		})
	}
}

// A raw tunnel is no way around block_list; what no rule means passes.
func TestRawTunnelsToBlockedHosts(t *testing.T) {
	t.Parallel()
	blocked, free := echoing(t, false), echoing(t, false)
	p := start(t, "--block-list", "|~d ^localhost$ & ~dst :"+port(blocked)+"$|403", "--block-list", "|~u /none|403")
	conn := tunnel(t, p, free)
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "welcome\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	conn = tunnel(t, p, blocked)
	if p, err := io.ReadAll(conn); len(p) > 0 {
		t.Errorf("%q, %v came through", p, err)
	}
}
