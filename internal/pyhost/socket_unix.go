//go:build unix

package pyhost

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// link is the way to a process that is about to start.
type link struct {
	args  []string // for the process
	env   []string
	conn  net.Conn
	after func() // to be called when it has started
}

// open makes a socket pair, one end of which cmd inherits.
func open(cmd *exec.Cmd) (*link, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "addon"), os.NewFile(uintptr(fds[1]), "addon")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	cmd.ExtraFiles = []*os.File{theirs}
	return &link{args: []string{"3"}, conn: conn, after: func() { theirs.Close() }}, nil
}

// meet returns the connection to the process that has started.
func (l *link) meet() (net.Conn, error) { return l.conn, nil }
func (l *link) close()                  { l.conn.Close() }
