//go:build unix

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock on f that one writer holds.
func tryLock(f *os.File) (bool, error) {
	return lockResult(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
}

// lockHeld tells whether another process, or another file of this one, holds
// the lock on f.
func lockHeld(f *os.File) (bool, error) {
	ok, err := lockResult(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB))
	if ok {
		unix.Flock(int(f.Fd()), unix.LOCK_UN)
	}
	return !ok, err
}

func lockResult(err error) (bool, error) {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// processLives tells whether there is a process pid.
func processLives(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
