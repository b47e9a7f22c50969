package engine

import (
	"bytes"
	"io"
	"net"
	"testing"

	"midstream/internal/body"
)

// socket is a Duplex over TCP.
type socket struct{ *net.TCPConn }

func (s socket) Reset() error { s.SetLinger(0); return s.Close() }

func pair(t *testing.T) (near body.Duplex, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return socket{s.(*net.TCPConn)}, c.(*net.TCPConn)
}

func TestSplice(t *testing.T) {
	client, c := pair(t)
	server, s := pair(t)
	done := make(chan error, 1)
	go func() { done <- New(Config{}).Splice(t.Context(), client, server) }()
	up, down := bytes.Repeat([]byte("up"), 1<<19), bytes.Repeat([]byte("down"), 1<<18)
	go func() { c.Write(up); c.CloseWrite() }()
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, up) {
		t.Fatalf("server got %d bytes, %v", len(got), err)
	}
	go func() { s.Write(down); s.Close() }()
	got, err = io.ReadAll(c)
	if err != nil || !bytes.Equal(got, down) {
		t.Fatalf("client got %d bytes, %v", len(got), err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSpliceGivesUpWhenIdle(t *testing.T) {
	client, c := pair(t)
	server, _ := pair(t)
	e := New(Config{Policy: Policy{TCPTimeout: 1}})
	if err := e.Splice(t.Context(), client, server); err == nil {
		t.Fatal("no error")
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("the client was not told")
	}
}

func TestSplicePassesAFailureOn(t *testing.T) {
	client, c := pair(t)
	server, s := pair(t)
	done := make(chan error, 1)
	go func() { done <- New(Config{}).Splice(t.Context(), client, server) }()
	socket{s}.Reset()
	if err := <-done; err == nil {
		t.Fatal("no error")
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Fatalf("the client saw %v", err)
	}
}
