package option

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64 // -1: refused
	}{
		{"0", 0}, {"1", 1}, {"10b", 10}, {"3k", 3072}, {"3K", 3072}, {"3m", 3 << 20}, {"3M", 3 << 20}, {"2g", 2 << 30}, {"1t", 1 << 40},
		{"8388607t", 8388607 << 40}, {"8388608t", -1}, {"9223372036854775807", 1<<63 - 1}, {"9223372036854775808", -1},
		{"", -1}, {"m", -1}, {"1.5m", -1}, {"-1", -1}, {"+1", -1}, {"1mb", -1}, {" 1", -1}, {"1 m", -1}, {"1x", -1}, {"٣", -1}, {"1\x4d", 1 << 20}, {"1\x02", -1},
	} {
		got, err := ParseSize(c.text)
		if err != nil {
			got = -1
		}
		if got != c.want {
			t.Errorf("ParseSize(%q) = %d, want %d", c.text, got, c.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration // -1: refused
	}{
		{"0", 0}, {"600", 600 * time.Second}, {"10m", 10 * time.Minute}, {"500ms", 500 * time.Millisecond}, {"1h30m", 90 * time.Minute},
		{"7d", 168 * time.Hour}, {"1d12h", 36 * time.Hour}, {"1.5s", 1500 * time.Millisecond},
		{"", -1}, {"-1s", -1}, {"+1s", -1}, {"-1", -1}, {"1", time.Second}, {"x", -1}, {"d", -1}, {"1d-2h", -1}, {"9999999999999999999", -1},
		{"9223372037", -1}, {"999999999d", -1}, {"106751d24h", -1},
	} {
		got, err := ParseDuration(c.text)
		if err != nil {
			got = -1
		}
		if got != c.want {
			t.Errorf("ParseDuration(%q) = %v, want %v", c.text, got, c.want)
		}
	}
}

func TestPrintedValuesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<63-1).Draw(t, "size")
		if got, err := ParseSize(FormatSize(n)); err != nil || got != n {
			t.Fatalf("size %d is written %q and read as %d, %v", n, FormatSize(n), got, err)
		}
		d := time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "duration"))
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
			t.Fatalf("duration %d is written %q and read as %d, %v", d, FormatDuration(d), got, err)
		}
	})
}

func TestFormatDurationIsShort(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 10 * time.Minute: "10m", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", time.Second: "1s", 10*time.Hour + time.Second: "10h0m1s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"mode", "listen_port", "listen_host", "stream_large_bodies", "record", "record_stall", "scripts"}
	for word, want := range map[string]string{
		"listen-prot": "listen_port", "stream_large_body": "stream_large_bodies", "Mode": "mode", "mod": "mode", "script": "scripts",
		"xyz": "", "": "", "rec": "", "recrod": "record", "stream_large": "stream_large_bodies", "a": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestEveryOptionOfMitmproxyHasItsRow(t *testing.T) {
	r := mustLoad(t, "", nil)
	seen := make(map[string]bool)
	for _, row := range Mitmproxy() {
		if seen[row.Name] {
			t.Errorf("%s has two rows", row.Name)
		}
		seen[row.Name] = true
		_, ours := r.Lookup(row.Name)
		if ours != (row.State == Works) {
			t.Errorf("%s is declared: %v, and its row says %q", row.Name, ours, row.State)
		}
		if row.State != Works && row.Note == "" {
			t.Errorf("the row of %s does not say what to do", row.Name)
		}
	}
}

func TestDeclarationsAreComplete(t *testing.T) {
	flags := make(map[string]string)
	for _, o := range mustLoad(t, "", nil).Options() {
		if o.Help == "" || o.Group == "" || o.Since == "" {
			t.Errorf("%s lacks help, group or version", o.Name)
		}
		if len(o.Brief()) > 69 || !strings.HasSuffix(o.Help, ".") {
			t.Errorf("%s: the first sentence is too long for the screen (%d), or there is no full stop", o.Name, len(o.Brief()))
		}
		for _, f := range []string{o.FlagName(), o.Short} {
			if other, taken := flags[f]; f != "" && taken {
				t.Errorf("flag %s belongs to %s and %s", f, other, o.Name)
			}
			flags[f] = o.Name
		}
	}
}

func TestPagesAreUpToDate(t *testing.T) {
	r := mustLoad(t, "", nil)
	for name, want := range map[string]string{"options.md": Markdown(r.Options()), "from-mitmproxy.md": MitmproxyMarkdown()} {
		path := filepath.Join("..", "..", "docs", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is not what the registry says (%v); go test ./internal/option -update writes it", name, err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"", "a: 1\n", "mode: [a, b]\n", "a:\n  - b\n  - \"c\"\n", "a: |\n  x\n", "a: *b\n", "---\na: 1\n---\nb: 2\n", "? a\n: b\n", "a: !!int 3\n", "{a: 1}", "a: &x 1", "\t", "%YAML", "a: 'b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		list, err := ParseFile("config.yaml", data)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %v", err)
		}
		r, _ := New(Builtin()...)
		_ = r.Assign(list...)
	})
}

func FuzzValues(f *testing.F) {
	for _, seed := range []string{"", "3m", "10m", "toggle", "none", "-1", "1d2h", "all", "@x", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, _ := New(Builtin()...)
		for _, o := range r.Options() {
			v, err := o.Parse(text)
			if err != nil || v == nil || o.Secret || o.Type.many() {
				continue
			}
			if again, err := o.Parse(o.Format(v)); err != nil || !equal(again, v) {
				t.Errorf("%s: %q is %v, written %q, read as %v, %v", o.Name, text, v, o.Format(v), again, err)
			}
		}
	})
}
