package transport

import (
	"bytes"
	"net"
	"reflect"
	"sync"
	"unsafe"
)

// crypto/tls keeps the buffer that its largest record needed for as long as the
// connection lives: 16 to 32 KiB each, which a thousand connections that carry bulk
// slowly make dear. A buffer is lent to it for a large record instead, and taken back
// when all of the record has been read; a record that has been read ahead whole is
// handed over where it lies. The fields are found by name and type; where
// they are not what they were, nothing is lent.

// tlsInput is where TLS keeps what it has read: records that were not decrypted yet,
// what was decrypted and not read, and messages of its own. They are nil where TLS does
// it in another way.
type tlsInput struct {
	raw   *bytes.Buffer
	plain *bytes.Reader
	hand  *bytes.Buffer
}

// Layered is a Secured that has what does its work inside: a *tls.Conn, or one of a
// package that was made from crypto/tls.
type Layered interface {
	Layer() any
}

// inputOf finds the input of t.
func inputOf(t Secured) tlsInput {
	inner := any(t)
	if l, ok := t.(Layered); ok {
		inner = l.Layer()
	}
	v := reflect.ValueOf(inner)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return tlsInput{}
	}
	raw, ok1 := v.Elem().Type().FieldByName("rawInput")
	plain, ok2 := v.Elem().Type().FieldByName("input")
	hand, ok3 := v.Elem().Type().FieldByName("hand")
	buffer := reflect.TypeFor[bytes.Buffer]()
	if !ok1 || !ok2 || !ok3 || raw.Type != buffer || hand.Type != buffer || plain.Type != reflect.TypeFor[bytes.Reader]() {
		return tlsInput{}
	}
	p := v.UnsafePointer()
	return tlsInput{(*bytes.Buffer)(unsafe.Add(p, raw.Offset)), (*bytes.Reader)(unsafe.Add(p, plain.Offset)), (*bytes.Buffer)(unsafe.Add(p, hand.Offset))}
}

// shed lets go of what the handshake, which is over, has needed.
func (in tlsInput) shed() {
	if !in.found() || !in.empty() || in.hand.Len() > 0 {
		return
	}
	*in.raw, *in.hand = bytes.Buffer{}, bytes.Buffer{}
}

// found tells that TLS keeps its input as expected.
func (in tlsInput) found() bool { return in.raw != nil }

// empty tells that nothing is in it.
func (in tlsInput) empty() bool { return in.raw.Len() == 0 && in.plain.Len() == 0 }

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

// decrypt reads from TLS. It waits for the head of a record before TLS is asked, so
// that nothing is lent meanwhile.
func (c *Conn) decrypt(p []byte) (int, error) {
	if !c.input.found() || len(p) == 0 || c.over {
		return c.tls.Read(p)
	}
	if c.wire.left == 0 && !c.pending() {
		if err := c.wire.begin(); passing(err) {
			return 0, err
		}
		// TLS is told any other error, and makes of it what it thinks.
	}
	if c.wire.dry && c.wire.shakes && c.wire.left > 0 {
		return 0, errDry // a handshake that may not wait would fail
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

// lend gives TLS what it needs for the record that comes next, where it has nothing of
// it: the record itself, or a buffer for a large one of which a part has still to come.
// It belongs to the reader.
func (c *Conn) lend() {
	if c.lent != nil || c.wire.left == 0 || !c.input.empty() {
		return
	}
	if record := c.wire.record(); record != nil {
		*c.input.raw = *bytes.NewBuffer(record)
		c.took = true
		return
	}
	if c.wire.left <= lendAbove {
		return
	}
	c.lent = records.Get().(*buffer)
	*c.input.raw = *bytes.NewBuffer(c.lent.b[:0])
}

// takeBack takes what was lent where nothing in it is of use any more.
func (c *Conn) takeBack() {
	if c.lent == nil && !c.took || !c.input.empty() {
		return
	}
	*c.input.raw = bytes.Buffer{}
	c.input.plain.Reset(nil)
	if c.took {
		c.took = false
		c.wire.handBack()
	}
	if c.lent != nil {
		records.Put(c.lent)
		c.lent = nil
	}
}

// pending tells whether TLS may have something that was decrypted and not read.
func (c *Conn) pending() bool {
	return !c.input.found() || c.input.plain.Len() > 0
}
