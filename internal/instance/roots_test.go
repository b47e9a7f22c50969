package instance

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRootsComeFromAFileAndFromAFolder(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	dir, empty := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{"a.0": string(text), "note.txt": "not a certificate"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pool, err := roots("", ""); pool != nil || err != nil {
		t.Errorf("nothing given: %v, %v", pool, err)
	}
	for _, c := range []struct{ file, folder, says string }{
		{filepath.Join(dir, "a.0"), "", ""}, {"", dir, ""}, {filepath.Join(dir, "a.0"), dir, ""},
		{filepath.Join(dir, "note.txt"), "", "has no certificate in PEM form"}, {"", empty, "no file in " + empty}, {"", dir + "/nowhere", "no such file"},
	} {
		pool, err := roots(c.file, c.folder)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		} else if err == nil {
			if _, err := server.Certificate().Verify(x509.VerifyOptions{Roots: pool}); err != nil {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
}
