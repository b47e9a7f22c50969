package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soaking tells whether the long versions of the tests run: make soak.
func soaking() bool { return os.Getenv("MIDSTREAM_SOAK") != "" }

// flowsOf is the session of a proxy as it is now.
func flowsOf(t testing.TB, p *proxy) []recorded {
	t.Helper()
	var list []recorded
	in := json.NewDecoder(strings.NewReader(p.midstream("flows", "list", "--session", p.Session, "--json")))
	for in.More() {
		f := recorded{t: t}
		if err := in.Decode(&f); err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

// vitals is what a process uses.
type vitals struct {
	files, threads int
	kib, peak      int // resident
}

func (v vitals) String() string {
	return fmt.Sprintf("%d file descriptors, %d threads, %d KiB resident (peak %d KiB)", v.files, v.threads, v.kib, v.peak)
}

// vitals reads them from /proc, or skips the test.
func (p *proxy) vitals() vitals {
	p.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		p.t.Skip("what a process uses can be read on Linux only")
	}
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		p.t.Fatal(err)
	}
	number := func(name string) int {
		_, rest, _ := strings.Cut(string(status), name+":")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			p.t.Fatal(err)
		}
		return n
	}
	return vitals{len(files), number("Threads"), number("VmRSS"), number("VmHWM")}
}

// settle waits until the process holds no more files than wanted. Each look is
// a process of its own, which is pace enough.
func (p *proxy) settle(files int) vitals {
	p.t.Helper()
	for give := time.Now().Add(patience); ; {
		v := p.vitals()
		if v.files <= files || time.Now().After(give) {
			return v
		}
		p.midstream("flows", "list", "--session", p.Session, "--last", "1")
	}
}

// soakRoutes are what the clients of the soak ask for.
func soakRoutes(o *origin) {
	o.mux.HandleFunc("/s/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	o.mux.HandleFunc("/s/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			io.WriteString(w, tick(i))
			w.(http.Flusher).Flush()
		}
	})
	// Never ends by itself.
	o.mux.HandleFunc("/s/endless", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, tick(0))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
}

// soakClient sends requests of every kind, the nth of it's kind by its number.
type soakClient struct {
	ctx         context.Context
	o           *origin
	kept, fresh *http.Client
}

func (c soakClient) send(n int64) error {
	client, base := c.kept, c.o.HTTP
	if n%10 == 3 {
		client = c.fresh // a connection of its own
	}
	if n%3 == 1 {
		base = c.o.HTTPS
	}
	ctx, leave := context.WithCancel(c.ctx)
	defer leave()
	method, path := "GET", "/hello"
	var body io.Reader
	switch {
	case n%20 == 7:
		method, path, body = "POST", "/s/echo", bytes.NewReader(make([]byte, n%5000))
	case n%20 == 11:
		path = "/s/events"
	case n%100 == 19:
		path = "/s/endless"
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path+"?n="+strconv.FormatInt(n, 10), body)
	if err != nil {
		return err
	}
	r, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("request %d: %w", n, err)
	}
	defer r.Body.Close()
	if path == "/s/endless" {
		if _, err := io.ReadFull(r.Body, make([]byte, len(tick(0)))); err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		return nil // and leaves
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return fmt.Errorf("request %d: %w", n, err)
	}
	return nil
}

// run sends the requests from first up to last, some at once.
func (c soakClient) run(t *testing.T, next *atomic.Int64, last int64) {
	t.Helper()
	var workers sync.WaitGroup
	for range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := next.Add(1); n <= last; n = next.Add(1) {
				if err := c.send(n); err != nil {
					t.Error(err)
					next.Store(last)
					return
				}
			}
		}()
	}
	workers.Wait()
	next.Store(last)
	c.kept.CloseIdleConnections()
	c.fresh.CloseIdleConnections()
}

