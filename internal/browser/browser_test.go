package browser

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// having looks for programs on a machine that has these.
func having(programs ...string) func(string) (string, error) {
	return func(name string) (string, error) {
		for _, p := range programs {
			if p == name || filepath.Base(p) == name {
				return p, nil
			}
		}
		return "", errors.New("not there")
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		system, choice string
		has            []string
		path           string
		kind           Kind
		says           string
	}{
		{"linux", "", []string{"/usr/bin/firefox", "/usr/bin/google-chrome"}, "/usr/bin/google-chrome", Chromium, ""},
		{"linux", "firefox", []string{"/usr/bin/firefox-esr", "/usr/bin/chromium"}, "/usr/bin/firefox-esr", Firefox, ""},
		{"linux", "/opt/my/firefox-nightly", []string{"/opt/my/firefox-nightly"}, "/opt/my/firefox-nightly", Firefox, ""},
		{"linux", "/opt/chrome", []string{"/opt/chrome"}, "/opt/chrome", Chromium, ""},
		{"linux", "", nil, "", 0, "no browser was found: install it, or give the path of one with --browser"},
		{"linux", "", []string{"/usr/bin/apt-get"}, "", 0, "no browser was found: install it (apt install chromium)"},
		{"linux", "firefox", []string{"/usr/bin/apt-get"}, "", 0, "Firefox is not installed: install it (apt install firefox-esr), or name another"},
		{"linux", "edge", []string{"/usr/bin/chromium"}, "", 0, "Edge is not installed"},
		{"linux", "netscape", []string{"/usr/bin/chromium"}, "", 0, `browser "netscape" was not found: it is one of chromium, chrome, edge, brave, firefox, or the path of a program`},
		{"darwin", "", []string{"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", Chromium, ""},
		{"windows", "", []string{`C:\PF\Microsoft\Edge\Application\msedge.exe`}, `C:\PF\Microsoft\Edge\Application\msedge.exe`, Chromium, ""},
	} {
		f := Finder{System: c.system, Look: having(c.has...), Getenv: func(name string) string {
			if name == "ProgramFiles" {
				return `C:\PF`
			}
			return ""
		}}
		p, err := f.Find(c.choice)
		if p.Path != c.path || p.Kind != c.kind || (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s %q with %v: %+v, %v", c.system, c.choice, c.has, p, err)
		}
	}
}

func TestNoLineIgnoresCertificateErrorsInGeneral(t *testing.T) {
	s := Setting{Proxy: "127.0.0.1:4711", LeafKey: "cGlu", URL: "https://example.com/", Args: []string{"--headless"}}
	line := Program{Path: "chromium"}.Line(Profile{"/p"}, s)
	for _, want := range []string{"--proxy-server=http://127.0.0.1:4711", "--proxy-bypass-list=<-loopback>", "--ignore-certificate-errors-spki-list=cGlu", "--disable-quic", "--user-data-dir=/p", "--headless"} {
		if !slices.Contains(line, want) {
			t.Errorf("%s is not on the line", want)
		}
	}
	if line[len(line)-1] != s.URL || slices.Contains(line, "--ignore-certificate-errors") {
		t.Errorf("the line is %v", line)
	}
	if line := (Program{Path: "firefox", Kind: Firefox}).Line(Profile{"/p"}, s); strings.Join(line, " ") != "firefox --no-remote --profile /p --headless https://example.com/" {
		t.Errorf("the line is %v", line)
	}
}

func TestProfilesComeAndGo(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "browser")
	// No system gives a process this number.
	gone := filepath.Join(folder, profilePrefix+strconv.Itoa(1<<30)+"-1")
	other := filepath.Join(folder, "something-else")
	for _, dir := range []string{gone, other} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p, err := NewProfile(folder)
	if err != nil {
		t.Fatal(err)
	}
	if exists(gone) || !exists(other) {
		t.Error("what a midstream that is gone has left is there, or something else is not")
	}
	if info, err := os.Stat(p.Dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	second, err := NewProfile(folder)
	if err != nil || second == p || !exists(p.Dir) {
		t.Errorf("%+v, %v", second, err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil || exists(p.Dir) {
		t.Error(err)
	}
}

func TestProfilesOfSnapsLieWhereTheySeeThem(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/bin/chromium": "/conf/browser", "/snap/bin/chromium": "/home/u/snap/chromium/common/midstream", "/snap/firefox/current/firefox": "/home/u/snap/firefox/common/midstream",
	} {
		if got := filepath.ToSlash(ProfilesFolder("/conf", "/home/u", Program{Path: path})); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
