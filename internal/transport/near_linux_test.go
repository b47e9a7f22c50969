package transport

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// elsewhere is a connection whose peer says that it is on another machine.
type elsewhere struct{ *net.TCPConn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// TestNoPaceWithinTheMachine looks at the congestion control of both kinds of peers.
func TestNoPaceWithinTheMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	control := func(c *net.TCPConn) (name string) {
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) { name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION) })
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		tcp := c.(*net.TCPConn)
		before := control(tcp)
		far := &wire{Conn: elsewhere{tcp}, raw: rawConn(tcp)}
		if far.near(); control(tcp) != before {
			t.Errorf("to another machine %s became %s", before, control(tcp))
		}
		if newWire(tcp); control(tcp) != nearControl {
			t.Errorf("within the machine it is %s", control(tcp))
		}
	}
}