// After many requests of every kind the process holds no more than after the
// first ones, and the session has each of them.
func TestSoakRequests(t *testing.T) {
	requests := int64(2000)
	if soaking() {
		requests = 200_000
	}
	o := newOrigin(t)
	soakRoutes(o)
	p := start(t, "--set", "flow_detail=0")
	p.vitals()
	c := soakClient{ctx: t.Context(), o: o, kept: p.client(), fresh: p.client()}
	c.kept.Transport.(*http.Transport).MaxIdleConnsPerHost = 8
	c.fresh.Transport.(*http.Transport).DisableKeepAlives = true
	var next atomic.Int64
	idle := p.vitals()
	c.run(t, &next, 400)
	base := p.settle(idle.files + 4)
	t.Logf("idle: %v", idle)
	t.Logf("after 400 requests: %v", base)
	end := base
	for part := range int64(4) {
		c.run(t, &next, requests*(part+1)/4)
		end = p.settle(base.files)
		t.Logf("after %d: %v", next.Load(), end)
	}
	if base.files > idle.files+4 || end.files > base.files+2 {
		t.Errorf("file descriptors are left")
	}
	if end.threads > base.threads+8 {
		t.Errorf("threads are left")
	}
	// What may differ is when the runtime gives pages back, not what is held.
	if end.kib > base.kib+32<<10 {
		t.Errorf("memory has grown")
	}
	p.stop()
	count := countFlows(t, p)
	if count["all"] != requests || count["client left"] != requests/100 || count["completed"] != requests-requests/100 {
		t.Errorf("the session has %v, want %d", count, requests)
	}
}

// countFlows counts the flows of a session by outcome, without holding them.
func countFlows(t *testing.T, p *proxy) map[string]int64 {
	t.Helper()
	cmd := exec.Command(binary, "flows", "list", "--session", p.Session, "--json")
	cmd.Env = cleanEnv("MIDSTREAM_CONFDIR=" + p.Confdir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int64)
	seen := make(map[string]bool)
	for in := json.NewDecoder(out); in.More(); {
		var f recorded
		if err := in.Decode(&f); err != nil {
			t.Fatal(err)
		}
		count["all"]++
		outcome := f.Outcome
		if strings.HasPrefix(outcome, "client left") {
			outcome = "client left"
		}
		count[outcome]++
		if seen[f.URL] {
			t.Errorf("%s is there twice", f.URL)
		}
		seen[f.URL] = true
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return count
}

// A download that is larger than the session may be passes whole, in flat
// memory and bounded disk; the record is its first part and says so.
func TestSoakDownload(t *testing.T) {
	size, most := int64(256<<20), int64(64<<20)
	if soaking() {
		size, most = 10<<30, 1<<30
	}
	o := newOrigin(t)
	p := start(t, "--set", "session_max_size="+strconv.FormatInt(most, 10))
	p.vitals()
	r := get(t, p.client(), o.HTTPS+"/big?size="+strconv.FormatInt(size, 10))
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || n != size {
		t.Fatalf("%d bytes passed, want %d, %v", n, size, err)
	}
	v := p.vitals()
	t.Logf("after %d bytes: %v", size, v)
	if v.peak > 100<<10 {
		t.Errorf("the process held %d KiB", v.peak)
	}
	s := p.recorded()
	f := s.flow("size=" + strconv.FormatInt(size, 10))
	f.completed()
	if page := s.show(f); f.Response.Record != "cut" || f.Response.Size != size || !strings.Contains(page, "the body alone fills the session (session_max_size)") {
		t.Errorf("recorded as %+v\n%s", f, page)
	}
	kept, wrong, _ := recordedStream(p, f, false)
	if wrong != "" || kept < most/2 || kept > most {
		t.Errorf("%d bytes are recorded, %s", kept, wrong)
	}
	if n := folderSize(t, p.Session); n > most+most/8 {
		t.Errorf("the session has %d bytes", n)
	}
}

func folderSize(t *testing.T, dir string) (sum int64) {
	t.Helper()
	out, err := exec.Command("du", "-s", "-B1", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, err = strconv.ParseInt(strings.Fields(string(out))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
