package client

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"midstream/internal/ca"
)

// A folder that is given relative to the present one is found from others too.
func TestPrepareNamesWholePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	a, err := ca.Load("conf", ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Prepare(a, "127.0.0.1:1", "", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.PEM, s.P12, s.CA, s.NodeScript, s.WgetSettings} {
		if !filepath.IsAbs(path) {
			t.Errorf("%s is relative", path)
		}
	}
	if text, err := os.ReadFile(s.WgetSettings); err != nil || string(text) != "ca_certificate = "+s.PEM+"\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestPrepareWritesWhatTheVariablesName(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	a, err := ca.Load(dir, ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".wgetrc"), []byte("tries = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	s, err := Prepare(a, "127.0.0.1:1", home, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		s.PEM: string(a.CertPEM()), s.CA: string(a.CertPEM()), s.P12: "", s.NodeScript: NodeScript, s.WgetSettings: "tries = 3\nca_certificate = " + s.PEM + "\n",
	} {
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %v, %.200s", path, err, text)
		}
	}
	if info, err := os.Stat(s.WgetSettings); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the settings of wget may hold passwords, and have mode %v, %v", info.Mode(), err)
	}

	// Inside a program that was started so, another one adds nothing.
	for _, v := range s.Variables(func(string) string { return "" }) {
		env[v.Name] = v.Value
	}
	before, _ := os.Stat(s.WgetSettings)
	pem, _ := os.ReadFile(s.PEM)
	if _, err := Prepare(a, "127.0.0.1:2", home, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(s.WgetSettings)
	if again, _ := os.ReadFile(s.PEM); !os.SameFile(before, after) || string(again) != string(pem) {
		t.Error("the second time the files are others")
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
