package coding

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater reads DEFLATE data (RFC 1951) in any of its wrappings: gzip (RFC
// 1952), zlib (RFC 1950) or none. It takes from its source only what it needs
// to go on, and gives what it has before it asks for more.
//
// Data is given at the end of every block, so that a partial flush is seen like
// a full one. A decompressor that does that cannot be used again, so none is
// kept.
//
// Like browsers it is lenient with gzip: a stream that stops early ends where
// it stops, members may follow one another, what follows them is ignored, and
// zlib data under the name gzip is read. deflate may be without its wrapping.
type inflater struct {
	src  *bufio.Reader
	kind kind
	fl   io.Reader

	stage   stage
	members int
	sum     hash.Hash32 // of the member being read; nil without one
	size    uint32      // of the member being read, for gzip
	gzipped bool        // the member has the gzip wrapping
	err     error
}

type stage uint8

const (
	atHead stage = iota
	inData
	atTail
)

var errHead = errors.New("not gzip data: the two magic octets are missing")

func newInflater(src *bufio.Reader, k kind) *inflater {
	return &inflater{src: src, kind: k}
}

// Read implements io.Reader.
func (z *inflater) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for z.err == nil {
		switch z.stage {
		case atHead:
			z.err = z.head()
		case inData:
			n, err := z.fl.Read(p)
			if z.sum != nil {
				z.sum.Write(p[:n])
				z.size += uint32(n)
			}
			switch {
			case err == io.EOF:
				z.stage = atTail
			case err != nil:
				z.err = z.cut(err)
			}
			if n > 0 {
				return n, nil
			}
		case atTail:
			z.err = z.tail()
		}
	}
	return 0, z.err
}

// cut turns the early end of a gzip stream into its end.
func (z *inflater) cut(err error) error {
	if z.kind == gzipCoding && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		return io.EOF
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (z *inflater) head() error {
	p, err := z.src.Peek(2)
	if err != nil && err != io.EOF {
		return err
	}
	if len(p) == 0 {
		return io.EOF
	}
	isGzip := len(p) == 2 && p[0] == 0x1f && p[1] == 0x8b
	isZlib := len(p) == 2 && p[0]&0x0f == 8 && p[0]>>4 <= 7 && binary.BigEndian.Uint16(p)%31 == 0
	z.sum, z.size, z.gzipped = nil, 0, false
	switch {
	case z.members > 0 && !isGzip:
		return io.EOF // what follows the last member means nothing
	case z.kind == gzipCoding && isGzip:
		if err := z.gzipHead(); err != nil {
			return z.cut(err)
		}
		z.sum, z.gzipped = crc32.NewIEEE(), true
	case z.kind != rawDeflateCoding && isZlib:
		if p[1]&0x20 != 0 {
			return errors.New("zlib data wants a preset dictionary")
		}
		z.src.Discard(2)
		z.sum = adler32.New()
	case z.kind == gzipCoding:
		if len(p) < 2 {
			return io.EOF
		}
		return errHead
	}
	z.stage = inData
	z.fl = flate.NewReaderOpts(z.src, flate.WithPartialBlock())
	return nil
}

// Flags of a gzip head (RFC 1952 section 2.3.1).
const (
	hasHeadSum = 1 << 1
	hasExtra   = 1 << 2
	hasName    = 1 << 3
	hasComment = 1 << 4
)

func (z *inflater) gzipHead() error {
	var h [10]byte
	if _, err := io.ReadFull(z.src, h[:]); err != nil {
		return err
	}
	if h[2] != 8 {
		return fmt.Errorf("gzip data with unknown method %d", h[2])
	}
	if h[3]&hasExtra != 0 {
		if _, err := io.ReadFull(z.src, h[:2]); err != nil {
			return err
		}
		if _, err := z.src.Discard(int(binary.LittleEndian.Uint16(h[:2]))); err != nil {
			return err
		}
	}
	for _, flag := range [...]byte{hasName, hasComment} {
		if h[3]&flag == 0 {
			continue
		}
		for {
			c, err := z.src.ReadByte()
			if err != nil {
				return err
			}
			if c == 0 {
				break
			}
		}
	}
	if h[3]&hasHeadSum != 0 {
		_, err := z.src.Discard(2)
		return err
	}
	return nil
}

// tail checks what follows the data of a member. io.EOF ends the body.
func (z *inflater) tail() error {
	if z.sum == nil {
		return io.EOF
	}
	var t [8]byte
	n := 4
	if z.gzipped {
		n = 8
	}
	if _, err := io.ReadFull(z.src, t[:n]); err != nil {
		return z.cut(err)
	}
	if !z.gzipped {
		if binary.BigEndian.Uint32(t[:]) != z.sum.Sum32() {
			return errors.New("zlib checksum does not match")
		}
		return io.EOF
	}
	if binary.LittleEndian.Uint32(t[:]) != z.sum.Sum32() {
		return errors.New("gzip checksum does not match")
	}
	if binary.LittleEndian.Uint32(t[4:]) != z.size {
		return errors.New("gzip length does not match")
	}
	z.members++
	z.stage = atHead
	return nil
}
