package option

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// theirs is an option of mitmproxy as its own documentation has it.
type theirs struct{ name, kind, fallback string }

func theirOptions(t *testing.T) []theirs {
	t.Helper()
	text, err := os.ReadFile("testdata/mitmproxy.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []theirs
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] != "#" {
			list = append(list, theirs{f[0], f[1], f[2]})
		}
	}
	if len(list) < 115 {
		t.Fatalf("only %d options were read", len(list))
	}
	return list
}

func TestTheTableOfMitmproxyIsComplete(t *testing.T) {
	var want, got []string
	for _, o := range theirOptions(t) {
		want = append(want, o.name)
	}
	for _, row := range Mitmproxy() {
		got = append(got, row.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the rows are\n%s\nnot\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	if strings.Contains(MitmproxyMarkdown(), "| not there yet |  |") {
		t.Error("a row does not say why")
	}
}

// kinds are the types that an option of ours may have for one of theirs.
var kinds = map[string][]Type{
	"bool": {Bool}, "int": {Int, Duration}, "str": {String, Path, Choice}, "list": {List, Paths}, "choice": {Choice}, "size": {Size},
}

// Each option of mitmproxy works here with its type and default, or the table
// says what differs; or its old name is taken for what does it; or it is refused
// with the reason of the table.
func TestEveryOptionOfMitmproxyIsWhatTheTableSays(t *testing.T) {
	ours := make(map[string]Option)
	for _, o := range Builtin() {
		ours[o.Name] = o
	}
	rows := make(map[string]Row)
	for _, row := range Mitmproxy() {
		rows[row.Name] = row
	}
	for _, their := range theirOptions(t) {
		row, our := rows[their.name], ours[their.name]
		kind, optional := strings.CutSuffix(their.kind, "?")
		if _, there := ours[their.name]; there != (row.State == Works) {
			t.Errorf("%s: the table says %s, and it is declared: %v", their.name, row.State, there)
			continue
		}
		value := map[string]string{"bool": "true", "int": "1", "size": "1m", "list": "x", "str": "x", "choice": their.fallback}[kind]
		switch row.State {
		case Works:
			if !slices.Contains(kinds[kind], our.Type) {
				t.Errorf("%s is a %s there and a %s here", their.name, their.kind, our.TypeText())
			}
			differs := optional && their.fallback == "-" && !our.Optional && our.Format(our.fallback()) != ""
			if !optional && (!our.Optional || their.fallback != "-") {
				fallback := strings.Trim(our.Format(our.fallback()), "[]\"")
				differs = fallback != strings.Trim(their.fallback, "-") && fallback != their.fallback+"s"
			}
			if differs && row.Note == "" && sameDuration(our, their.fallback) != nil {
				t.Errorf("%s is %q there and %q here, and the table does not say so", their.name, their.fallback, our.Format(our.fallback()))
			}
		case Renamed:
			if their.name == "key_size" {
				value = their.fallback
			}
			reg, err := Load(Start{Options: Builtin(), Line: []Assignment{ParseSet("confdir=" + t.TempDir()), ParseSet(their.name + "=" + value)}})
			if err == nil {
				_, err = reg.Settle()
			}
			if err != nil || !strings.Contains(row.Note, "taken for") {
				t.Errorf("%s=%s: %v; the table says %q", their.name, value, err, row.Note)
			}
		case Missing, Moot:
			reg, err := Load(Start{Options: Builtin(), Line: []Assignment{ParseSet("confdir=" + t.TempDir()), ParseSet(their.name + "=" + value)}})
			if err == nil {
				_, err = reg.Settle()
			}
			if err == nil || !strings.Contains(err.Error(), row.Note) || !strings.Contains(err.Error(), row.State.String()) || row.Note == "" {
				t.Errorf("%s=%s: %v; the table says %s: %q", their.name, value, err, row.State, row.Note)
			}
		}
	}
}

// sameDuration compares a time that is written with a unit here.
func sameDuration(our Option, fallback string) error {
	r, err := New(our)
	if err != nil {
		return err
	}
	if err := r.Assign(ParseSet(our.Name + "=" + fallback)); err != nil {
		return err
	}
	if v, _ := r.Lookup(our.Name); our.Type != Duration || our.Format(v.Value) != our.Format(our.fallback()) {
		return os.ErrInvalid
	}
	return nil
}

func TestOldNamesAreTakenForNewOnes(t *testing.T) {
	for _, c := range []struct{ set, name, want, says string }{
		{"proxy_debug=true", "termlog_verbosity", "debug", ""}, {"proxy_debug", "termlog_verbosity", "debug", ""}, {"proxy_debug=false", "termlog_verbosity", "info", ""},
		{"validate_inbound_headers=true", "http_profile", "strict", ""}, {"validate_inbound_headers=False", "http_profile", "tolerant", ""},
		{"key_size=2048", "key_type", "rsa", ""}, {"key_size=4096", "", "", `option key_size: "4096" is no size that keys have here`},
		{"proxy_debug=perhaps", "", "", `option proxy_debug: "perhaps" is neither true nor false`},
	} {
		r, err := Load(Start{Options: Builtin(), Line: []Assignment{ParseSet("confdir=" + t.TempDir()), ParseSet(c.set)}})
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.set, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
		} else if got := r.String(c.name); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.set, c.name, got, c.want)
		}
	}
}
