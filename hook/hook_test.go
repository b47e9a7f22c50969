package hook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
)

// trace is an addon that notes its calls, and does what its fields say.
type trace struct {
	name     string
	calls    *[]string
	err      error
	panics   bool
	required bool
	observe  bool
	kills    bool
}

func (a *trace) Name() string   { return a.name }
func (a *trace) Required() bool { return a.required }
func (a *trace) Observe() bool  { return a.observe }

func (a *trace) RequestHeaders(_ context.Context, x *Exchange) error {
	*a.calls = append(*a.calls, a.name)
	if a.panics {
		panic("oh")
	}
	if a.kills {
		x.Kill()
	}
	return a.err
}

func (a *trace) Request(context.Context, *Exchange) error { return nil }

func exchange(kill func()) (*Exchange, Control) {
	return NewExchange(flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, nil, kill)
}

func TestSetRunsAddonsInOrderAndGoesOnAfterAnError(t *testing.T) {
	var calls []string
	var log bytes.Buffer
	s, err := NewSet(slog.New(slog.NewTextHandler(&log, nil)),
		&trace{name: "one", calls: &calls, err: errors.New("broken")},
		&trace{name: "two", calls: &calls, panics: true},
		&trace{name: "three", calls: &calls})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := exchange(nil)
	if err := s.RequestHeaders(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(calls, want) {
		t.Errorf("ran %v, want %v", calls, want)
	}
	var texts []string
	for _, f := range x.Findings() {
		texts = append(texts, f.Text)
	}
	all := strings.Join(texts, "\n")
	if !strings.Contains(all, "one in requestheaders: broken") || !strings.Contains(all, "two in requestheaders: panic: oh") {
		t.Errorf("findings:\n%s", all)
	}
	if !strings.Contains(log.String(), "broken") || !strings.Contains(log.String(), "oh") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestAGuardEndsTheEvent(t *testing.T) {
	var calls []string
	s, err := NewSet(nil, &trace{name: "guard", calls: &calls, required: true, err: errors.New("no")}, &trace{name: "after", calls: &calls})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := exchange(nil)
	var g *GuardError
	if err := s.RequestHeaders(t.Context(), x); !errors.As(err, &g) || g.Addon != "guard" {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(calls, []string{"guard"}) {
		t.Errorf("ran %v behind a guard that refused", calls)
	}
	if !s.Guards(flow.ToServer) || s.Guards(flow.ToClient) {
		t.Error("the guard is not known as one of requests")
	}
}

func TestKillEndsTheEventAndWorksOnce(t *testing.T) {
	var calls []string
	s, err := NewSet(nil, &trace{name: "killer", calls: &calls, kills: true}, &trace{name: "after", calls: &calls})
	if err != nil {
		t.Fatal(err)
	}
	kills := 0
	x, ctl := exchange(func() { kills++ })
	if err := s.RequestHeaders(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if kills != 1 || !x.Killed() || !slices.Equal(calls, []string{"killer"}) {
		t.Errorf("%d kills, ran %v", kills, calls)
	}
	if err := x.Kill(); !errors.Is(err, ErrNotKillable) {
		t.Errorf("the second kill: %v", err)
	}
	ctl.Finish()
	if y, _ := exchange(nil); y.Killable() {
		t.Error("an exchange without an engine is killable")
	}
}

func TestOnlyAddonsThatChangeTheBodyWantIt(t *testing.T) {
	var calls []string
	looks, err := NewSet(nil, &trace{name: "looks", calls: &calls, observe: true})
	if err != nil {
		t.Fatal(err)
	}
	if looks.WantsWhole(flow.ToServer) || !looks.Looks(flow.ToServer) {
		t.Error("an observer wants the whole, or is forgotten")
	}
	changes, err := NewSet(nil, &trace{name: "changes", calls: &calls})
	if err != nil {
		t.Fatal(err)
	}
	if !changes.WantsWhole(flow.ToServer) || changes.WantsWhole(flow.ToClient) {
		t.Error("who changes requests must have them held, and no responses")
	}
	var none *Set
	if none.WantsWhole(flow.ToServer) || none.RequestHeaders(t.Context(), nil) != nil {
		t.Error("no set is not an empty one")
	}
	if _, err := NewSet(nil, struct{}{}); err == nil {
		t.Error("an addon without an event was taken")
	}
}

// whole is a body that lies somewhere.
type whole string

func (w whole) Len() int64                   { return int64(len(w)) }
func (w whole) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(w))), nil }

func TestBodyAccess(t *testing.T) {
	x, ctl := exchange(nil)
	b := &x.Request.Body
	if _, err := b.Raw(); !errors.Is(err, ErrNotYet) {
		t.Errorf("in a head hook: %v", err)
	}
	refused := 0
	late := func(string) { refused++ }
	ctl.Settle(b, Missing, nil, 0, late)
	if _, err := b.Text(); !errors.Is(err, ErrMissing) {
		t.Errorf("of a body that passed: %v", err)
	}
	ctl.Settle(b, ReadOnly, whole("sent"), 0, late)
	if text, err := b.Text(); err != nil || text != "sent" {
		t.Errorf("%q, %v", text, err)
	}
	if err := b.SetText("changed"); !errors.Is(err, ErrReadOnly) || refused != 1 {
		t.Errorf("%v, refused %d times", err, refused)
	}
	ctl.Settle(b, Editable, whole("held"), 3, late)
	if _, err := b.Raw(); err == nil || !strings.Contains(err.Error(), "content_limit") {
		t.Errorf("above content_limit: %v", err)
	}
	if err := b.SetText("new"); err != nil || !b.Changed() || b.Len() != 3 {
		t.Errorf("%v, changed %v, %d bytes", err, b.Changed(), b.Len())
	}
	if n := x.Request.Fields.Get("Content-Length"); n != "3" {
		t.Errorf("Content-Length %q", n)
	}
}

func TestSetContentEncodesAsTheHeadSays(t *testing.T) {
	r := MakeResponse(200, flow.Fields{{Name: "Content-Encoding", Value: "gzip"}}, nil)
	content := strings.Repeat("twelve bytes", 100)
	if err := r.SetContent([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if raw, err := r.Raw(); err != nil || len(raw) > len(content)/2 {
		t.Errorf("%d bytes encoded, %v", len(raw), err)
	}
	if p, err := r.Content(); err != nil || string(p) != content {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	r.Fields.Set("Content-Encoding", "unheard-of")
	if err := r.SetContent([]byte("plain")); err != nil || r.Fields.Has("Content-Encoding") {
		t.Errorf("an unknown coding stayed: %v, %v", r.Fields, err)
	}
}

func TestSetURLMovesTheRequest(t *testing.T) {
	x, _ := exchange(nil)
	x.Request.Fields.Add("host", "a.test")
	if err := x.Request.SetURL("https://b.test:8443/x?y=1"); err != nil {
		t.Fatal(err)
	}
	if got := x.Request.URL(); got != "https://b.test:8443/x?y=1" || x.Request.Fields.Get("Host") != "b.test:8443" {
		t.Errorf("%s, Host %q", got, x.Request.Fields.Get("Host"))
	}
	for _, bad := range []string{"/x", "ftp://a.test/", "http://a.test:99999/", ":"} {
		if x.Request.SetURL(bad) == nil {
			t.Errorf("SetURL took %q", bad)
		}
	}
}

func TestKeysDoNotCollide(t *testing.T) {
	x, _ := exchange(nil)
	a, b := new(Key[int]), new(Key[int])
	a.Put(x, 1)
	if _, ok := b.Get(x); ok {
		t.Error("one key reads another's value")
	}
	if v, ok := a.Get(x); !ok || v != 1 {
		t.Error("the value is lost")
	}
}

func TestFindingsAreBoundedAndKeptOnce(t *testing.T) {
	x, _ := exchange(nil)
	for i := range 3 * maxFindings {
		x.Find("code", strings.Repeat("x", i/2))
	}
	if n := len(x.Findings()); n != maxFindings {
		t.Errorf("%d findings, at most %d", n, maxFindings)
	}
}

func TestChunkFunc(t *testing.T) {
	var calls int
	f := ChunkFunc(func(p []byte) ([][]byte, error) {
		calls++
		if len(p) == 0 {
			return [][]byte{[]byte("end")}, nil
		}
		return [][]byte{p, nil, []byte("!")}, nil
	})
	var out []string
	emit := func(p []byte) error { out = append(out, string(p)); return nil }
	if err := errors.Join(f.Chunk(t.Context(), []byte("a"), emit), f.End(t.Context(), emit)); err != nil {
		t.Fatal(err)
	}
	if calls != 2 || !slices.Equal(out, []string{"a", "!", "end"}) {
		t.Errorf("%d calls, %q", calls, out)
	}
	full := errors.New("gone")
	if err := f.Chunk(t.Context(), []byte("a"), func([]byte) error { return full }); err != full {
		t.Errorf("error of emit: %v", err)
	}
}

// ends is an addon that hears how things end, and counts it.
type ends struct{ n *int }

func (e ends) Error(context.Context, *Exchange) error        { *e.n++; return errors.New("x") }
func (e ends) TCPEnd(context.Context, *Exchange) error       { *e.n++; return nil }
func (e ends) TCPError(context.Context, *Exchange) error     { *e.n++; return nil }
func (e ends) WebSocketEnd(context.Context, *Exchange) error { *e.n++; return nil }

// Everybody hears of the end of a flow that was killed.
func TestEverybodyHearsOfAnEnd(t *testing.T) {
	n := 0
	s, err := NewSet(nil, ends{&n}, ends{&n})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := NewExchange(flow.Request{}, nil, s, func() {})
	x.Kill()
	for i, run := range []func(context.Context, *Exchange) error{s.Error, s.TCPEnd, s.TCPError, s.WebSocketEnd} {
		if n = 0; run(t.Context(), x) != nil || n != 2 {
			t.Errorf("event %d: %d of 2 heard", i, n)
		}
	}
}

type prompt struct{ trace }

func (*prompt) Prompt() bool { return true }

type idle struct{ trace }

func (*idle) Wants() Events { return 0 }

func TestWaits(t *testing.T) {
	var calls []string
	for _, c := range []struct {
		rule   string
		addons []any
		want   bool
	}{
		{"nothing", nil, false},
		{"prompt", []any{&prompt{trace{name: "p", calls: &calls}}}, false},
		{"wants nothing", []any{&idle{trace{name: "i", calls: &calls}}}, false},
		{"any other", []any{&prompt{trace{name: "p", calls: &calls}}, &trace{name: "t", calls: &calls}}, true},
	} {
		s, err := NewSet(nil, c.addons...)
		if err != nil || s.Waits() != c.want {
			t.Errorf("%s: %v, %v", c.rule, s.Waits(), err)
		}
	}
	if (*Set)(nil).Waits() {
		t.Error("no set waits")
	}
}

// particular is a trace that only requests to one host concern.
type particular struct {
	trace
	host string
}

func (a *particular) Concerns(_ *flow.Conn, r *flow.Request) bool { return r.Host == a.host }

func TestAParticularAddonIsNotThereForOthers(t *testing.T) {
	var calls []string
	page := &particular{trace{name: "page", calls: &calls}, "page.test"}
	rule := &trace{name: "rule", calls: &calls, observe: true}
	for _, c := range []struct {
		addons []any
		host   string
		want   string
		whole  bool // what the addons that are there want
	}{
		{[]any{page, rule}, "page.test", "page rule", true},
		{[]any{page, rule}, "other.test", "rule", false},
		{[]any{page}, "page.test", "page", true},
		{[]any{page}, "other.test", "", false},
		{[]any{rule}, "page.test", "rule", false},
	} {
		set, err := NewSet(nil, c.addons...)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := exchange(nil)
		x.Request.Host = c.host
		calls = nil
		set = set.For(nil, &x.Request.Request)
		if err := set.RequestHeaders(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(calls, " "); got != c.want || set.WantsWhole(flow.ToServer) != c.whole || set.Hears(OnRequestHeaders) != (c.want != "") {
			t.Errorf("%d addons, %s: %q ran, want %q", len(c.addons), c.host, got, c.want)
		}
	}
}
