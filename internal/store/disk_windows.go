package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// openDirect would open path for writing past the page cache.
func openDirect(string) *os.File { return nil }

// writeVector writes the buffers at offset at.
func writeVector(f *os.File, vector [][]byte, at int64) error { return writeEach(f, vector, at) }

func unsupportedDirect(error) bool { return false }

// checkFileSystem refuses a folder on a network drive.
func checkFileSystem(string) error { return nil }

// freeSpace returns the octets that this user may still write below dir.
func freeSpace(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(p, &free, nil, nil)
	return int64(free), err
}

// tryLock takes the lock on f that one writer holds.
func tryLock(f *os.File) (bool, error) {
	return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

// lockHeld tells whether another process, or another file of this one, holds
// the lock on f.
func lockHeld(f *os.File) (bool, error) {
	ok, err := lock(f, windows.LOCKFILE_FAIL_IMMEDIATELY)
	if ok {
		windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, new(windows.Overlapped))
	}
	return !ok, err
}

func lock(f *os.File, flags uint32) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// processLives tells whether there is a process pid.
func processLives(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return false
	}
	windows.CloseHandle(h)
	return true
}

// readOnly tells whether dir is on a medium that cannot be written.
func readOnly(dir string) bool {
	f, err := os.CreateTemp(dir, ".writable*")
	if err != nil {
		return true
	}
	f.Close()
	os.Remove(f.Name())
	return false
}
