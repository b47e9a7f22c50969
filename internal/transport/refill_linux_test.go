package transport

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// While octets come fast, Ready knows of all that has arrived, not only of what the
// last read brought.
func TestReadyAsksTheSocketInBulk(t *testing.T) {
	client, server := tlsPair(t)
	const size = 3 << 20
	go server.Write(make([]byte, size))
	p := make([]byte, 16<<10)
	asked, short := 0, 0
	for n := 0; n < size; {
		if client.wire.bulk && n < size-recordSize {
			arrive(t, client, recordSize)
			if asked++; !client.Ready() {
				short++
			}
		}
		m, err := client.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if asked == 0 || short > 0 {
		t.Errorf("%d times of %d it did not know of a record that had arrived", short, asked)
	}
}

// arrive waits until a whole record has been read ahead or waits in the socket.
func arrive(t *testing.T, c *Conn, octets int) {
	t.Helper()
	for {
		waiting := 0
		if err := c.wire.raw.Control(func(fd uintptr) {
			waiting, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ)
		}); err != nil {
			t.Fatal(err)
		}
		if c.hasOne || c.input.plain.Len() > 0 || c.wire.ready() || c.wire.buffered()+waiting >= octets {
			return
		}
		runtime.Gosched()
	}
}
