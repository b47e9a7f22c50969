package script

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// rig is a host with one script and what a test needs around it.
type rig struct {
	t       testing.TB
	host    *Host
	set     *hook.Set
	dir     string
	log     *logs
	out     *bytes.Buffer
	options *fakeOptions
	changed chan struct{}
	stopped chan struct{}
}

// logs collects log lines.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fakeOptions is a registry for tests.
type fakeOptions struct {
	mu     sync.Mutex
	values map[string]any
	added  []Option
	notify func([]string) error
}

func (o *fakeOptions) Add(opt Option) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.values[opt.Name]; !ok {
		o.values[opt.Name] = opt.Default
	}
	o.added = append(o.added, opt)
	return nil
}

func (o *fakeOptions) Get(name string) (any, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.values[name]
	return v, ok
}

func (o *fakeOptions) Set(name string, v any) error {
	o.mu.Lock()
	old := o.values[name]
	o.values[name] = v
	o.mu.Unlock()
	if o.notify == nil {
		return nil
	}
	if err := o.notify([]string{name}); err != nil {
		o.mu.Lock()
		o.values[name] = old
		o.mu.Unlock()
		return err
	}
	return nil
}

func (o *fakeOptions) Names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var names []string
	for n := range o.values {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// newRig writes the files (name, text, name, text...) and loads the first.
func newRig(t testing.TB, files ...string) *rig {
	t.Helper()
	r := emptyRig(t, Config{})
	r.write(files...)
	if err := r.host.Load(context.Background(), []string{r.path(files[0])}); err != nil {
		t.Fatalf("load: %v", err)
	}
	r.rebuild()
	return r
}

func emptyRig(t testing.TB, c Config) *rig {
	r := &rig{t: t, dir: t.TempDir(), log: &logs{}, out: &bytes.Buffer{}, changed: make(chan struct{}, 10), stopped: make(chan struct{}, 1)}
	r.options = &fakeOptions{values: map[string]any{}}
	c.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Output = r.out
	c.Options = r.options
	c.Poll = time.Hour // tests poll themselves
	c.OnChange = func() { r.changed <- struct{}{} }
	c.Shutdown = func() { r.stopped <- struct{}{} }
	r.host = NewHost(c)
	r.options.notify = func(names []string) error { return r.host.Configure(context.Background(), names) }
	t.Cleanup(r.host.Close)
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(files ...string) {
	r.t.Helper()
	for i := 0; i < len(files); i += 2 {
		p := r.path(files[i])
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(files[i+1]), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) rebuild() {
	r.t.Helper()
	set, err := hook.NewSet(r.host.log, r.host.Addons()...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.set = set
}

// exchange makes a live GET http://example.test/path?q=1.
func (r *rig) exchange() (*hook.Exchange, hook.Control) {
	head := flow.Request{
		Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{
			{Name: "Host", Value: "example.test"}, {Name: "User-Agent", Value: "t"},
			{Name: "Accept", Value: "a"}, {Name: "accept", Value: "b"},
		}, Start: time.Unix(100, 500e6)},
		Method: "GET", Scheme: "http", Host: "example.test", Port: 80, Path: "/path?q=1",
	}
	client := &flow.Conn{ID: flow.NewID(), Peer: "192.0.2.1:4000", Local: "192.0.2.2:8080"}
	return hook.NewExchange(head, client, r.set, func() {})
}

// bodyBytes is a source for a body.
type bodyBytes struct{ p []byte }

func (b bodyBytes) Len() int64 { return int64(len(b.p)) }
func (b bodyBytes) Open() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.p)), nil
}

// answer gives x a response as a server would.
func answer(x *hook.Exchange, status int, fields ...string) {
	fs := flow.Fields{}
	for i := 0; i < len(fields); i += 2 {
		fs.Add(fields[i], fields[i+1])
	}
	x.Response = hook.NewResponse(flow.Response{
		Message: flow.Message{Version: flow.HTTP11, Fields: fs}, Status: status, Reason: hook.Reason(status),
	})
}

// through runs x through the events of an exchange whose bodies are held, and
// returns what the client would get.
func (r *rig) through(reqBody, resBody string, fields ...string) (*hook.Exchange, string) {
	r.t.Helper()
	x, ctl := r.exchange()
	ctx := context.Background()
	r.must(r.set.RequestHeaders(ctx, x))
	ctl.Settle(&x.Request.Body, hook.Editable, bodyBytes{[]byte(reqBody)}, 0, nil)
	r.must(r.set.Request(ctx, x))
	if x.Response == nil {
		answer(x, 200, fields...)
		r.must(r.set.ResponseHeaders(ctx, x))
		ctl.Settle(&x.Response.Body, hook.Editable, bodyBytes{[]byte(resBody)}, 0, nil)
	}
	r.must(r.set.Response(ctx, x))
	p, err := x.Response.Raw()
	r.must(err)
	return x, string(p)
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) wantLog(parts ...string) {
	r.t.Helper()
	got := r.log.String()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			r.t.Errorf("the log lacks %q:\n%s", p, got)
		}
	}
}

// pump runs a transform over pieces.
func pump(ctx context.Context, s hook.Stream, pieces ...string) ([]string, error) {
	if s.Transform == nil {
		return nil, errors.New("there is no transform")
	}
	t := s.Transform()
	var got []string
	emit := func(p []byte) error {
		got = append(got, string(p))
		return nil
	}
	for _, p := range pieces {
		if err := t.Chunk(ctx, []byte(p), emit); err != nil {
			return got, err
		}
	}
	return got, t.End(ctx, emit)
}

func TestHooksRunInOrder(t *testing.T) {
	r := newRig(t, "a.js", `
let log = [];
export function requestheaders(flow) { log.push("rh"); }
function request(flow) { log.push("rq " + flow.request.method); }
async function responseheaders(flow) { await null; log.push("sh"); }
function response(flow) { log.push("rs " + flow.response.status_code); flow.response.text = log.join(); }
`)
	_, got := r.through("", "body")
	if want := "rh,rq GET,sh,rs 200"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
