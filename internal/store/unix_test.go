//go:build unix

package store

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// Folders are 0700 and files 0600 under a umask that would let others in, and
// under one that would keep the owner out.
func TestOthersCannotRead(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		old := syscall.Umask(mask)
		conf := filepath.Join(t.TempDir(), "conf")
		syscall.Umask(old)
		old = syscall.Umask(mask &^ 0o700)
		s, err := Create(conf, 0, Config{})
		if err != nil {
			syscall.Umask(old)
			t.Fatal(err)
		}
		recordBody(s, 100)
		_, err = Announce(conf, s.Meta().ID, Live{Session: s.Dir()})
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		filepath.WalkDir(conf, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == conf {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			}
			if seen++; info.Mode().Perm() != want {
				t.Errorf("umask %o: %s has mode %o", mask, path, info.Mode().Perm())
			}
			return nil
		})
		if seen < 10 {
			t.Errorf("only %d files were seen", seen)
		}
		s.Close()
	}
}
