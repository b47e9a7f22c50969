package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var canary = regexp.MustCompile(`CANARY-[a-z0-9-]*`)

// Credentials of every kind are sent in every place. Both ends get them as they are;
// nothing that midstream keeps or shows has one of them.
func TestRedaction(t *testing.T) {
	t.Parallel()
	b, shown, dir := flock(t, "--redact", "--redact=header:X-Mine", "--redact=json:$.user.pins[*].pin", "--redact=regex:CANARY-[a-z]+-regex[-a-z0-9]*")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.up {
		if !strings.Contains(b.got.String(), c) {
			t.Errorf("%s has not come to the origin", c)
		}
	}
	for _, c := range b.down {
		if !strings.Contains(b.came.String(), c) {
			t.Errorf("%s has not come to the client", c)
		}
	}
	kept := files(t, b.p.Session, b.p.Confdir, dir)
	kept["the API"] = shown
	kept["standard output"], kept["standard error"] = b.p.stdout.String(), b.p.stderr.String()
	kept["flows list"] = b.p.midstream("flows", "list", "--session", b.p.Session, "--json")
	kept["a converted archive"], _, _ = b.p.try("convert", "--to", "har", b.p.Session, "-") // it has no place for raw tunnels
	kept["flows export"] = b.p.midstream("flows", "export", "--session", b.p.Session, "--as", "curl", "~m GET")
	for name, text := range kept {
		if found := canary.FindAllString(text, -1); found != nil {
			i := strings.Index(text, found[0])
			t.Errorf("%s has %q: %q", name, found[:min(len(found), 8)], text[max(0, i-300):min(len(text), i+100)])
		}
	}
	if !strings.Contains(shown, `"text":"[redacted:`) && !strings.Contains(shown, "[redacted:") {
		t.Error("the API shows nothing that was replaced")
	}
	for _, name := range []string{filepath.Join(dir, "x.har"), filepath.Join(dir, "x.mitm"), filepath.Join(dir, "log"), "standard output"} {
		if !strings.Contains(kept[name], "[redacted:") {
			t.Errorf("%s has nothing that was replaced", name)
		}
	}
}

// The test can fail: without --redact each of them is found.
func TestWithoutRedactionAllIsKept(t *testing.T) {
	t.Parallel()
	b, shown, dir := flock(t)
	var all strings.Builder
	for _, text := range files(t, b.p.Session, dir) {
		all.WriteString(text)
	}
	all.WriteString(shown)
	b.mu.Lock()
	defer b.mu.Unlock()
	list := append(append([]string(nil), b.up...), b.down...)
	for c := range b.mute {
		list = append(list, c)
	}
	for _, c := range list {
		if !strings.Contains(all.String(), c) {
			t.Errorf("%s is nowhere", c)
		}
	}
	if !strings.Contains(b.p.stderr.String()+all.String(), "hardump: it carries what lets others in: ") {
		t.Error("nothing says that the archive carries credentials")
	}
	if !strings.Contains(shown, "Midstream-Secrets:[") {
		t.Error("the API does not say that what it gives carries credentials")
	}
}
