package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// kill ends the program as nothing that it could prepare for.
func (p *proxy) kill() {
	p.cmd.Process.Kill()
	<-p.ended
	p.err = nil
}

// killRoutes are what the clients of a proxy that is killed ask for.
func killRoutes(o *origin) {
	steps := make(chan struct{}, 16)
	o.mux.HandleFunc("/small", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, smallBody(r.FormValue("id")))
		select {
		case steps <- struct{}{}:
		default:
		}
	})
	// A download that goes on as others are served, so that it stays small.
	o.mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		for body := (&pattern{}); ; {
			if _, err := io.CopyN(w, body, 100_000); err != nil {
				return
			}
			select {
			case <-steps:
			case <-r.Context().Done():
				return
			}
		}
	})
	o.mux.HandleFunc("/ticks", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; ; i++ {
			if _, err := io.WriteString(w, tick(i)); err != nil || r.Context().Err() != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	})
}

func smallBody(id string) string { return strings.Repeat("the body of "+id+"\n", 1+len(id)*7%40) }

func tick(i int) string { return fmt.Sprintf("id: %d\ndata: tick\n\n", i) }

// A killed program leaves a session that opens: what was on disk before is
// whole, and what was being recorded says how far it got.
func TestKilledSessionOpens(t *testing.T) {
	t.Parallel()
	rounds := 12
	if soaking() {
		rounds = 200
	}
	o := newOrigin(t)
	killRoutes(o)
	random := rand.New(rand.NewPCG(7, 11))
	dir := t.TempDir()
	for round := range rounds {
		if round%20 == 0 {
			dir = t.TempDir()
		}
		killRound(t, o, filepath.Join(dir, "session"), round, random)
	}
}

// killRound loads one proxy, kills it at a random moment, and looks at what is
// left. Every second session is opened for writing before.
func killRound(t *testing.T, o *origin, session string, round int, random *rand.Rand) {
	t.Helper()
	p := startAtSession(t, session, "--set", "session_min_free=0")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	load := func(f func(c *http.Client) error) {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for c := p.client(); ctx.Err() == nil && f(c) == nil; {
			}
		}()
	}
	ask := func(c *http.Client, address string, read func(r io.Reader) error) error {
		req, err := http.NewRequestWithContext(ctx, "GET", address, nil)
		if err != nil {
			return err
		}
		r, err := c.Do(req)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		return read(r.Body)
	}
	discard := func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	for n, base := range []string{o.HTTP, o.HTTPS, o.HTTP, o.HTTPS} {
		i := 0
		load(func(c *http.Client) error {
			i++
			return ask(c, fmt.Sprintf("%s/small?id=%d-%d-%d", base, round, n, i), discard)
		})
	}
	load(func(c *http.Client) error { return ask(c, o.HTTPS+"/ticks?id="+strconv.Itoa(round), discard) })
	load(func(c *http.Client) error { return ask(c, o.HTTP+"/large?id="+strconv.Itoa(round), discard) })

	// What another process has read before the kill is on disk.
	var seen []string
	for give := time.Now().Add(patience); len(seen) < 60; {
		if seen = nil; time.Now().After(give) {
			t.Fatal("no flows come into the session")
		}
		for _, f := range flowsOf(t, p) {
			if f.Outcome == "completed" && strings.Contains(f.URL, fmt.Sprintf("/small?id=%d-", round)) {
				seen = append(seen, f.URL)
			}
		}
	}
	killed := make(chan struct{})
	time.AfterFunc(time.Duration(random.IntN(30_000))*time.Microsecond, func() {
		p.kill()
		close(killed)
	})
	<-killed
	stop()
	clients.Wait()

	if round%2 == 1 {
		again := startAtSession(t, session)
		again.stop()
	}
	checkKilled(t, p, round, seen)
}

// startAtSession is start with a session in a folder of the test's own.
func startAtSession(t *testing.T, session string, args ...string) *proxy {
	t.Helper()
	p := start(t, append(args, "--session", session)...)
	p.Session = session
	return p
}

