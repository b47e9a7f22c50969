package pyhost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const shaky = `from mitmproxy import command, exceptions, flow
import typing

class A:
    """adds things"""
    def request(self, flow):
        raise ValueError("not today")

    @command.command("my.sum")
    def sum(self, a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @command.command("my.list")
    def list(self, words: typing.Sequence[str]) -> typing.Sequence[str]:
        return sorted(words)

    @command.command("my.fail")
    def fail(self) -> None:
        raise exceptions.CommandError("it cannot be done")

    @command.command("my.later")
    async def later(self) -> str:
        return "later"

addons = [A()]
`

func TestWhatWentWrongIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, shaky)
	if st := r.host.States(); len(st) != 1 || st[0].Path != r.path || !st[0].Loaded || st[0].Fault != "" || !st[0].At.IsZero() {
		t.Fatalf("%+v", st)
	}
	x := r.trip("GET", "http://a/")
	if err := x.request(""); err != nil {
		t.Fatal(err)
	}
	x.end()
	st := r.host.States()[0]
	if want := r.path + ":7: a in request: ValueError: not today"; st.Fault != want || !st.Loaded || st.At.IsZero() {
		t.Errorf("%q, want %q", st.Fault, want)
	}
	// Another path that does not load, and the first again.
	bad := strings.TrimSuffix(r.path, ".py") + "_bad.py"
	good := r.path
	r.path = bad
	r.write("1/0\n")
	if err := r.host.Load(context.Background(), []string{good, bad}); err == nil {
		t.Fatal("it loaded")
	}
	if st := r.host.States(); len(st) != 2 || st[1].Loaded || !strings.Contains(st[1].Fault, "ZeroDivisionError") || st[0].Fault == "" {
		t.Errorf("%+v", st)
	}
	r.write("x = 1\n")
	<-r.changed
	if st := r.host.States(); !st[1].Loaded || st[1].Fault != "" {
		t.Errorf("%+v", st)
	}
	r.write("x = \n# more\n")
	for r.host.States()[1].Fault == "" {
		if err := r.host.Configure(context.Background(), []string{"mode"}); err != nil { // it waits for the script
			t.Fatal(err)
		}
	}
	if st := r.host.States()[1]; !st.Loaded || !strings.Contains(st.Fault, "SyntaxError") {
		t.Errorf("%+v", st)
	}
}

func TestCommandsOfScriptsRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, shaky)
	var names []string
	for _, c := range r.host.Commands() {
		names = append(names, c.Name)
	}
	if fmt.Sprint(names) != "[my.fail my.later my.list my.sum]" {
		t.Error(names)
	}
	for _, c := range []struct {
		name  string
		args  []string
		want  string
		wrong string
	}{
		{"my.sum", []string{"40", "2"}, "42", ""},
		{"my.list", []string{"b,a"}, "['a', 'b']", ""},
		{"my.later", nil, "later", ""},
		{"my.fail", nil, "", "it cannot be done"},
		{"my.sum", []string{"x", "2"}, "", "run my.sum: "},
		{"my.sum", []string{"1"}, "", "mismatch"},
	} {
		got, err := r.host.Run(context.Background(), c.name, c.args)
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) || err == nil && fmt.Sprint(got) != c.want {
			t.Errorf("%s %v: %v, %v", c.name, c.args, got, err)
		}
	}
	if _, err := r.host.Run(context.Background(), "my.none", nil); !errors.Is(err, ErrNoCommand) {
		t.Error(err)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	var f faults
	f.note("a", strings.Repeat("é", maxFault))
	if got := f.of("a").Fault; len(got) > maxFault+8 || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d octets", len(got))
	}
	f.keep([]string{"b"})
	if f.of("a").Fault != "" {
		t.Error("it was kept")
	}
}
