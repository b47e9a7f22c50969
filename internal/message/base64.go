package message

import (
	"encoding/base64"
	"fmt"
	"io"
)

// Base64 decodes what gRPC-Web in base64 sends: runs of base64 with white space
// between, each of which may end in padding. Read gives what r has given.
func Base64(r io.Reader) io.Reader { return &base64Reader{r: r} }

type base64Reader struct {
	r    io.Reader
	quad [4]byte
	n    int // of quad
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
		if err == io.EOF && b.n > 0 {
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

func (b *base64Reader) decode(p []byte) error {
	out := b.out[:0]
	for _, c := range p {
		if c == '\r' || c == '\n' || c == ' ' || c == '\t' {
			continue
		}
		b.quad[b.n] = c
		if b.n++; b.n < 4 {
			continue
		}
		b.n = 0
		var triple [3]byte
		n, err := base64.StdEncoding.Decode(triple[:], b.quad[:])
		if err != nil {
			b.left = out
			return fmt.Errorf("decode base64: %w", err)
		}
		out = append(out, triple[:n]...)
	}
	b.left = out
	return nil
}
