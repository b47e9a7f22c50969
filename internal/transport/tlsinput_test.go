package transport

import (
	"bytes"
	"io"
	"testing"
)

// The Go release that this is built with keeps what TLS reads where it is looked for.
func TestTLSInputIsFound(t *testing.T) {
	client, server := tlsPair(t)
	if !client.input.found() || !server.input.found() {
		t.Fatal("tls.Conn has no rawInput or hand of type bytes.Buffer, or no input of type bytes.Reader: large records keep their buffers")
	}
	for _, c := range []*Conn{client, server} {
		if n := c.input.raw.Cap() + c.input.hand.Cap(); n > 0 {
			t.Errorf("after the handshake %d octets of it are kept", n)
		}
	}
}

func TestABufferIsLentForALargeRecordOnly(t *testing.T) {
	client, server := tlsPair(t)
	small, large := bytes.Repeat([]byte("s"), 100), bytes.Repeat([]byte("l"), 16<<10)
	p := make([]byte, len(large))
	for range 3 {
		server.Write(small)
		if n, err := client.Read(p); err != nil || !bytes.Equal(p[:n], small) {
			t.Fatalf("read %d octets, %v", n, err)
		}
		if client.lent != nil {
			t.Fatal("a buffer is lent for a small record")
		}
		server.Write(large)
		n, err := io.ReadFull(client, p[:1000])
		if err != nil {
			t.Fatal(err)
		}
		if client.lent == nil {
			t.Fatal("no buffer is lent while a large record is read")
		}
		m, err := io.ReadFull(client, p[1000:])
		if err != nil || !bytes.Equal(p[:n+m], large) {
			t.Fatalf("read %d octets, %v", n+m, err)
		}
		if client.lent != nil || client.input.raw.Cap() >= len(large) {
			t.Fatal("the buffer has not come back")
		}
	}
}

// A peer that says how it ends is known to have said so, however often one reads.
func TestCloseNotifyIsNoticedOnce(t *testing.T) {
	client, server := tlsPair(t)
	server.Write([]byte("last"))
	if err := server.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if p, err := io.ReadAll(client); err != nil || string(p) != "last" {
		t.Fatalf("read %q, %v", p, err)
	}
	server.Close()
	for range 2 {
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("read after the end: %v", err)
		}
		if client.Unnotified() {
			t.Error("the end counts as one without close_notify")
		}
	}
}
