package option

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func load(t *testing.T, file string, environ []string, line ...Assignment) (*Registry, error) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(Start{Options: Builtin(), Home: "/home/user", Environ: append([]string{"MIDSTREAM_CONFDIR=" + dir}, environ...), Line: line})
}

func mustLoad(t *testing.T, file string, environ []string, line ...Assignment) *Registry {
	t.Helper()
	r, err := load(t, file, environ, line...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func flagged(name, text string) Assignment {
	return Assignment{Name: name, Text: text, Source: Flag, Place: "--" + name}
}

func TestPrecedence(t *testing.T) {
	file := "listen_port: 1\nrecord: heads\nmode:\n  - reverse:http://a\n  - regular\n"
	environ := []string{"MIDSTREAM_LISTEN_PORT=2", "MIDSTREAM_RECORD=none", "PATH=/bin"}
	for _, c := range []struct {
		name    string
		file    string
		environ []string
		line    []Assignment
		port    int
		source  Source
	}{
		{"default", "", nil, nil, 0, Default},
		{"file over default", file, nil, nil, 1, File},
		{"environment over file", file, environ, nil, 2, Environment},
		{"set over environment", file, environ, []Assignment{ParseSet("listen_port=3")}, 3, Set},
		{"flag over environment", file, environ, []Assignment{flagged("listen_port", "4")}, 4, Flag},
		{"flag after set", file, environ, []Assignment{ParseSet("listen_port=3"), flagged("listen_port", "4")}, 4, Flag},
		{"set after flag", file, environ, []Assignment{flagged("listen_port", "4"), ParseSet("listen-port=3")}, 3, Set},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustLoad(t, c.file, c.environ, c.line...)
			port, _ := r.OptionalInt("listen_port")
			s, _ := r.Lookup("listen_port")
			if port != c.port || s.Source != c.source {
				t.Errorf("listen_port is %d from %s, want %d from %s", port, s.Source, c.port, c.source)
			}
		})
	}
}

func TestListsCollectWithinOneSourceOnly(t *testing.T) {
	file := "ignore_hosts: [a, b]\nendless_types: one\n"
	r := mustLoad(t, file, nil)
	if got := r.List("ignore_hosts"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("from the file: %q", got)
	}
	r = mustLoad(t, file, []string{"MIDSTREAM_IGNORE_HOSTS=c\nd"})
	if got := r.List("ignore_hosts"); !slices.Equal(got, []string{"c", "d"}) {
		t.Errorf("from the environment: %q", got)
	}
	r = mustLoad(t, file, nil, flagged("ignore_hosts", "e"), ParseSet("ignore_hosts=f"))
	if got := r.List("ignore_hosts"); !slices.Equal(got, []string{"e", "f"}) {
		t.Errorf("from the line: %q", got)
	}
	r = mustLoad(t, file, nil, flagged("ignore_hosts", "e"), ParseSet("ignore_hosts"))
	if got := r.List("ignore_hosts"); len(got) != 0 {
		t.Errorf("emptied on the line: %q", got)
	}
}

func TestBareAndToggle(t *testing.T) {
	r := mustLoad(t, "stream_large_bodies: 3m\n", nil, ParseSet("ssl_insecure"), ParseSet("server=toggle"), ParseSet("stream_large_bodies"))
	if !r.Bool("ssl_insecure") || r.Bool("server") {
		t.Error("--set NAME is true and toggle turns round")
	}
	if _, ok := r.OptionalSize("stream_large_bodies"); ok {
		t.Error("--set NAME is none for an optional option")
	}
	if _, err := load(t, "", nil, ParseSet("record")); err == nil || !strings.Contains(err.Error(), "one of all, heads, none") {
		t.Errorf("--set record: %v", err)
	}
}

