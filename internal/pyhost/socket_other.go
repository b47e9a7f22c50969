//go:build !unix

package pyhost

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"time"
)

// link is the way to a process that is about to start: it dials a port of this
// machine and says a secret that only its environment has.
type link struct {
	args   []string
	env    []string
	after  func()
	ln     *net.TCPListener
	secret string
}

const dialWait = 20 * time.Second

func open(*exec.Cmd) (*link, error) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen for the addon process: %w", err)
	}
	l := &link{ln: ln, secret: rand.Text(), after: func() {}}
	l.args = []string{strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)}
	l.env = []string{"MIDSTREAM_ADDON_SECRET=" + l.secret}
	return l, nil
}

// meet returns the connection to the process that has started.
func (l *link) meet() (net.Conn, error) {
	defer l.ln.Close()
	deadline := time.Now().Add(dialWait)
	l.ln.SetDeadline(deadline)
	for {
		c, err := l.ln.Accept()
		if err != nil {
			return nil, fmt.Errorf("wait for the addon process: %w", err)
		}
		c.SetDeadline(time.Now().Add(time.Second))
		said := make([]byte, len(l.secret))
		if _, err := io.ReadFull(c, said); err == nil && subtle.ConstantTimeCompare(said, []byte(l.secret)) == 1 {
			c.SetDeadline(time.Time{})
			return c, nil
		}
		c.Close()
	}
}

func (l *link) close() { l.ln.Close() }
