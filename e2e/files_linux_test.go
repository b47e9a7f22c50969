package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A proxy that has run out of files goes on as soon as clients leave; who is
// served meanwhile is told what is the matter.
func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	hello := func(c *http.Client) {
		t.Helper()
		r := get(t, c, o.HTTPS+"/hello")
		if body, _ := io.ReadAll(r.Body); string(body) != "hello\n" {
			t.Fatalf("%d %q", r.StatusCode, body)
		}
		c.CloseIdleConnections()
	}
	files := func() (all, sockets int) {
		dir := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if to, _ := os.Readlink(dir + f.Name()); strings.HasPrefix(to, "socket:") {
				sockets++
			}
		}
		return len(list), sockets
	}
	_, listening := files()
	settled := func() int {
		t.Helper()
		for give := time.Now().Add(patience); ; {
			all, sockets := files()
			if sockets == listening {
				return all
			}
			if time.Now().After(give) {
				t.Fatalf("%d sockets were open before any client, %d are after all", listening, sockets)
			}
		}
	}
	hello(p.client())
	before := settled() // everything that is opened once is open now
	early, in := raw(t, p)
	fmt.Fprintf(early, "OPTIONS %s/hello HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n", o.HTTP) // its head goes on below
	const room = 8
	var limit unix.Rlimit
	err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit)
	if limit.Cur = uint64(before + room); err == nil {
		err = unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil)
	}
	if err != nil {
		t.Skipf("lower the limit of files of another process: %v", err)
	}
	var crowd []net.Conn
	for range 5 * room {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	p.waitStderr(`accept client: .*too many open files`)
	io.WriteString(early, "\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 502 || !strings.Contains(string(body), "too many open files; raise the limit (ulimit -n)") {
		t.Errorf("with no file left: %d %q", r.StatusCode, body)
	}
	for _, c := range crowd {
		c.Close()
	}
	early.Close()
	for range 3 {
		hello(p.client())
	}
	settled()
	if n := strings.Count(p.stderr.String(), "accept client: "); n > 10 {
		t.Errorf("the same trouble is logged %d times", n)
	}
	s := p.recorded()
	s.flow("/hello").completed()
}
