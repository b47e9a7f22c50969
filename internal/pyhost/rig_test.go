package pyhost

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/script"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(shared())
		os.Exit(code)
	}))
}

// needPython skips a test where there is no Python to run.
func needPython(t testing.TB) {
	t.Helper()
	if _, err := findPython(context.Background(), "", os.Getenv); err != nil {
		t.Skip("skipped: " + err.Error())
	}
}

// text collects what is written.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// options is a small registry.
type options struct {
	mu     sync.Mutex
	values map[string]any
	given  map[string]any // by --set
	host   *Host
}

func (o *options) Add(d script.Option) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := d.Default
	if g, ok := o.given[d.Name]; ok {
		v = g
	}
	o.values[d.Name] = v
	return nil
}

func (o *options) Get(name string) (any, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.values[name]
	return v, ok
}

func (o *options) Set(name string, value any) error {
	o.mu.Lock()
	if _, ok := o.values[name]; !ok {
		o.mu.Unlock()
		return fmt.Errorf("there is no option %s", name)
	}
	old := o.values[name]
	o.values[name] = value
	o.mu.Unlock()
	err := o.host.Configure(context.Background(), []string{name})
	if err != nil {
		o.mu.Lock()
		o.values[name] = old
		o.mu.Unlock()
	}
	return err
}

func (o *options) Names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for n := range o.values {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// rig is a host with one script and what a test needs around it.
type rig struct {
	t       testing.TB
	host    *Host
	path    string
	set     *hook.Set
	log     text
	out     text
	err     text
	options *options
	changed chan struct{}
	stopped chan struct{}
}

// shared is where the Python files lie for all tests: they are compiled once.
var shared = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "midstream-pyhost-test-")
	if err != nil {
		panic(err)
	}
	return dir
})

func newRig(t testing.TB, source string, adjust ...func(*Config)) *rig {
	t.Helper()
	r, err := tryRig(t, source, adjust...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryRig(t testing.TB, source string, adjust ...func(*Config)) (*rig, error) {
	t.Helper()
	needPython(t)
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "addon.py"), changed: make(chan struct{}, 10), stopped: make(chan struct{}, 10)}
	r.options = &options{values: map[string]any{"listen_port": int64(8080), "mode": []string{"regular"}}, given: map[string]any{}}
	c := Config{
		Log: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Output: &r.out, Errors: &r.err, Options: r.options, Dir: shared(),
		OnChange: func() { r.changed <- struct{}{} }, Shutdown: func() { r.stopped <- struct{}{} },
		Poll: 20 * time.Millisecond, Getenv: os.Getenv,
	}
	for _, f := range adjust {
		f(&c)
	}
	r.host = NewHost(c)
	r.options.host = r.host
	t.Cleanup(r.host.Close)
	r.write(source)
	if err := r.host.Load(context.Background(), []string{r.path}); err != nil {
		return r, err
	}
	r.rebuild()
	r.host.Running(context.Background())
	return r, nil
}

func (r *rig) write(source string) {
	r.t.Helper()
	if err := os.WriteFile(r.path, []byte(source), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) rebuild() {
	r.t.Helper()
	set, err := hook.NewSet(slog.New(slog.NewTextHandler(&r.log, nil)), r.host.AddonsOf(r.path)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.set = set
}

// trip is one exchange on its way.
type trip struct {
	*hook.Exchange
	r       *rig
	control hook.Control
	killed  bool
}

func (r *rig) trip(method, url string, fields ...string) *trip {
	r.t.Helper()
	x := &trip{r: r}
	client := &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.7:4711", Local: "192.0.2.1:8080", Mode: "regular", Start: time.Unix(1700000000, 0)}
	head := flow.Request{Message: flow.Message{Version: flow.HTTP11, Start: time.Unix(1700000001, 0)}, Method: method}
	x.Exchange, x.control = hook.NewExchange(head, client, r.set, func() { x.killed = true })
	if err := x.Request.SetURL(url); err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		x.Request.Fields.Add(fields[i], fields[i+1])
	}
	return x
}

type whole []byte

func (w whole) Len() int64                   { return int64(len(w)) }
func (w whole) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(w)), nil }

// request runs the events of the request with a body that is held.
func (x *trip) request(body string) error {
	x.r.t.Helper()
	if err := x.r.set.RequestHeaders(context.Background(), x.Exchange); err != nil {
		return err
	}
	x.control.Settle(&x.Request.Body, hook.Editable, whole(body), 0, nil)
	return x.r.set.Request(context.Background(), x.Exchange)
}

// response brings a response, or takes the one that a hook has made.
func (x *trip) response(status int, body string, fields ...string) error {
	x.r.t.Helper()
	if x.Response == nil {
		x.Response = hook.NewResponse(flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: status, Reason: hook.Reason(status)})
		for i := 0; i < len(fields); i += 2 {
			x.Response.Fields.Add(fields[i], fields[i+1])
		}
		if err := x.r.set.ResponseHeaders(context.Background(), x.Exchange); err != nil {
			return err
		}
		x.control.Settle(&x.Response.Body, hook.Editable, whole(body), 0, nil)
	} else if err := x.r.set.ResponseHeaders(context.Background(), x.Exchange); err != nil {
		return err
	}
	return x.r.set.Response(context.Background(), x.Exchange)
}

func (x *trip) end() {
	x.control.Finish()
	x.r.set.Finished(x.Exchange)
}

// must runs a whole exchange.
func (r *rig) must(x *trip, body string) {
	r.t.Helper()
	if err := x.request(""); err != nil {
		r.t.Fatal(err)
	}
	if err := x.response(200, body, "Content-Type", "text/plain"); err != nil {
		r.t.Fatal(err)
	}
	x.end()
}

func (x *trip) findings() string {
	var all []string
	for _, f := range x.Findings() {
		all = append(all, f.Code+": "+f.Text)
	}
	return strings.Join(all, "\n")
}

// eventually waits for something that another goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("it never happened: " + what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// prints ends the host and compares what scripts have printed by then.
func (r *rig) prints(want string) {
	r.t.Helper()
	r.host.Close()
	if got := r.out.String(); got != want {
		r.t.Errorf("printed %q, want %q; standard error: %s", got, want, r.err.String())
	}
}
