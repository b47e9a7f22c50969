package transport

import (
	"syscall"
	"unsafe"
)

// The sockets never block a call: what a call takes is the time to copy. The
// scheduler is not told of it, for it would give the processor away to another
// thread meanwhile and ask for it back, which for bulk costs more than it brings.

// readSocket reads once; 0 without an error is the end.
func readSocket(fd uintptr, p []byte) (int, error) {
	return result(syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

// writeSocket writes once.
func writeSocket(fd uintptr, p []byte) (int, error) {
	return result(syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

func result(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
