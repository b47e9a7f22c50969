package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What passes is written to a flow file at once, those flows that FILTER takes,
// and to an archive at the end.
func TestFlowsAreWrittenToFiles(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	dir := t.TempDir()
	flows, archive := filepath.Join(dir, "out.mitm"), filepath.Join(dir, "out.har")
	if err := syscall.Mkfifo(flows, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.OpenFile(flows, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p := start(t, "-w", flows, "--hardump", archive, "~u wanted")
	c := p.client()
	for _, path := range []string{"/?wanted", "/?other", "/?wanted2"} {
		res, err := c.Get(o.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	written, buf := "", make([]byte, 64<<10)
	for !strings.Contains(written, "/?wanted2,") {
		n, err := in.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		written += string(buf[:n])
	}
	if strings.Contains(written, "/?other") || !strings.Contains(written, "/?wanted,") {
		t.Errorf("not the flows that the filter takes: %.300q", written)
	}
	if _, err := os.Stat(archive); err == nil {
		t.Error("the archive is there before it is whole")
	}
	p.stop()
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	var har struct {
		Log struct {
			Entries []struct{ Request struct{ URL string } }
		}
	}
	if err := json.Unmarshal(b, &har); err != nil || len(har.Log.Entries) != 3 {
		t.Errorf("%d entries, %v", len(har.Log.Entries), err)
	}
}
