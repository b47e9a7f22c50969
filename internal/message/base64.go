package message

import (
	"encoding/base64"
	"fmt"
	"io"
)

// Base64 decodes what gRPC-Web in base64 sends: runs of base64 with white space
// between, each of which may end in padding. Read gives what r has given.
func Base64(r io.Reader) io.Reader { return &base64Reader{r: r} }

// Base64Decoder decodes the same where octets come in pieces; the zero value is
// ready.
type Base64Decoder struct {
	quad [4]byte
	n    int // of quad
}

// Append decodes what it can of p and appends it to dst. Where p is not base64 it
// returns the octets from there on, those of the piece before that belong to them
// included, and an error.
func (d *Base64Decoder) Append(dst, p []byte) (out, rest []byte, err error) {
	for i, c := range p {
		if c == '\r' || c == '\n' || c == ' ' || c == '\t' {
			continue
		}
		d.quad[d.n] = c
		if d.n++; d.n < 4 {
			continue
		}
		d.n = 0
		var triple [3]byte
		n, err := base64.StdEncoding.Decode(triple[:], d.quad[:])
		if err != nil {
			return dst, append(d.quad[:4:4], p[i+1:]...), fmt.Errorf("decode base64: %w", err)
		}
		dst = append(dst, triple[:n]...)
	}
	return dst, nil, nil
}

// Rest is what of the pieces has not made a whole group.
func (d *Base64Decoder) Rest() []byte { return d.quad[:d.n] }

type base64Reader struct {
	r    io.Reader
	d    Base64Decoder
	in   [4 << 10]byte
	left []byte // decoded
	out  [3 << 10]byte
	err  error
}

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.left) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		n, err := b.r.Read(b.in[:])
		if err == io.EOF && len(b.d.Rest()) > 0 {
			err = fmt.Errorf("decode base64: %w", io.ErrUnexpectedEOF)
		}
		if derr := b.decode(b.in[:n]); derr != nil {
			err = derr
		}
		b.err = err
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

func (b *base64Reader) decode(p []byte) (err error) {
	b.left, _, err = b.d.Append(b.out[:0], p)
	return err
}
