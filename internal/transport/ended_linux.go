package transport

import "golang.org/x/sys/unix"

// Ended asks the system how the peer's half of the connection stands, without
// reading: it was reset, or its end has come, maybe behind octets that nobody
// has taken. unread is how many of those the system holds, with TLS those of
// records. Where the system does not tell, all is false. It may be called at any
// time.
func (c *Conn) Ended() (reset, ended bool, unread int) {
	if c.wire.raw == nil {
		return false, false, 0
	}
	// An error means that the connection is closed here: nobody asks any more.
	_ = c.wire.raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(fds, 0); n <= 0 || err != nil {
			return
		}
		reset = fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		ended = fds[0].Revents&unix.POLLRDHUP != 0
		unread, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ)
	})
	return reset, ended, unread
}
