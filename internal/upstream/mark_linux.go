package upstream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setMark marks a socket's traffic for the firewall, where this process may.
func setMark(c syscall.RawConn, mark uint32) {
	_ = c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark)) // checked at the start
	})
}
