package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runCA runs `midstream ca args` in the process.
func runCA(t *testing.T, home string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{
		stdin: strings.NewReader("y\n"), stdout: &out, stderr: &errs,
		getenv:  func(string) string { return "" },
		environ: func() []string { return nil },
		args:    []string{"midstream"},
		home:    func() (string, error) { return home, nil },
	}
	cmd := newCaCmd(e)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err = cmd.Execute()
	return out.String(), errs.String(), err
}

func TestCAPath(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".midstream")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"path"}, "midstream-ca-cert.pem"},
		{[]string{"path", "--der"}, "midstream-ca-cert.cer"},
		{[]string{"path", "--p12"}, "midstream-ca-cert.p12"},
		{[]string{"path", "--key"}, "midstream-ca.p12"},
	} {
		out, _, err := runCA(t, home, c.args...)
		if err != nil || out != filepath.Join(dir, c.want)+"\n" {
			t.Errorf("%v: %q %v", c.args, out, err)
		}
		if _, err := os.Stat(strings.TrimSpace(out)); err != nil {
			t.Error(err)
		}
	}
	out, _, err := runCA(t, home, "path", "--json")
	var v map[string]any
	if err != nil || json.Unmarshal([]byte(out), &v) != nil || v["schema"] != 1.0 || v["key_file"] != filepath.Join(dir, "midstream-ca.pem") {
		t.Errorf("%s %v", out, err)
	}
	other := t.TempDir()
	if out, _, err := runCA(t, home, "path", "--confdir", other); err != nil || !strings.HasPrefix(out, other) {
		t.Errorf("--confdir: %q %v", out, err)
	}
	if _, _, err := runCA(t, home, "path", "--passphrase", "x"); exitCode(err) != exitUsage {
		t.Errorf("a passphrase for nothing: %v", err)
	}
}

func TestCAPrint(t *testing.T) {
	home := t.TempDir()
	out, errs, err := runCA(t, home, "print")
	onDisk, _ := os.ReadFile(filepath.Join(home, ".midstream", "midstream-ca-cert.pem"))
	if err != nil || out != string(onDisk) || !strings.Contains(errs, "sha256") {
		t.Errorf("%s %s %v", out, errs, err)
	}
}

func TestCAImport(t *testing.T) {
	home := t.TempDir()
	if _, _, err := runCA(t, home, "print"); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(home, "secret")
	if err := os.WriteFile(secret, []byte("tiger\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, err := runCA(t, home, "import", "../../internal/ca/testdata/pkcs8-encrypted.pem", "--passphrase", "@"+secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the CA is now CN=mitmproxy,O=mitmproxy", "it was CN=midstream,O=midstream", "the old one is kept in", "midstream-ca-cert.p12"} {
		if !strings.Contains(errs, want) {
			t.Errorf("lacks %q:\n%s", want, errs)
		}
	}
	if _, _, err := runCA(t, home, "import"); exitCode(err) != exitUsage {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := runCA(t, home, "import", "/nonexistent"); exitCode(err) != exitFailed {
		t.Errorf("missing file: %v", err)
	}
}

func TestCATrustAsksFirst(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".pki", "nssdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, _, err := runCA(t, home, "trust", "--dry-run")
	if err != nil || out == "" {
		t.Errorf("dry run: %q %v", out, err)
	}
	_, errs, err := runCA(t, home, "trust")
	if err == nil {
		t.Fatal("changed this machine without being asked")
	}
	if strings.Contains(errs, "1. ") {
		if exitCode(err) != exitUsage || !errors.Is(err, errNoAnswer) || !strings.Contains(err.Error(), "--yes") {
			t.Errorf("%v", err)
		}
	}
	if _, _, err := runCA(t, home, "trust", "--yes", "--dry-run"); err == nil {
		t.Error("--yes and --dry-run together")
	}
}
