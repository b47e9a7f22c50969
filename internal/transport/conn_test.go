package transport

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(got)
			return
		}
		got <- c
	}()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, ok := <-got
	if !ok {
		t.Fatal("accept failed")
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func serverConfig(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.test"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates:                []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		DynamicRecordSizingDisabled: true,
	}
}

var insecure = &tls.Config{InsecureSkipVerify: true}

func tlsPair(t testing.TB) (client, server *Conn) {
	t.Helper()
	a, b := tcpPair(t)
	return secured(t, New(a), New(b))
}

func secured(t testing.TB, a, b *Conn) (client, server *Conn) {
	t.Helper()
	done := make(chan error, 1)
	cfg := serverConfig(t)
	go func() {
		var err error
		server, err = b.TLSServer(context.Background(), cfg)
		done <- err
	}()
	client, err := a.TLSClient(context.Background(), insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client, server
}

// countConn counts the writes that reach the socket.
type countConn struct {
	net.Conn
	writes atomic.Int32
}

func (c *countConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func TestCorkJoinsRecordsIntoOneWrite(t *testing.T) {
	a, b := tcpPair(t)
	count := &countConn{Conn: b}
	client, server := secured(t, New(a), New(count))
	want := bytes.Repeat([]byte("0123456789abcdef"), 4096) // 64 KiB: four records
	got := make(chan []byte, 1)
	go func() {
		p := make([]byte, len(want))
		io.ReadFull(client, p)
		got <- p
	}()
	before := count.writes.Load()
	server.Cork()
	if _, err := server.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := server.Uncork(); err != nil {
		t.Fatal(err)
	}
	if n := count.writes.Load() - before; n != 1 {
		t.Errorf("64 KiB under cork took %d writes, want 1", n)
	}
	if !bytes.Equal(<-got, want) {
		t.Error("bytes differ")
	}
}

func TestReadyMeansAWholeRecordIsHere(t *testing.T) {
	client, server := tlsPair(t)
	if _, err := server.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, err := client.Read(p); err != nil || string(p[:n]) != "first" {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	if client.Ready() {
		t.Fatal("ready with nothing sent")
	}
	// Both records are in the kernel before the reader looks: the first read
	// takes both from the socket and serves one.
	server.Cork()
	server.Write([]byte("second"))
	server.Write([]byte("third"))
	if err := server.Uncork(); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(p); err != nil || string(p[:n]) != "second" {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	if !client.Ready() {
		t.Fatal("the third record has been read ahead, but Ready says no")
	}
	if n, err := client.Read(p); err != nil || string(p[:n]) != "third" {
		t.Fatalf("read %q, %v", p[:n], err)
	}
}

// A record without data must not count: who trusts Ready keeps back what it has.
func TestReadyLooksIntoTheRecord(t *testing.T) {
	a, b := tcpPair(t)
	cfg := serverConfig(t)
	cfg.MinVersion = tls.VersionTLS13
	server := make(chan *Conn, 1)
	go func() {
		s, err := New(b).TLSServer(context.Background(), cfg)
		if err != nil {
			t.Error(err)
		}
		server <- s
	}()
	// A session cache makes the client ask for tickets, which come as records.
	client, err := New(a).TLSClient(context.Background(), &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	if err != nil {
		t.Fatal(err)
	}
	<-server
	for client.wire.buffered() == 0 { // until the ticket is here
		if err := client.wire.fill(); err != nil {
			t.Fatal(err)
		}
	}
	if client.Ready() {
		t.Error("a session ticket counts as data")
	}
}

func TestReadyThenReadGivesTheWholeRecord(t *testing.T) {
	client, server := tlsPair(t)
	server.Cork()
	server.Write([]byte("a"))
	server.Write([]byte("bcd"))
	server.Uncork()
	p := make([]byte, 10)
	for _, want := range []string{"a", "bcd"} {
		if n, err := client.Read(p); err != nil || string(p[:n]) != want {
			t.Fatalf("%q, %v, want %q", p[:n], err, want)
		}
		client.Ready()
	}
	if client.Ready() {
		t.Error("ready at the end")
	}
}

func TestNothingIsBufferedWhileWaiting(t *testing.T) {
	client, server := tlsPair(t)
	got := make(chan error, 1)
	go func() {
		p := make([]byte, 10)
		_, err := client.Read(p)
		got <- err
	}()
	server.Write([]byte("x"))
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if client.wire.ahead != nil {
		t.Error("an empty connection still holds a read-ahead buffer")
	}
}

func TestDeadlineLeavesTheConnectionUsable(t *testing.T) {
	client, server := tlsPair(t)
	client.SetReadDeadline(time.Unix(1, 0))
	p := make([]byte, 10)
	if _, err := client.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read past the deadline: %v", err)
	}
	client.SetReadDeadline(time.Time{})
	server.Write([]byte("later"))
	if n, err := client.Read(p); err != nil || string(p[:n]) != "later" {
		t.Fatalf("read %q, %v", p[:n], err)
	}
}

func TestPeekLeavesTheBytes(t *testing.T) {
	a, b := tcpPair(t)
	c := New(b)
	a.Write([]byte("GET / HTTP/1.1\r\n"))
	p, err := c.Peek(3, 3)
	if err != nil || string(p) != "GET" {
		t.Fatalf("peek %q, %v", p, err)
	}
	a.(*net.TCPConn).CloseWrite()
	rest, err := io.ReadAll(c)
	if err != nil || string(rest) != "GET / HTTP/1.1\r\n" {
		t.Fatalf("read %q, %v", rest, err)
	}
	if p, err := c.Peek(1, 10); err != io.EOF || len(p) != 0 {
		t.Fatalf("peek at the end: %q, %v", p, err)
	}
}

func TestPeekReachesAsFarAsItSays(t *testing.T) {
	a, b := tcpPair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1024)
	go a.Write(want)
	p, err := New(b).Peek(len(want), len(want))
	if err != nil || !bytes.Equal(p, want) {
		t.Fatalf("%d octets, %v", len(p), err)
	}
}

func TestTLSWithinTLS(t *testing.T) {
	a, b := tlsPair(t)
	client, server := secured(t, a, b)
	want := bytes.Repeat([]byte("in a tunnel "), 20000)
	go func() {
		server.Cork()
		server.Write(want)
		server.Uncork()
		server.CloseWrite()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

func TestResetIsSeenAsAFailure(t *testing.T) {
	client, server := tlsPair(t)
	server.Reset()
	_, err := client.Read(make([]byte, 1))
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after a reset the peer read %v", err)
	}
}

func TestAnAlertInTheClearIsTheHandshakesError(t *testing.T) {
	a, b := tcpPair(t)
	go func() {
		// A ClientHello, then unknown_ca (48) without encryption, as OpenSSL does.
		tls.Client(&helloThenAlert{Conn: a}, insecure).Handshake()
	}()
	_, err := New(b).TLSServer(context.Background(), serverConfig(t))
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err.Error() != "tls: unknown certificate authority" {
		t.Errorf("handshake error %v", err)
	}
}

// helloThenAlert lets one write pass and answers whatever comes with an alert.
type helloThenAlert struct {
	net.Conn
	said bool
}

func (c *helloThenAlert) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.said {
		c.said = true
		c.Conn.Write([]byte{21, 3, 3, 0, 2, 2, 48})
	}
	return n, err
}

func TestAMissingCloseNotifyIsKnown(t *testing.T) {
	for _, notified := range []bool{true, false} {
		client, server := tlsPair(t)
		if notified {
			server.CloseWrite()
		} else {
			server.wire.Conn.(*net.TCPConn).CloseWrite()
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("read %v", err)
		}
		if client.Unnotified() == notified {
			t.Errorf("notified %v, Unnotified() %v", notified, client.Unnotified())
		}
	}
}

func TestRawCopyServesWhatWasPeekedFirst(t *testing.T) {
	a, b := tcpPair(t)
	c, d := tcpPair(t)
	in, out := New(b), New(c)
	a.Write([]byte("hello, "))
	if _, err := in.Peek(7, 7); err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("world"))
	a.(*net.TCPConn).CloseWrite()
	go func() {
		io.Copy(out, in)
		out.CloseWrite()
	}()
	got, err := io.ReadAll(d)
	if err != nil || string(got) != "hello, world" {
		t.Fatalf("%q, %v", got, err)
	}
}

// stuff writes to b, which c is, until nothing is taken, and returns how much was. A
// limit that passes without a write does not count: the machine may be busy.
func stuff(b net.Conn, c *Conn) (sent int) {
	for full := 0; full < 2 || c.Writable(); {
		b.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := b.Write(make([]byte, 64<<10))
		b.SetWriteDeadline(time.Time{})
		if sent += n; err != nil && n == 0 && !c.Writable() {
			full++
		} else {
			full = 0
		}
	}
	return sent
}

// Who writes faster than the peer reads can wait without holding what it has.
func TestAwaitWriteEndsWhenThePeerHasRead(t *testing.T) {
	a, b := tcpPair(t)
	b.(*net.TCPConn).SetWriteBuffer(16 << 10)
	a.(*net.TCPConn).SetReadBuffer(16 << 10)
	c := New(b)
	if !c.Writable() {
		t.Fatal("a fresh connection takes nothing")
	}
	sent := stuff(b, c)
	done := make(chan error, 1)
	go func() { done <- c.AwaitWrite() }()
	if _, err := io.CopyN(io.Discard, a, int64(sent)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !c.Writable() {
		t.Error("not writable after the peer has read")
	}
}

func TestAwaitWriteEndsWithClose(t *testing.T) {
	_, b := tcpPair(t)
	c := New(b)
	stuff(b, c)
	done := make(chan error, 1)
	go func() { done <- c.AwaitWrite() }()
	c.Close()
	if err := <-done; err == nil {
		t.Error("a closed connection became writable")
	}
}

// A download that comes faster than one record at a time is read ahead; one that
// does not holds no buffer.
func TestBulkIsReadAhead(t *testing.T) {
	client, server := tlsPair(t)
	const size = 8 << 20
	go func() {
		p := make([]byte, 64<<10)
		for range size / len(p) {
			server.Cork()
			server.Write(p)
			if server.Uncork() != nil {
				return
			}
		}
	}()
	p := make([]byte, 64<<10)
	ahead := false
	for n := 0; n < size; {
		m, err := client.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		n += m
		ahead = ahead || client.wire.ahead != nil
	}
	if !ahead {
		t.Error("8 MiB passed without reading ahead")
	}
	if client.wire.ahead != nil {
		t.Error("the buffer was not given back")
	}
}

func TestLargeBuffersAreBudgeted(t *testing.T) {
	var out []*buffer
	for range largeBudget + 10 {
		out = append(out, getLarge())
	}
	large := 0
	for _, b := range out {
		if len(b.b) == largeSize {
			large++
		}
		b.put()
	}
	if large > largeBudget {
		t.Errorf("%d large buffers out at once, budget %d", large, largeBudget)
	}
	b := getLarge()
	defer b.put()
	if len(b.b) != largeSize {
		t.Error("the budget was not given back")
	}
}

func BenchmarkTLSRelay(bm *testing.B) {
	client, server := tlsPair(bm)
	p := make([]byte, 64<<10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		q := make([]byte, 64<<10)
		for {
			if _, err := client.Read(q); err != nil {
				return
			}
		}
	}()
	bm.SetBytes(int64(len(p)))
	bm.ReportAllocs()
	for bm.Loop() {
		server.Cork()
		server.Write(p)
		if err := server.Uncork(); err != nil {
			bm.Fatal(err)
		}
	}
	server.Close()
	<-done
}
