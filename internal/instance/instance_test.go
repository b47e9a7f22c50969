package instance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/option"
	"midstream/internal/script"
	"midstream/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(t *testing.T, sets ...string) *option.Registry {
	t.Helper()
	line := []option.Assignment{option.ParseSet("confdir=" + t.TempDir()), option.ParseSet("listen_port=0")}
	for _, s := range sets {
		line = append(line, option.ParseSet(s))
	}
	reg, err := option.Load(option.Start{Options: option.Builtin(), Line: line})
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// running starts an instance and serves; stop ends both and returns what is left.
func running(t *testing.T, cfg Config) (in *Instance, stop func() Summary) {
	t.Helper()
	in, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- in.Serve(ctx) }()
	return in, func() Summary {
		t.Helper()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		sum, err := in.Finish(in.Close(context.Background()))
		if err != nil {
			t.Error(err)
		}
		return sum
	}
}

func through(t *testing.T, in *Instance, address string) (*http.Response, string) {
	t.Helper()
	tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: in.Listeners()[0].Addresses[0].String()})}
	defer tr.CloseIdleConnections()
	r, err := (&http.Client{Transport: tr}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func echo(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "twelve bytes") }))
	t.Cleanup(s.Close)
	return s.URL
}

type watch func(*flow.Flow)

func (w watch) Watch(f *flow.Flow) { w(f) }

func TestAnInstanceServesRecordsAndIsFound(t *testing.T) {
	reg, origin := options(t), echo(t)
	ended := make(chan *flow.Flow, 4)
	in, stop := running(t, Config{Options: reg, Watchers: []engine.Watcher{watch(func(f *flow.Flow) {
		if !f.Live() {
			ended <- f
		}
	})}})
	live, err := store.LiveProcesses(reg.Path("confdir"))
	if err != nil || len(live) != 1 || live[0].Session != in.Session().Dir || live[0].PID != os.Getpid() {
		t.Errorf("announced as %+v, %v", live, err)
	}
	if _, body := through(t, in, origin); body != "twelve bytes" {
		t.Errorf("got %q", body)
	}
	f := <-ended
	if f.Outcome.Kind != flow.Completed || f.Number != 1 {
		t.Errorf("flow %d ended as %v", f.Number, f.Outcome)
	}
	contents, err := in.Contents()
	if err != nil {
		t.Fatal(err)
	}
	defer contents.Close()
	r, size, err := contents.Open(f.Number, flow.ToClient)
	if err != nil || size != 12 {
		t.Fatalf("content of %d bytes, %v", size, err)
	}
	if p, err := io.ReadAll(r); err != nil || string(p) != "twelve bytes" {
		t.Errorf("recorded %q, %v", p, err)
	}
	r.Close()
	sum := stop()
	if sum.Flows != 1 || sum.Size == 0 || sum.Until.IsZero() {
		t.Errorf("left %+v", sum)
	}
	if live, err := store.LiveProcesses(reg.Path("confdir")); err != nil || len(live) != 0 {
		t.Errorf("still announced: %+v, %v", live, err)
	}
}

func TestASessionWithoutAFlowIsNotKept(t *testing.T) {
	in, stop := running(t, Config{Options: options(t)})
	dir := in.Session().Dir
	stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the session is still there: %v", err)
	}
}

func TestNothingIsRecordedWithRecordNone(t *testing.T) {
	in, stop := running(t, Config{Options: options(t, "record=none")})
	if _, body := through(t, in, echo(t)); body != "twelve bytes" {
		t.Errorf("got %q", body)
	}
	if s := in.Session(); s.Dir != "" {
		t.Errorf("session %+v", s)
	}
	if sum := stop(); sum.Flows != 1 {
		t.Errorf("%d flows", sum.Flows)
	}
}

func TestOptionsChangeWhileItRunsOrSayThatTheyCannot(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark.js")
	if err := os.WriteFile(mark, []byte("export function responseheaders(flow) { flow.response.headers['X-Mark'] = 'here' }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reg, origin := options(t), echo(t)
	in, stop := running(t, Config{Options: reg})
	defer stop()
	if r, _ := through(t, in, origin); r.Header.Get("X-Mark") != "" {
		t.Error("marked without a script")
	}
	if err := reg.Update(map[string]any{"scripts": []string{mark}}); err != nil {
		t.Fatal(err)
	}
	if r, _ := through(t, in, origin); r.Header.Get("X-Mark") != "here" {
		t.Error("the script that was added does not run")
	}
	if err := reg.Update(map[string]any{"stream_large_bodies": int64(1)}); err != nil {
		t.Fatal(err)
	}
	if n := in.engine.Policy().StreamLargeBodies; n == nil || *n != 1 {
		t.Error("the policy did not follow the option")
	}
	if err := reg.Update(map[string]any{"tls_version_client_min": "TLS1_3", "tls_version_client_max": "TLS1_2"}); err == nil || reg.String("tls_version_client_min") != "TLS1_2" {
		t.Errorf("bounds that leave no version were taken: %v", err)
	}
	err := reg.Update(map[string]any{"record": "heads"})
	if !errors.Is(err, script.ErrAtStart) || !strings.Contains(err.Error(), "option record counts when midstream starts: start midstream with --set record=VALUE") {
		t.Errorf("record changed: %v", err)
	}
	if reg.String("record") != "all" {
		t.Error("a refused change was kept")
	}
}

func TestFaultsOfTheUserAreUsageErrors(t *testing.T) {
	for _, sets := range [][]string{
		{"mode=nonsense"}, {"ignore_hosts=("}, {"scripts=/nowhere/at/all.js"}, {"certs=/nowhere.pem"},
		{"ignore_hosts=a", "allow_hosts=b"}, {"ssl_verify_upstream_trusted_ca=/nowhere.pem"}, {"no_such_option=1"},
	} {
		in, err := Start(t.Context(), Config{Options: options(t, sets...)})
		if in != nil {
			in.Close(context.Background())
		}
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Errorf("%v: %v is no usage error", sets, err)
		}
	}
}