func checkKilled(t *testing.T, p *proxy, round int, seen []string) {
	t.Helper()
	whole := make(map[string]recorded)
	var last []recorded
	var tick, large recorded
	for _, f := range flowsOf(t, p) {
		switch {
		case strings.Contains(f.URL, fmt.Sprintf("/small?id=%d-", round)) && f.Outcome == "completed":
			if f.Response.Record != "complete" {
				t.Errorf("flow %d has ended, and its record is %s", f.Number, f.Response.Record)
			}
			whole[f.URL] = f
			last = append(last, f)
		case strings.HasSuffix(f.URL, "/ticks?id="+strconv.Itoa(round)):
			tick = f
		case strings.HasSuffix(f.URL, "/large?id="+strconv.Itoa(round)):
			large = f
		case f.Outcome == "completed" && f.Response.Record != "complete":
			t.Errorf("flow %d has ended, and its record is %s", f.Number, f.Response.Record)
		}
		if f.Outcome != "completed" && !strings.HasPrefix(f.Outcome, "interrupted") {
			t.Errorf("flow %d %s: %s", f.Number, f.URL, f.Outcome)
		}
	}
	for _, url := range seen {
		if _, there := whole[url]; !there {
			t.Errorf("%s was on disk before the kill and is not whole after it", url)
		}
	}
	// A client asks for the next only when it has the one before: what is lost
	// are the last ones of each.
	for n := range 4 {
		gap := ""
		for i := 1; i <= len(whole); i++ {
			id := fmt.Sprintf("/small?id=%d-%d-%d", round, n, i)
			there := slices.ContainsFunc(last, func(f recorded) bool { return strings.HasSuffix(f.URL, id) })
			switch {
			case !there && gap == "":
				gap = id
			case there && gap != "":
				t.Errorf("%s is whole and %s before it is not", id, gap)
			}
		}
	}
	r := &recording{p: p}
	for _, f := range last[max(0, len(last)-3):] {
		_, id, _ := strings.Cut(f.URL, "id=")
		if got := r.body(f); got != smallBody(id) {
			t.Errorf("flow %d: %d other bytes are recorded", f.Number, len(got))
		}
	}
	for _, f := range []recorded{tick, large} {
		if f.Number == 0 {
			continue // it had no head on disk yet
		}
		if page := r.show(f); !strings.HasPrefix(f.Outcome, "interrupted") || !strings.Contains(page, "interrupted") || !strings.Contains(page, "record cut") {
			t.Errorf("flow %d ended as %s:\n%s", f.Number, f.Outcome, page)
		}
		n, rest, err := recordedStream(p, f, tick.Number == f.Number)
		if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) || rest != "" {
			t.Errorf("flow %d: %v, %s behind %d right bytes", f.Number, err, rest, n)
		}
	}
}

// recordedStream compares the recorded body of a stream with what the origin
// sends.
func recordedStream(p *proxy, f recorded, ticks bool) (right int64, wrong string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "flows", "body", "--session", p.Session, "--raw", strconv.FormatUint(f.Number, 10))
	cmd.Env = cleanEnv("MIDSTREAM_CONFDIR=" + p.Confdir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, "", err
	}
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	var want io.Reader = &pattern{}
	if ticks {
		want = &ticker{}
	}
	in, buf, expect := bufio.NewReaderSize(out, 64<<10), make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, rerr := in.Read(buf)
		io.ReadFull(want, expect[:n])
		if string(buf[:n]) != string(expect[:n]) && wrong == "" {
			wrong = "other bytes"
		}
		if wrong == "" {
			right += int64(n)
		}
		if rerr != nil {
			break
		}
	}
	return right, wrong, cmd.Wait()
}

// ticker is the endless stream of ticks.
type ticker struct {
	i    int
	rest string
}

func (k *ticker) Read(p []byte) (int, error) {
	if k.rest == "" {
		k.rest = tick(k.i)
		k.i++
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
