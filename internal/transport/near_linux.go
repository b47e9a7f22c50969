package transport

import (
	"net"

	"golang.org/x/sys/unix"
)

// near gives a connection within this machine the simplest congestion control: there
// is nothing between the two to congest, and one that paces what it sends, as BBR
// does, lets processors idle.
func (w *wire) near() {
	if a, ok := w.RemoteAddr().(*net.TCPAddr); !ok || w.raw == nil || !a.IP.IsLoopback() {
		return
	}
	// A matter of speed only: where it cannot be had, nothing changes.
	_ = w.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, nearControl)
	})
}

// nearControl is in every kernel, and may be chosen by everybody.
const nearControl = "reno"
