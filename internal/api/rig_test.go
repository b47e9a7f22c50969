package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/internal/engine"
	"midstream/internal/instance"
	"midstream/internal/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a midstream with its API, an origin, and a client of both.
type rig struct {
	t      *testing.T
	in     *instance.Instance
	server *Server
	reg    *option.Registry
	origin *httptest.Server
	client *http.Client // through the proxy
	api    *http.Client // of the API, through the socket
	lines  *Log
}

func newRig(t *testing.T, origin http.HandlerFunc, sets ...string) *rig {
	t.Helper()
	r := &rig{t: t, lines: new(Log)}
	line := []option.Assignment{option.ParseSet("confdir=" + t.TempDir()), option.ParseSet("listen_port=0")}
	for _, s := range sets {
		line = append(line, option.ParseSet(s))
	}
	var err error
	if r.reg, err = option.Load(option.Start{Options: option.Builtin(), Line: line}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(r.lines.Handler(slog.DiscardHandler))
	hub := NewHub()
	if r.in, err = instance.Start(t.Context(), instance.Config{Options: r.reg, Watchers: []engine.Watcher{hub}, Log: log}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.in.Serve(ctx) }()
	if r.server, err = New(ctx, Config{Instance: r.in, Hub: hub, Lines: r.lines, Log: log, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	path, err := r.server.ListenSocket("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if origin == nil {
		origin = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello "+r.URL.Path) }
	}
	r.origin = httptest.NewServer(origin)
	proxy := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: r.in.Proxies()[0]})}
	socket := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	r.client, r.api = &http.Client{Transport: proxy}, &http.Client{Transport: socket}
	t.Cleanup(func() {
		proxy.CloseIdleConnections()
		socket.CloseIdleConnections()
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
		r.origin.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := r.in.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// through sends a request through the proxy, reads the answer, and waits for the
// end of the flow: a client may have all of it before.
func (r *rig) through(path string) string {
	r.t.Helper()
	_, before, _ := r.in.Control().Counts()
	defer func() {
		for st := (Stats{}); st.Ended <= before; {
			r.call("GET", "/stats", "", &st)
		}
	}()
	resp, err := r.client.Get(r.origin.URL + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// call sends a request to the API and reads the answer into out, nil for none.
func (r *rig) call(method, path, body string, out any) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://midstream/api/v1"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.api.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			r.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return resp.StatusCode
}

// feedOf reads the feed of a view; next returns the next event of a name.
func (r *rig) feedOf(view string) (next func(name string, out any)) {
	r.t.Helper()
	return r.eventsOf("/views/" + view + "/feed")
}

func (r *rig) eventsOf(path string) (next func(name string, out any)) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://midstream/api/v1"+path, nil)
	resp, err := r.api.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { cancel(); resp.Body.Close() })
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 8<<20)
	return func(name string, out any) {
		r.t.Helper()
		for found := false; in.Scan(); {
			line := in.Text()
			if event, ok := strings.CutPrefix(line, "event: "); ok {
				found = event == name
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok && found {
				if err := json.Unmarshal([]byte(data), out); err != nil {
					r.t.Fatal(err)
				}
				return
			}
		}
		r.t.Fatal(fmt.Errorf("the feed ended before %s: %w", name, in.Err()))
	}
}

// view begins one and waits until the past is in it.
func (r *rig) view(wish string) View {
	r.t.Helper()
	var v View
	if code := r.call("POST", "/views", wish, &v); code != http.StatusCreated {
		r.t.Fatal(code)
	}
	next := r.feedOf(v.ID)
	next("position", &v)
	for v.State != "ready" {
		var b Batch
		next("batch", &b)
		v.State, v.Total = b.State, b.Total
	}
	return v
}
