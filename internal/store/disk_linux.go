package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens path for writing past the page cache, or returns nil.
func openDirect(path string) *os.File {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	return f
}

// unsupportedDirect tells whether err says that O_DIRECT cannot be used.
func unsupportedDirect(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// writeVector writes the buffers at offset at, in one call where possible.
func writeVector(f *os.File, vector [][]byte, at int64) error {
	total := 0
	for _, p := range vector {
		total += len(p)
	}
	n, err := unix.Pwritev(int(f.Fd()), vector, at)
	if err == nil && n == total {
		return nil
	}
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	return writeEach(f, vector, at)
}

// The file systems on which locks, memory maps, or fsync do not mean what a
// session needs (linux/magic.h).
func networkFileSystem(magic int64) string {
	switch uint32(magic) {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x01021997:
		return "9P"
	case 0x00c36400:
		return "Ceph"
	case 0x5346414f:
		return "AFS"
	case 0x73757245:
		return "Coda"
	case 0x0bd00bd0:
		return "Lustre"
	}
	return ""
}

// checkFileSystem refuses a folder on a network file system.
func checkFileSystem(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look at the file system: %w", err)
	}
	if name := networkFileSystem(int64(st.Type)); name != "" {
		return fmt.Errorf("it is on a network file system (%s), where locks and the index do not work: choose a folder on a local disk with --session", name)
	}
	return nil
}

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
