package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// oddFraming are field lines that some reader may take for the given field, and
// another one not.
func oddFraming(name, value string) []string {
	lines := []string{name + ":" + value, name + ":\t" + value, name + ": " + value + " ", strings.ToUpper(name) + ": " + value, strings.ReplaceAll(name, "-", "_") + ": " + value,
		name + ": " + value + ", " + value, name + ": " + value + "\r\n" + name + ": " + value, name + ": \r\n " + value, "X: y\r\n " + name + ": " + value, "X: y\n" + name + ": " + value,
		"X: y\r" + name + ": " + value, name + ": \"" + value + "\"", name + ": x" + value, name + ": " + value + ";q=1", name + ": identity, " + value, name + ": " + value + ", identity", name + ": +" + value,
		name + ": -" + value, name + ": 0x" + value, name + ": " + value + ".0", name + ": 0" + value, name + ": " + value + "\r\n" + name + ": x", name + ": x\r\n" + name + ": " + value, name + ": " + strings.ToUpper(value), name + ":", name + " "}
	for _, b := range []string{"\x00", "\x01", "\x08", "\t", "\v", "\f", "\r", "\x1b", " ", "\x7f", "\x80", "\x85", "\xa0", "\xff", "\u200b", "\u212a", "\"", "(", ",", ";", "/"} {
		lines = append(lines, b+name+": "+value, name[:4]+b+name[4:]+": "+value, name+b+": "+value, name+": "+b+value, name+": "+value+b, name+": "+value[:1]+b+value[1:])
	}
	return lines
}

// smugglers are connections whose octets hide a request within the body of
// another for whoever reads an odd field otherwise. %[1]s is where the target of
// a request begins.
func smugglers() []string {
	const hidden = "GET %[1]s/hidden HTTP/1.1\r\nHost: h\r\n\r\n"
	var all []string
	add := func(fields, body string) {
		all = append(all, "POST %[1]s/odd HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n\r\n"+body)
	}
	// The length of what is hidden depends on the target, whose length is the same
	// for all.
	size := len(fmt.Sprintf(hidden, strings.Repeat("x", targetLength)))
	whole, ended := fmt.Sprintf("%d", size), fmt.Sprintf("%d", size+5)
	chunk := fmt.Sprintf("%x\r\n", size)
	chunked := chunk + hidden + "\r\n0\r\n\r\n"
	for _, odd := range oddFraming("Transfer-Encoding", "chunked") {
		add("Content-Length: "+ended+"\r\n"+odd, "0\r\n\r\n"+hidden)
		add(odd+"\r\nContent-Length: "+ended, "0\r\n\r\n"+hidden)
		add(odd, "0\r\n\r\n"+hidden)
		add(odd, chunked)
	}
	for _, odd := range oddFraming("Content-Length", whole) {
		add(odd, hidden)
		add("Content-Length: 0\r\n"+odd, hidden)
		add(odd+"\r\nContent-Length: 0", hidden)
	}
	for _, odd := range oddFraming("Content-Length", fmt.Sprint(len(chunk))) {
		add("Transfer-Encoding: chunked\r\n"+odd, chunked)
		add(odd+"\r\nTransfer-Encoding: chunked", chunked)
	}
	for _, line := range []string{"0\r\n\r\n" + hidden, "0;x\r\n\r\n" + hidden, "0\n\n" + hidden, "00\r\n\r\n" + hidden, "0 \r\n\r\n" + hidden, "-0\r\n\r\n" + hidden, "0x0\r\n\r\n" + hidden, "\r\n0\r\n\r\n" + hidden,
		"0;\"\r\n\r\n\"\r\n\r\n" + hidden, "0;\n\r\n" + hidden, "0\r\r\n" + hidden, "1\r\nAA0\r\n\r\n" + hidden, "1\r\nA\n0\r\n\r\n" + hidden, "10000000000000000\r\n" + hidden, "0\r\nX: y\r\n\r\n" + hidden, "0\r\nContent-Length: 9\r\n\r\n" + hidden, "0\r\nTransfer-Encoding : x\r\n\r\n" + hidden} {
		add("Transfer-Encoding: chunked", line)
	}
	for _, head := range []string{"GET %[1]s/odd HTTP/1.1\r\nHost: h\r\nContent-Length: " + whole + "\r\n\r\n", "GET %[1]s/odd HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET %[1]s/odd  HTTP/1.1\r\nHost: h\r\nContent-Length: " + whole + "\r\n\r\n",
		"GET %[1]s/odd\tHTTP/1.1\r\nHost: h\r\n\r\n", "GET %[1]s/odd HTTP/1.1\nHost: h\nContent-Length: " + whole + "\n\n", "GET %[1]s/odd HTTP/1.1\r\n\r\n", "GET %[1]s/odd HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "\r\n\r\nGET %[1]s/odd HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET %[1]s/odd HTTP/1.1\r\n Content-Length: " + whole + "\r\nHost: h\r\n\r\n", "GET %[1]s/odd HTTP/1.1\r\nHost: h\r\nConnection: Content-Length\r\nContent-Length: " + whole + "\r\n\r\n", "GET %[1]s/odd HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: " + whole + "\r\n\r\n"} {
		all = append(all, head+hidden)
	}
	return all
}

