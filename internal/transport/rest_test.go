package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// narrow gives b a small buffer of the system's, so that a Write fills it.
func narrow(t *testing.T, b net.Conn) {
	t.Helper()
	if err := b.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
}

// fillUp writes until something had to be kept, and returns all that it wrote.
func fillUp(t *testing.T, c *Conn, write func(p []byte) error) []byte {
	t.Helper()
	var all []byte
	for i := byte(0); !c.wire.rest.any(); i++ {
		p := bytes.Repeat([]byte{i}, 16<<10)
		if err := write(p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p...)
	}
	if c.Writable() {
		t.Error("writable with something kept")
	}
	return all
}

func TestWhatThereIsNoRoomForIsKeptAndSent(t *testing.T) {
	for name, pair := range map[string]func(t *testing.T) (reader, writer *Conn){
		"plain": func(t *testing.T) (*Conn, *Conn) {
			a, b := tcpPair(t)
			narrow(t, b)
			return New(a), New(b)
		},
		"TLS": func(t *testing.T) (*Conn, *Conn) {
			a, b := tcpPair(t)
			narrow(t, b)
			return secured(t, New(a), New(b))
		},
	} {
		for how, end := range map[string]func(c *Conn) error{
			"Settle":     (*Conn).Settle,
			"AwaitWrite": (*Conn).AwaitWrite,
			"a Write":    func(c *Conn) error { _, err := c.Write(nil); return errors.Join(err, c.Settle()) },
			"CloseWrite": (*Conn).CloseWrite,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				reader, writer := pair(t)
				sent := fillUp(t, writer, func(p []byte) error { _, err := writer.WriteRoom(p); return err })
				got := make(chan []byte, 1)
				go func() {
					p := make([]byte, len(sent))
					io.ReadFull(reader, p)
					got <- p
				}()
				if err := end(writer); err != nil {
					t.Fatal(err)
				}
				if writer.wire.rest.any() {
					t.Error("something is still kept")
				}
				if !bytes.Equal(<-got, sent) {
					t.Error("octets differ")
				}
			})
		}
	}
}

func TestCorkedOctetsAreKept(t *testing.T) {
	a, b := tcpPair(t)
	narrow(t, b)
	reader, writer := secured(t, New(a), New(b))
	sent := fillUp(t, writer, func(p []byte) error {
		writer.Cork()
		for range 4 {
			if _, err := writer.Write(p[:4<<10]); err != nil {
				return err
			}
		}
		return writer.UncorkRoom()
	})
	got := make(chan []byte, 1)
	go func() {
		p := make([]byte, len(sent)+3)
		io.ReadFull(reader, p)
		got <- p
	}()
	if _, err := writer.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(<-got, append(sent, "end"...)) {
		t.Error("octets differ")
	}
}

// What was kept and cannot be sent breaks the connection for good.
func TestKeptOctetsThatCannotBeSent(t *testing.T) {
	a, b := tcpPair(t)
	narrow(t, b)
	writer := New(b)
	fillUp(t, writer, func(p []byte) error { _, err := writer.WriteRoom(p); return err })
	writer.SetWriteDeadline(time.Unix(1, 0))
	if err := writer.Settle(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("settle past the deadline: %v", err)
	}
	writer.SetWriteDeadline(time.Time{})
	a.Close()
	if _, err := writer.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write after a part was lost: %v", err)
	}
	if err := writer.Settle(); err == nil || errors.Is(err, syscall.EPIPE) {
		t.Errorf("settle again: %v", err)
	}
}

// A piece of a body costs no allocation, nor does asking whether there is room.
func TestWriteRoomAllocatesNothing(t *testing.T) {
	a, b := tcpPair(t)
	go io.Copy(io.Discard, a)
	c := New(b)
	p := make([]byte, 1<<10)
	if n := testing.AllocsPerRun(200, func() {
		if c.Writable() {
			if _, err := c.WriteRoom(p); err != nil {
				t.Error(err)
			}
			if err := c.Settle(); err != nil {
				t.Error(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations a piece", n)
	}
}
