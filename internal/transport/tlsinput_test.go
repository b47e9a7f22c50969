package transport

import (
	"bytes"
	"io"
	"testing"

	"pgregory.net/rapid"
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

// A record that has been read ahead whole is decrypted where it lies.
func TestARecordIsHandedOver(t *testing.T) {
	client, server := tlsPair(t)
	server.Write([]byte("first"))
	p := make([]byte, 64)
	if _, err := client.Read(p); err != nil { // and the tickets before it
		t.Fatal(err)
	}
	server.Write([]byte("a whole record"))
	n, err := client.Read(p[:1])
	if err != nil || !client.took {
		t.Fatalf("read %d octets, %v; handed over: %v", n, err, client.took)
	}
	if _, err = client.Read(p[1:]); err != nil || string(p[:14]) != "a whole record" || client.took || client.wire.ahead != nil {
		t.Fatalf("read %q, %v; handed over: %v", p[:14], err, client.took)
	}
}

// TLS that wants more while it has a record keeps the buffer that this lies in.
func TestABufferWithARecordIsLeft(t *testing.T) {
	a, b := tcpPair(t)
	one := append([]byte{23, 3, 3, 0, 100}, bytes.Repeat([]byte("r"), 100)...)
	b.Write(append(append([]byte{}, one...), one...))
	w := newWire(a)
	w.records = true
	for w.buffered() < 2*len(one) {
		if err := w.begin(); err != nil {
			t.Fatal(err)
		}
		if w.buffered() < 2*len(one) {
			if err := w.fill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	record, held := w.record(), w.ahead
	if !bytes.Equal(record, one) {
		t.Fatalf("the record is %q", record)
	}
	p := make([]byte, recordHeader)
	if n, err := w.Read(p); err != nil || !bytes.Equal(p[:n], one[:n]) {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	if w.ahead == held || w.buffered() != len(one)-recordHeader {
		t.Errorf("the buffer is used further: %v, with %d octets", w.ahead == held, w.buffered())
	}
}

// Where every other record is empty TLS wants more with each: what lies behind is not
// moved each time.
func TestWhatIsReadAheadMovesOnce(t *testing.T) {
	a, b := tcpPair(t)
	const records = 30
	one := append([]byte{23, 3, 3, 0, 50}, bytes.Repeat([]byte("r"), 50)...)
	b.Write(bytes.Repeat(one, records))
	w := newWire(a)
	w.records = true
	for w.buffered() < records*len(one) {
		if err := w.fill(); err != nil {
			t.Fatal(err)
		}
	}
	moves, at := 0, w.ahead
	p := make([]byte, len(one))
	for i := range records {
		if err := w.begin(); err != nil {
			t.Fatal(err)
		}
		got := w.record()
		if got == nil {
			n, err := io.ReadFull(w, p)
			if err != nil {
				t.Fatal(err)
			}
			got = p[:n]
		} else if i < records-1 { // TLS wants the next one, too
			if _, err := io.ReadFull(w, p); err != nil {
				t.Fatal(err)
			}
			w.handBack()
		}
		if !bytes.Equal(got, one) {
			t.Fatalf("record %d is %q", i, got)
		}
		if w.ahead != at && w.ahead != nil {
			moves, at = moves+1, w.ahead
		}
		if w.buffered() == 0 {
			break
		}
	}
	if moves != 1 {
		t.Errorf("it was moved %d times", moves)
	}
}

// Whatever the records are and however they are read, what comes out is what went in.
func TestRecordsComeAsTheyWere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		client, server := tlsPair(t)
		defer client.Close()
		defer server.Close()
		var sent []byte
		var sizes []int
		for range rapid.IntRange(1, 20).Draw(rt, "writes") {
			n := rapid.SampledFrom([]int{1, 100, 1 << 10, 4 << 10, 16 << 10, 60_000}).Draw(rt, "size")
			for range n {
				sent = append(sent, byte(len(sent)>>9^len(sent)))
			}
			sizes = append(sizes, n)
		}
		go func() {
			rest := sent
			for _, n := range sizes {
				server.Write(rest[:n])
				rest = rest[n:]
			}
			server.CloseWrite()
		}()
		reads := rapid.SliceOfN(rapid.SampledFrom([]int{1, 7, 1 << 10, 16 << 10, 128 << 10}), 1, 8).Draw(rt, "reads")
		p := make([]byte, 128<<10)
		var got []byte
		for i := 0; ; i++ {
			if i%3 == 0 {
				client.Ready()
			}
			n, err := client.Read(p[:reads[i%len(reads)]])
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		if !bytes.Equal(got, sent) {
			rt.Fatalf("%d octets came of %d, or others", len(got), len(sent))
		}
	})
}