// targetLength is that of the beginning of a target.
const targetLength = len("/00000000")

var ownPath = regexp.MustCompile(`/\d{8}/`)

// A countingOrigin keeps the paths of the requests that it has seen.
type countingOrigin struct {
	addr string
	seen func() []string // after it has stopped
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// process is an origin that is another program and writes a log of paths.
func process(t *testing.T, addr, log string, cmd *exec.Cmd) countingOrigin {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	t.Cleanup(stop)
	for give := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(give) {
			t.Fatalf("%s does not listen: %s", cmd.Path, errs.String())
		}
	}
	return countingOrigin{addr, func() []string {
		stop()
		b, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		return strings.Fields(string(b))
	}}
}

func countingNginx(t *testing.T) countingOrigin {
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed: scripts/deps")
	}
	dir, addr := t.TempDir(), freePort(t)
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error;
events { worker_connections 512; }
http {
  log_format paths '$request_uri'; access_log %[1]s/log paths;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server { listen %[2]s; location / { return 200 "ok"; } }
}`, dir, addr)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return process(t, addr, filepath.Join(dir, "log"), exec.Command(path, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error")))
}

const h11Origin = `
import h11, socket, sys, threading
log = open(sys.argv[2], "a", buffering=1)
def serve(sock):
    c = h11.Connection(h11.SERVER)
    try:
        while True:
            e = c.next_event()
            if e is h11.NEED_DATA:
                c.receive_data(sock.recv(65536))
            elif isinstance(e, h11.Request):
                log.write(e.target.decode("latin-1") + "\n")
            elif isinstance(e, h11.EndOfMessage):
                sock.sendall(c.send(h11.Response(status_code=200, headers=[("Content-Length", "2")])) + c.send(h11.Data(data=b"ok")) + c.send(h11.EndOfMessage()))
                if c.our_state is h11.MUST_CLOSE: return
                c.start_next_cycle()
            elif isinstance(e, h11.ConnectionClosed) or e is h11.PAUSED:
                return
    except (h11.ProtocolError, OSError):
        pass
    finally:
        sock.close()
host, _, port = sys.argv[1].rpartition(":")
ln = socket.create_server((host, int(port)), backlog=512)
try:
    while True:
        threading.Thread(target=serve, args=(ln.accept()[0],), daemon=True).start()
except KeyboardInterrupt:
    log.flush()
`

func countingH11(t *testing.T) countingOrigin {
	if exec.Command("/usr/bin/python3", "-c", "import h11").Run() != nil {
		t.Skip("python3-h11 is not installed: scripts/deps")
	}
	log, addr := filepath.Join(t.TempDir(), "log"), freePort(t)
	return process(t, addr, log, exec.Command("/usr/bin/python3", "-c", h11Origin, addr, log))
}

func countingGo(t *testing.T) countingOrigin {
	var mu sync.Mutex
	var seen []string
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.RequestURI)
		mu.Unlock()
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	})}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return countingOrigin{ln.Addr().String(), func() []string {
		s.Close()
		mu.Lock()
		defer mu.Unlock()
		return seen
	}}
}

// No origin sees a request that midstream did not see as one: what odd fields and
// odd chunks hide for one reader and not for another is never passed on in a way
// that the two could read differently.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	for name, origin := range map[string]func(*testing.T) countingOrigin{"nginx": countingNginx, "h11": countingH11, "net/http": countingGo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := origin(t)
			p := start(t, "-q", "--mode", "reverse:http://"+o.addr)
			all := smugglers()
			work := make(chan int)
			var workers sync.WaitGroup
			for range 8 {
				workers.Go(func() {
					for i := range work {
						smuggle(t, p, all[i], i)
					}
				})
			}
			for i := range all {
				work <- i
			}
			close(work)
			workers.Wait()
			logged := make(map[string]int)
			for _, f := range p.recorded().flows {
				if at := ownPath.FindStringIndex(f.URL); at != nil {
					logged[f.URL[at[0]:]]++
				}
			}
			seen, passed := make(map[string]int), 0
			for _, path := range o.seen() {
				seen[path]++
				if strings.HasSuffix(path, "/odd") {
					passed++
				}
			}
			for path, n := range seen {
				if n > logged[path] {
					var i int
					fmt.Sscanf(path, "/%d/", &i)
					t.Errorf("the origin saw %s %d times, midstream %d times: %.300q", path, n, logged[path], all[i])
				}
			}
			// The test has to be able to fail: many odd requests do arrive.
			if passed < len(all)/20 || seen[fmt.Sprintf("/%08d/last", 0)] > 1 {
				t.Errorf("of %d odd requests %d arrived", len(all), passed)
			}
			t.Logf("%d odd requests, %d arrived", len(all), passed)
		})
	}
}

// smuggle sends one connection, and behind it a request that ends it.
func smuggle(t *testing.T, p *proxy, text string, i int) {
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	target := fmt.Sprintf("/%08d", i)
	text = strings.ReplaceAll(text, "%[1]s", target)
	io.WriteString(conn, text+"GET "+target+"/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	io.Copy(io.Discard, bufio.NewReader(conn))
}
