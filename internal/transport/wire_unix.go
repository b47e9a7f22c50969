//go:build unix

package transport

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawConn returns the descriptor of a TCP connection, so that a reader can
// wait for it without holding a buffer.
func rawConn(nc net.Conn) syscall.RawConn {
	c, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// tryRead reads once without waiting. False makes the caller wait until the
// descriptor is readable; the buffer is given back for that time.
func (w *wire) tryRead(fd uintptr) bool {
	w.take()
	for {
		n, err := readSocket(fd, w.ahead.b[w.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if w.glance {
				return true
			}
			if w.buffered() == 0 {
				w.release()
			}
			return false
		case err != nil:
			w.tryErr = err
		default:
			w.tryN = n
		}
		return true
	}
}

// pollRead asks once whether fd has something to read. False makes the caller
// wait until it may.
func pollRead(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if err == unix.EINTR {
			continue
		}
		return err != nil || n > 0
	}
}

// pollWrite asks once whether fd takes octets. False makes the caller wait until
// it may.
func (w *wire) pollWrite(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if err == unix.EINTR {
			continue
		}
		w.takes = err != nil || n > 0
		return w.takes || w.now
	}
}

// sendSome writes what the socket has room for now, without waiting.
func (w *wire) sendSome(p []byte) (n int, err error) {
	w.putP, w.putN, w.putErr = p, 0, nil
	err = w.raw.Write(w.put)
	w.putP = nil
	if err == nil && w.putErr != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: os.NewSyscallError("write", w.putErr)}
	}
	return w.putN, err
}

// tryWrite writes as often as fd takes something.
func (w *wire) tryWrite(fd uintptr) bool {
	for w.putN < len(w.putP) {
		n, err := writeSocket(fd, w.putP[w.putN:])
		switch err {
		case nil:
			w.putN += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			w.putErr = err
			return true
		}
	}
	return true
}
