package transport

import (
	"bytes"
	"crypto/tls"
	"net"
	"reflect"
	"sync"
	"unsafe"
)

// crypto/tls keeps the buffer that its largest record needed for as long as the
// connection lives: 16 to 32 KiB each, which a thousand connections that carry bulk
// slowly make dear. A buffer is lent to it for a large record instead, and taken back
// when all of the record has been read. The fields are found by name and type; where
// they are not what they were, nothing is lent.

// tlsInput is where a tls.Conn keeps what it has read: records that were not
// decrypted yet, and what was decrypted and not read.
type tlsInput struct{ raw, plain uintptr }

// inputOf is nil where a tls.Conn keeps its input in another way.
var inputOf = findTLSInput()

func findTLSInput() *tlsInput {
	conn := reflect.TypeFor[tls.Conn]()
	raw, ok1 := conn.FieldByName("rawInput")
	plain, ok2 := conn.FieldByName("input")
	if !ok1 || !ok2 || raw.Type != reflect.TypeFor[bytes.Buffer]() || plain.Type != reflect.TypeFor[bytes.Reader]() {
		return nil
	}
	return &tlsInput{raw.Offset, plain.Offset}
}

func (in *tlsInput) of(t *tls.Conn) (raw *bytes.Buffer, plain *bytes.Reader) {
	p := unsafe.Pointer(t)
	return (*bytes.Buffer)(unsafe.Add(p, in.raw)), (*bytes.Reader)(unsafe.Add(p, in.plain))
}

const (
	// lendAbove is the size of a record from which on a buffer is lent; for one that
	// is smaller, the buffer that the handshake left behind does.
	lendAbove = 1 << 10
	// lentSize holds a record, and what a bytes.Buffer wants to have beyond it before
	// it reads.
	lentSize = recordSize + 2*bytes.MinRead
)

// records lends the buffers.
var records = sync.Pool{New: func() any { return &buffer{b: make([]byte, lentSize)} }}

// lends tells whether TLS is of the kind that a buffer can be lent to.
func (c *Conn) lends() bool { return inputOf != nil && c.native != nil }

// decrypt reads from TLS. It waits for the head of a record before TLS is asked, so
// that nothing is lent meanwhile.
func (c *Conn) decrypt(p []byte) (int, error) {
	if !c.lends() || len(p) == 0 || c.over {
		return c.tls.Read(p)
	}
	if c.wire.left == 0 && !c.pending() {
		if err := c.wire.begin(); passing(err) {
			return 0, err
		}
		// TLS is told any other error, and makes of it what it thinks.
	}
	c.lend()
	n, err := c.tls.Read(p)
	c.takeBack()
	c.over = err != nil && !passing(err)
	return n, err
}

// passing tells that a Read after err may have more to say.
func passing(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// lend gives TLS a buffer for the record that comes next, where it is large and
// nothing of it has been read. It belongs to the reader.
func (c *Conn) lend() {
	if !c.lends() || c.lent != nil || c.wire.left <= lendAbove {
		return
	}
	raw, plain := inputOf.of(c.native)
	if raw.Len() > 0 || plain.Len() > 0 {
		return
	}
	c.lent = records.Get().(*buffer)
	*raw = *bytes.NewBuffer(c.lent.b[:0])
}

// takeBack takes a lent buffer where nothing in it is of use any more.
func (c *Conn) takeBack() {
	if c.lent == nil {
		return
	}
	raw, plain := inputOf.of(c.native)
	if raw.Len() > 0 || plain.Len() > 0 {
		return
	}
	*raw = bytes.Buffer{}
	plain.Reset(nil)
	records.Put(c.lent)
	c.lent = nil
}

// pending tells whether TLS may have something that was decrypted and not read.
func (c *Conn) pending() bool {
	if !c.lends() {
		return true
	}
	_, plain := inputOf.of(c.native)
	return plain.Len() > 0
}
