package transport

import (
	"io"
	"net"
	"testing"
)

// A peer that has closed its socket, and answers what still comes with a reset,
// does not make the end of our direction a failure.
func TestCloseWriteTowardsAClosedPeer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := New(near)
	defer c.Close()
	far.Close()
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	// What the closed peer gets it answers with a reset; loopback delivers that
	// before the write returns, or soon after.
	for {
		if _, err := c.Write([]byte("late")); err != nil {
			break
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Errorf("CloseWrite: %v", err)
	}
}
