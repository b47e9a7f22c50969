package ca

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

func TestTheTrustBundleHasOurCAAndWhatWasTrustedBefore(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	a, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	company, err := Load(other, Options{})
	if err != nil {
		t.Fatal(err)
	}
	extra := filepath.Join(other, CertFile)
	bundle, err := a.WriteTrustBundle(extra, extra, filepath.Join(other, "nothing.pem"), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(bundle.PEM)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, a.CertPEM()) || bytes.Count(text, company.CertPEM()) != 1 {
		t.Error("our CA is not first, or the file's certificate is not there once")
	}
	if bytes.Contains(text, []byte("PRIVATE")) {
		t.Error("there is a key in it")
	}
	system, err := systemRoots()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pemCerts(text)); len(system) > 0 && n < len(system) {
		t.Errorf("%d certificates, the system has %d", n, len(system))
	}
	store, err := os.ReadFile(bundle.P12)
	if err != nil {
		t.Fatal(err)
	}
	if certs, err := pkcs12.DecodeTrustStore(store, ""); err != nil || len(certs) != len(pemCerts(text)) {
		t.Errorf("the trust store has %d certificates, %v", len(certs), err)
	}
	for _, path := range []string{bundle.PEM, bundle.P12} {
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != publicMode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}

	// Without a change the files stay; the bundle itself is no source, so that
	// what was in it once does not stay for ever.
	before, _ := os.Stat(bundle.PEM)
	if _, err := a.WriteTrustBundle(extra); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(bundle.PEM); !os.SameFile(before, after) {
		t.Error("the file was written though nothing had changed")
	}
	if _, err := a.WriteTrustBundle(bundle.PEM); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(bundle.PEM); bytes.Contains(text, company.CertPEM()) {
		t.Error("a certificate that is not asked for any more is still there")
	}
}

func TestRootsComeFromTheFirstFileThatHasSome(t *testing.T) {
	dir := t.TempDir()
	a, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := rootsFrom([]string{filepath.Join(dir, "none"), empty, a.Path(CertFile), a.Path(KeyFile)})
	if err != nil || len(list) != 1 || !bytes.Equal(list[0], a.Cert().Raw) {
		t.Errorf("%d certificates, %v", len(list), err)
	}
	if list, err := rootsFrom([]string{filepath.Join(dir, "none")}); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}