func TestFaultsOfTheFileHaveTheirPlace(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"record: al\n", `config.yaml:1:9: option record: "al" is not one of all, heads, none`},
		{"\n\nserver: perhaps\n", `config.yaml:3:9: option server: "perhaps" is not true, false or toggle`},
		{"listen_port: 99999\n", `config.yaml:1:14: option listen_port: "99999" is not a whole number from 0 to 65535, or none`},
		{"ignore_hosts:\n  - a\n  - {b: c}\n", `config.yaml:3:`},
		{"server:\n", `config.yaml:1:`},
		{"confdir: /x\n", `config.yaml:1:1: confdir cannot be set in the file that lies in it`},
		{"- a\n", `config.yaml:1:1: expected lines of the form NAME: VALUE`},
		{"a: [\n", `config.yaml:1:`},
		{"record: all\nrecord: none\n", `config.yaml:2:1: not YAML: mapping key "record" already defined`},
		{"session: {}\n", `config.yaml:1:`},
	} {
		_, err := load(t, c.file, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", c.file, err, c.want)
		}
	}
	r := mustLoad(t, "strem_large_bodies: 3m\n", nil)
	_, err := r.Settle()
	if err == nil || !strings.Contains(err.Error(), `config.yaml:1:1: unknown option "strem_large_bodies": did you mean stream_large_bodies?`) {
		t.Errorf("unknown name: %v", err)
	}
}

func TestFileValuesAreTakenAsWritten(t *testing.T) {
	r := mustLoad(t, "# words\ncert_passphrase: 0123\nsession_max_size: 1024\nsession_keep: 1.5h\nconnect_addr: \"192.0.2.1\"\nsession: sub/dir\nscripts: [a.js, /b.js, ~/c.js]\nclient_certs: null\nserver: off\n", nil)
	if s, _ := r.OptionalString("cert_passphrase"); s != "0123" {
		t.Errorf("cert_passphrase %q", s)
	}
	if n, _ := r.OptionalSize("session_max_size"); n != 1024 {
		t.Errorf("session_max_size %d", n)
	}
	if d := r.Duration("session_keep"); d != 90*time.Minute {
		t.Errorf("session_keep %v", d)
	}
	if r.Bool("server") {
		t.Error("server: off is false")
	}
	dir := r.Path("confdir")
	if got, want := r.Path("session"), filepath.Join(dir, "sub/dir"); got != want {
		t.Errorf("session %q, want %q", got, want)
	}
	if got, want := r.Paths("scripts"), []string{filepath.Join(dir, "a.js"), "/b.js", "/home/user/c.js"}; !slices.Equal(got, want) {
		t.Errorf("scripts %q, want %q", got, want)
	}
}

func TestUnknownNames(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"stream=3m", `--set: unknown option "stream": did you mean stream_large_bodies?`},
		{"console_mouse=true", "mitmproxy's option console_mouse is not there yet: there is no terminal interface yet (row console_mouse of docs/from-mitmproxy.md)"},
		{"qqqqqq=1", `--set: unknown option "qqqqqq": "midstream options" lists them all`},
	} {
		r := mustLoad(t, "", nil, ParseSet(c.set))
		_, err := r.Settle()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--set %s: %v, want %q", c.set, err, c.want)
		}
	}
	r := mustLoad(t, "", []string{"MIDSTREAM_SERVICE_HOST=10.0.0.1"})
	warnings, err := r.Settle()
	if err != nil || len(warnings) != 1 {
		t.Errorf("a foreign variable: %v, %v; want one warning", warnings, err)
	}
}

