//go:build unix && !linux

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// openDirect would open path for writing past the page cache.
func openDirect(string) *os.File { return nil }

// writeVector writes the buffers at offset at.
func writeVector(f *os.File, vector [][]byte, at int64) error { return writeEach(f, vector, at) }

func unsupportedDirect(error) bool { return false }

// checkFileSystem refuses a folder on a network file system; here it cannot
// tell.
func checkFileSystem(string) error { return nil }

// freeSpace returns the octets that this user may still write below dir.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// readOnly tells whether dir is on a medium that cannot be written, or belongs
// to somebody else.
func readOnly(dir string) bool { return unix.Access(dir, unix.W_OK) != nil }
