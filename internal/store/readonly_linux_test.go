package store

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A session on a medium that cannot be written is read as it is, what stands in
// the log of its index included.
func TestReadOnlyMedium(t *testing.T) {
	from := filepath.Join(t.TempDir(), "s")
	s := openStore(t, from, Config{})
	variety(t, s)
	// A copy of a session that is being written has a log.
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for name, dir := range map[string]string{"closed": from, "killed": killed} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			if err := unix.Mount(dir, at, "", unix.MS_BIND, ""); err != nil {
				t.Skipf("this user may not mount: %v", err)
			}
			defer unix.Unmount(at, unix.MNT_DETACH)
			if err := unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
				t.Skipf("this user may not mount: %v", err)
			}
			r := openRead(t, at)
			if n := len(list(t, r, ListOptions{})); n != 24 {
				t.Errorf("%d flows, want 24", n)
			}
			if n := len(numbersOf(t, r, SearchOptions{Filter: filter(t, "~b hello")})); n == 0 {
				t.Error("no body is found")
			}
			if _, err := Open(at, Config{}); err == nil {
				t.Error("it can be opened for writing")
			}
		})
	}
}
