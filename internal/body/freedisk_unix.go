//go:build linux || darwin

package body

import "golang.org/x/sys/unix"

// freeDisk returns the bytes that a user may still write where dir lies.
func freeDisk(dir string) (free int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