func TestScriptsDeclareOptions(t *testing.T) {
	r := mustLoad(t, "tag: fromfile\n", nil, ParseSet("count=7"), ParseSet("words=a"), ParseSet("words=b"))
	for _, o := range []Option{{Name: "tag", Type: String}, {Name: "count", Type: Int, Default: int64(1)}, {Name: "words", Type: List}} {
		if err := r.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if r.String("tag") != "fromfile" || r.Int("count") != 7 || !slices.Equal(r.List("words"), []string{"a", "b"}) {
		t.Errorf("taken up: %q %d %q", r.String("tag"), r.Int("count"), r.List("words"))
	}
	if _, err := r.Settle(); err != nil {
		t.Errorf("nothing is unknown any more: %v", err)
	}
	if err := r.Add(Option{Name: "count", Type: Int, Default: int64(2)}); err != nil || r.Int("count") != 7 {
		t.Errorf("declared again: %v, %d; want 7 kept", err, r.Int("count"))
	}
	if err := r.Add(Option{Name: "count", Type: String}); err != nil || r.String("count") != "" {
		t.Errorf("declared anew: %v, %q", err, r.String("count"))
	}
	if err := r.Add(Option{Name: "mode", Type: String}); err == nil {
		t.Error("an option of midstream's own was declared again")
	}
	r.Remove("count")
	if _, ok := r.Lookup("count"); ok {
		t.Error("count is still there")
	}
	r.Remove("mode")
	if _, ok := r.Lookup("mode"); !ok {
		t.Error("mode was removed")
	}
}

func TestWrongDeferredValueIsAnError(t *testing.T) {
	r := mustLoad(t, "", nil, ParseSet("count=x"))
	err := r.Add(Option{Name: "count", Type: Int})
	if _, ok := errors.AsType[*ValueError](err); !ok {
		t.Errorf("Add: %v, want a ValueError", err)
	}
	if _, ok := r.Lookup("count"); ok {
		t.Error("the option is there although its value is wrong")
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	r := mustLoad(t, "", nil)
	var seen []string
	refuse := false
	r.Subscribe(func(changed []string) error { seen = append(seen, r.String("record")); return nil }, "record")
	cancel := r.Subscribe(func(changed []string) error {
		if refuse {
			return errors.New("not now")
		}
		return nil
	})
	if err := r.Update(map[string]any{"record": "heads", "flow_detail": 3.0}); err != nil {
		t.Fatal(err)
	}
	if r.String("record") != "heads" || r.Int("flow_detail") != 3 {
		t.Error("not changed")
	}
	refuse = true
	if err := r.Update(map[string]any{"record": "none", "flow_detail": 2}); err == nil || err.Error() != "not now" {
		t.Errorf("refused change: %v", err)
	}
	if r.String("record") != "heads" || r.Int("flow_detail") != 3 {
		t.Error("not rolled back")
	}
	if want := []string{"heads", "none", "heads"}; !slices.Equal(seen, want) {
		t.Errorf("the subscriber saw %q, want %q", seen, want)
	}
	cancel()
	for name, values := range map[string]map[string]any{
		"wrong value": {"record": "none", "flow_detail": 9}, "wrong name": {"record": "none", "recrod": 1}, "wrong kind": {"record": "none", "ignore_hosts": 3},
	} {
		if err := r.Update(values); err == nil || r.String("record") != "heads" {
			t.Errorf("%s: err %v, record %s", name, err, r.String("record"))
		}
	}
	if err := r.Update(map[string]any{"record": "all"}); err != nil {
		t.Errorf("after cancel: %v", err)
	}
}

func TestSubscribersMayChangeOptions(t *testing.T) {
	r := mustLoad(t, "", nil)
	r.Subscribe(func(changed []string) error {
		if err := r.Add(Option{Name: "late", Type: Int}); err != nil {
			return err
		}
		return r.Update(map[string]any{"flow_detail": 2})
	}, "record")
	if err := r.Update(map[string]any{"record": "none"}); err != nil {
		t.Fatal(err)
	}
	if r.Int("flow_detail") != 2 || r.Int("late") != 0 {
		t.Error("the change within a change is lost")
	}
}

func TestUndoLeavesLaterChangesAlone(t *testing.T) {
	r := mustLoad(t, "", nil)
	inner := false
	r.Subscribe(func([]string) error {
		if inner {
			return nil
		}
		inner = true
		if err := r.Update(map[string]any{"record": "heads"}); err != nil {
			return err
		}
		return errors.New("no")
	})
	if err := r.Update(map[string]any{"record": "none", "flow_detail": 4}); err == nil {
		t.Fatal("not refused")
	}
	if r.String("record") != "heads" || r.Int("flow_detail") != 1 {
		t.Errorf("record %s, flow_detail %d; want heads, 1", r.String("record"), r.Int("flow_detail"))
	}
}

func TestUpdateReadsNoFiles(t *testing.T) {
	r := mustLoad(t, "", nil)
	if err := r.Update(map[string]any{"cert_passphrase": "@/etc/hostname"}); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.OptionalString("cert_passphrase"); s != "@/etc/hostname" {
		t.Errorf("a change at run time read a file: %q", s)
	}
}

func TestPanicOfASubscriberIsARefusal(t *testing.T) {
	r := mustLoad(t, "", nil)
	r.Subscribe(func([]string) error { panic("boom") })
	if err := r.Update(map[string]any{"record": "none"}); err == nil || r.String("record") != "all" {
		t.Errorf("err %v, record %s", err, r.String("record"))
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "hunter2hunter2"
	dir := t.TempDir()
	path := filepath.Join(dir, "pass")
	if err := os.WriteFile(path, []byte("\ufeff"+secret+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{secret, "@" + path} {
		r := mustLoad(t, "", nil, flagged("cert_passphrase", text))
		if got, _ := r.OptionalString("cert_passphrase"); got != secret {
			t.Fatalf("%q gives %q", text, got)
		}
		o, _ := r.Find("cert_passphrase")
		all, err := json.Marshal(r.Views())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(all)+r.Text(o)+Markdown(r.Options()), secret) {
			t.Error("the secret is in an output")
		}
	}
	r := mustLoad(t, "", nil, flagged("cert_passphrase", "@@x"))
	if got, _ := r.OptionalString("cert_passphrase"); got != "@x" {
		t.Errorf("@@x gives %q", got)
	}
	if err := r.Add(Option{Name: "pin", Type: Int, Secret: true}); err != nil {
		t.Fatal(err)
	}
	if err := r.Update(map[string]any{"pin": secret}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error of a wrong secret: %v", err)
	}
	if err := r.Add(Option{Name: "key", Type: String, Secret: true, Check: func(v any) error { return errors.New("bad " + v.(string)) }}); err == nil {
		err = r.Update(map[string]any{"key": secret})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error of a refused secret: %v", err)
		}
	}
	_, err := load(t, "", nil, flagged("cert_passphrase", "@"+path+".missing"))
	if err == nil || !strings.Contains(err.Error(), "pass.missing") {
		t.Errorf("missing file: %v", err)
	}
}

func TestConfdirComesFromTheLineFirst(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("record: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := mustLoad(t, "record: heads\n", nil, flagged("confdir", dir))
	if r.String("record") != "none" || r.Path("confdir") != dir {
		t.Errorf("record %s, confdir %s", r.String("record"), r.Path("confdir"))
	}
	if _, err := Load(Start{Options: Builtin()}); err == nil || !strings.Contains(err.Error(), "--confdir") {
		t.Errorf("without a home folder: %v", err)
	}
}

func TestReadersAndChangesAtOnce(t *testing.T) {
	r := mustLoad(t, "", nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 100 {
				if i%2 == 0 {
					_ = r.Update(map[string]any{"flow_detail": i})
					_ = r.Add(Option{Name: "extra", Type: Int})
				} else if n := r.Int("flow_detail"); n < 0 || n > 4 {
					t.Errorf("flow_detail %d", n)
				}
			}
		})
	}
	wg.Wait()
}

func TestAHostInBrackets(t *testing.T) {
	for given, want := range map[string]string{"[::1]": "::1", "::1": "::1", "localhost": "localhost", "[x]": "[x]", "[::1": "[::1", "": ""} {
		r, err := New(Builtin()...)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Update(map[string]any{"listen_host": given}); err != nil {
			t.Fatal(err)
		}
		if got := r.Host("listen_host"); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}
