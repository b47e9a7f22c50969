package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// numbering stands for TLS: its records carry numbers, as those of TLS do in their
// keys, and its reader writes a record of its own when it is asked for one, as
// TLS answers a key update (RFC 8446 section 4.6.3).
type numbering struct {
	net.Conn
	out  sync.Mutex
	next uint32
}

const numbered = 16 << 10

func (n *numbering) HandshakeContext(context.Context) error { return nil }
func (n *numbering) ConnectionState() tls.ConnectionState   { return tls.ConnectionState{} }
func (n *numbering) CloseWrite() error                      { return nil }

func (n *numbering) Write(p []byte) (int, error) {
	n.out.Lock()
	defer n.out.Unlock()
	for off := 0; off < len(p); off += numbered {
		if err := n.record(p[off:min(off+numbered, len(p))]); err != nil {
			return off, err
		}
	}
	return len(p), nil
}

func (n *numbering) record(p []byte) error {
	b := binary.BigEndian.AppendUint32(nil, n.next)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
	n.next++
	_, err := n.Conn.Write(append(b, p...))
	return err
}

// answer is what the reader does.
func (n *numbering) answer() error {
	n.out.Lock()
	defer n.out.Unlock()
	return n.record([]byte("key update"))
}

// inOrder reads records until the end.
func inOrder(r io.Reader) error {
	for want := uint32(0); ; want++ {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		number, size := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if number != want || size > numbered {
			return fmt.Errorf("record %d of %d octets where number %d should be", number, size, want)
		}
		if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
			return err
		}
	}
}

// TLS may write while it reads. Its records leave in their order, whatever the
// writer joins or keeps meanwhile.
func TestAnAnswerOfTLSKeepsItsPlace(t *testing.T) {
	piece := bytes.Repeat([]byte("p"), 64<<10)
	for name, write := range map[string]func(c *Conn) error{
		"corked": func(c *Conn) error {
			c.Cork()
			if _, err := c.Write(piece); err != nil {
				return err
			}
			return c.Uncork()
		},
		"corked, with room": func(c *Conn) error {
			c.Cork()
			if _, err := c.Write(piece); err != nil {
				return err
			}
			if err := c.UncorkRoom(); err != nil {
				return err
			}
			return c.Settle()
		},
		"with room": func(c *Conn) error {
			if _, err := c.WriteRoom(piece); err != nil {
				return err
			}
			return c.AwaitWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := tcpPair(t)
			narrow(t, b)
			var over *numbering
			c, err := New(b).Secure(t.Context(), func(nc net.Conn) (Secured, error) {
				over = &numbering{Conn: nc}
				return over, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			told := make(chan error, 1)
			go func() { told <- inOrder(a) }()
			written := make(chan struct{})
			var reader sync.WaitGroup
			reader.Go(func() {
				for {
					if err := over.answer(); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-written:
						return
					default:
					}
				}
			})
			for range 40 {
				if err := write(c); err != nil {
					t.Fatal(err)
				}
			}
			close(written)
			reader.Wait()
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if err := <-told; err != nil {
				t.Error(err)
			}
		})
	}
}
