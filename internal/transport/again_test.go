package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
)

// negotiating stands for TLS 1.2 whose server asks for another handshake: it reads
// on until the server has answered, and where it cannot the connection has failed.
type negotiating struct {
	net.Conn
	rawInput bytes.Buffer
	hand     bytes.Buffer // of handshake messages that are not whole: never any here
	input    bytes.Reader
	err      error
}

func (n *negotiating) HandshakeContext(context.Context) error { return nil }
func (n *negotiating) ConnectionState() tls.ConnectionState   { return tls.ConnectionState{} }
func (n *negotiating) CloseWrite() error                      { return nil }

func (n *negotiating) Read(p []byte) (int, error) {
	for n.input.Len() == 0 {
		if n.err != nil {
			return 0, n.err
		}
		kind, data, err := n.record()
		if err != nil {
			return 0, err
		}
		if kind == handshakeRecord {
			n.hand.Reset()
			_, _, n.err = n.record()
			continue
		}
		n.input.Reset(data)
	}
	return n.input.Read(p)
}

func (n *negotiating) record() (kind byte, data []byte, err error) {
	need := recordHeader
	for {
		if b := n.rawInput.Bytes(); len(b) >= recordHeader {
			need = recordHeader + int(binary.BigEndian.Uint16(b[3:]))
		}
		if n.rawInput.Len() >= need {
			b := n.rawInput.Next(need)
			if need > recordHeader {
				return b[0], b[recordHeader:], nil
			}
		}
		p := make([]byte, need-n.rawInput.Len())
		m, err := n.Conn.Read(p)
		n.rawInput.Write(p[:m])
		if err != nil {
			return 0, nil, err
		}
	}
}

func recordOf(kind byte, data string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(len(data))), data...)
}

// A server may ask for another handshake anywhere. Nobody who must not wait begins it.
func TestAHandshakeIsNotBegunWhereNobodyMayWait(t *testing.T) {
	a, b := tcpPair(t)
	c, err := New(a).Secure(t.Context(), func(nc net.Conn) (Secured, error) { return &negotiating{Conn: nc}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if !c.input.found() {
		t.Fatal("its input is not found")
	}
	if _, err := b.Write(append(recordOf(23, "data"), recordOf(handshakeRecord, "hello request")...)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 64)
	if _, err := io.ReadFull(c, p[:4]); err != nil || string(p[:4]) != "data" {
		t.Fatalf("read %q, %v", p[:4], err)
	}
	for range 2 {
		if c.Ready() {
			t.Error("what comes next is no data, and said to be here")
		}
	}
	c.AwaitRead() // returns: the request has come
	if _, err := b.Write(append(recordOf(handshakeRecord, "finished"), recordOf(23, "more")...)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(p); err != nil || string(p[:n]) != "more" {
		t.Errorf("behind the handshake: %q, %v", p[:n], err)
	}
}
