package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// punch gives the room of octets that are zero back to the disk.
func punch(f *os.File, s span) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, s.at, s.end-s.at)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	return err
}
