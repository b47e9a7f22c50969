package http1

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/transport"
)

// secure puts TLS on both ends of a loopback connection: near is ours.
func secure(t testing.TB, weServe bool) (near *transport.Conn, far *tls.Conn, socket interface{ Close() error }) {
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
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, SessionTicketsDisabled: true}
	client := &tls.Config{InsecureSkipVerify: true}
	plain, c := tcpPair(t)
	done := make(chan error, 1)
	if weServe {
		far = tls.Client(c, client)
	} else {
		far = tls.Server(c, server)
	}
	go func() { done <- far.Handshake() }()
	if weServe {
		near, err = plain.TLSServer(context.Background(), server)
	} else {
		near, err = plain.TLSClient(context.Background(), client)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return near, far, c
}

func TestBrokenAndEndedBodiesDifferOverTLS(t *testing.T) {
	for _, broken := range []bool{false, true} {
		near, far, _ := secure(t, true)
		s := NewServer(near, ServerConfig{})
		io.WriteString(far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		sink, err := next(t, s).Respond(response(200), untilClose)
		if err != nil {
			t.Fatal(err)
		}
		sink.Write([]byte("abc"))
		const head = "HTTP/1.1 200 Word\r\nConnection: close\r\n\r\nabc"
		got := make([]byte, len(head))
		if _, err := io.ReadFull(far, got); err != nil || string(got) != head {
			t.Fatalf("%q, %v", got, err)
		}
		if broken {
			sink.Abort(errors.New("cut"))
		} else if err := sink.Close(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := far.Read(got); (err == io.EOF) == broken {
			t.Errorf("broken %v: the client sees %v", broken, err)
		}
		far.Close()
		s.Close()
	}
}

func TestChunkOfSeveralRecordsComesInOneRead(t *testing.T) {
	near, far, _ := secure(t, false)
	c := NewClient(near, ClientConfig{})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	large := strings.Repeat("x", 30000)
	go io.WriteString(far, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n"+large+"\r\n0\r\n\r\n")
	final(t, call)
	// All of it is below TLS once a read has seen its first record.
	p := make([]byte, 32<<10)
	n, err := call.Response().Read(p)
	for err == nil && n < len(large) {
		var m int
		if m, err = call.Response().Read(p[n:]); m > 0 && n+m < len(large) && call.Response().Ready() {
			t.Error("a Read left behind what had arrived")
		}
		n += m
	}
	if string(p[:n]) != large {
		t.Fatalf("%d octets, %v", n, err)
	}
	call.Cancel(nil)
	call.Close()
	c.Close()
	far.Close()
}

func TestCloseDelimitedOverTLS(t *testing.T) {
	for _, c := range []struct {
		name    string
		end     func(far *tls.Conn, socket io.Closer)
		finding string
	}{
		{"close_notify", func(far *tls.Conn, _ io.Closer) { far.Close() }, ""},
		{"FIN alone", func(_ *tls.Conn, socket io.Closer) { socket.Close() }, NoCloseNotify},
	} {
		near, far, socket := secure(t, false)
		client := NewClient(near, ClientConfig{})
		call := open(t, client, request("GET", "/"), flow.Framing{})
		far.Read(make([]byte, 1000))
		io.WriteString(far, "HTTP/1.1 200 OK\r\n\r\nabc")
		c.end(far, socket)
		final(t, call)
		got, err := readAll(call.Response())
		if got != "abc" || err != nil || codes(call.Findings()) != c.finding {
			t.Errorf("%s: %q, %v, findings %q", c.name, got, err, codes(call.Findings()))
		}
		call.Close()
		client.Close()
		far.Close()
	}
}
