package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// uiLoad asks a proxy for what the measures of speed ask for, small: M2 is how much
// later an event comes, M3 how many small requests a second go through.
type uiLoad struct {
	t      testing.TB
	p      *proxy
	origin string
}

// smallOrigin answers /small with a few octets, and /ticks with events that say when
// they were sent.
func smallOrigin(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ticks" {
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "ok")
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for range n {
			<-tick.C
			fmt.Fprintf(w, "data: %d\n\n", time.Now().UnixNano())
			w.(http.Flusher).Flush()
		}
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

// exchange sends one request on a connection to the proxy that stays open.
func (l *uiLoad) exchange(c net.Conn, in *bufio.Reader, path string) error {
	if _, err := fmt.Fprintf(c, "GET http://%s%s HTTP/1.1\r\nHost: %s\r\n\r\n", l.origin, path, l.origin); err != nil {
		return err
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	_, err := io.CopyN(io.Discard, in, 2)
	return err
}

// m3 is requests a second on 32 connections, and microseconds of the proxy's CPU for
// each.
func (l *uiLoad) m3(d time.Duration) (rate, cpu float64) {
	var n atomic.Int64
	var all sync.WaitGroup
	before, begin := l.cpu(), time.Now()
	for range 32 {
		all.Go(func() {
			c, err := net.Dial("tcp", l.p.Addr)
			if err != nil {
				l.t.Error(err)
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			for time.Since(begin) < d {
				if err := l.exchange(c, in, "/small"); err != nil {
					l.t.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	return float64(n.Load()) / took, (l.cpu() - before) * 1e6 / float64(max(n.Load(), 1))
}

// m2 is how much later events come than they were sent, in milliseconds: the median
// and the 99th of a hundred.
func (l *uiLoad) m2(n int) (p50, p99 float64) {
	resp, err := l.p.client().Get(fmt.Sprintf("http://%s/ticks?n=%d", l.origin, n))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	var late []float64
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if text, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			at, _ := strconv.ParseInt(text, 10, 64)
			late = append(late, float64(time.Now().UnixNano()-at)/1e6)
		}
	}
	return quantile(late, 0.5), quantile(late, 0.99)
}

func quantile(list []float64, q float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[int(q*float64(len(list)-1))]
}

// cpu is how many seconds of CPU the proxy has taken.
func (l *uiLoad) cpu() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", l.p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.ParseFloat(words[11], 64)
	system, _ := strconv.ParseFloat(words[12], 64)
	return (user + system) / 100
}

// background passes so many flows a second until stop is called.
func (l *uiLoad) background(perSecond int) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		c, err := net.Dial("tcp", l.p.Addr)
		if err != nil {
			l.t.Error(err)
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			if err := l.exchange(c, in, "/background"); err != nil {
				l.t.Error(err)
				return
			}
		}
	}()
	return func() { close(end); <-done }
}

// feedReaders are readers of the change feed: n that read, on four views with a
// window each, and one that never does.
func feedReaders(t testing.TB, page string, n int) (stop func()) {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) *http.Request {
		req, _ := http.NewRequestWithContext(t.Context(), method, "http://"+u.Host+"/api/v1"+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+u.Query().Get("token"))
		return req
	}
	tr := &http.Transport{}
	do := func(req *http.Request) *http.Response {
		t.Helper()
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 300 {
			t.Fatal(req.URL, resp.Status)
		}
		return resp
	}
	var views []string
	for range 4 {
		resp := do(ask("POST", "/views", `{}`))
		var v struct{ ID string }
		if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		views = append(views, v.ID)
		do(ask("PUT", "/views/"+v.ID+"/window", `{"from":0,"n":50}`)).Body.Close()
	}
	var all sync.WaitGroup
	var bodies []io.Closer
	for i := range n {
		resp := do(ask("GET", "/views/"+views[i%len(views)]+"/feed", ""))
		bodies = append(bodies, resp.Body)
		all.Go(func() { io.Copy(io.Discard, resp.Body) })
	}
	frozen, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	ask("GET", "/views/"+views[0]+"/feed", "").Write(frozen)
	return func() {
		frozen.Close()
		for _, b := range bodies {
			b.Close()
		}
		all.Wait()
		for _, v := range views {
			do(ask("DELETE", "/views/"+v, "")).Body.Close()
		}
		tr.CloseIdleConnections()
	}
}
