package code

import (
	"cmp"
	"fmt"
	"io"

	"midstream/internal/format"
)

// The bounds of a body, in octets.
const (
	maxWord    = 64 << 10 // that is one word of a command line; a word has at most 128 KiB on Linux
	maxLiteral = 1 << 20  // that is written out in a line or a program
)

// content is a request body as it is written.
type content struct {
	octets string
	file   string // where it is, when it is too large to be written out
	size   int64
}

// content reads the body, or writes it to a file of its own.
func (w *Writer) content(r *request) (c content, err error) {
	c.size = r.body.Size()
	if c.size <= min(cmp.Or(w.o.Literal, maxLiteral), maxLiteral) {
		b := make([]byte, c.size)
		if _, err := io.ReadFull(io.NewSectionReader(r.body, 0, c.size), b); err != nil {
			return c, fmt.Errorf("read its request body: %w", err)
		}
		c.octets = string(b)
		return c, nil
	}
	if w.o.Bodies == nil {
		return c, unfit("its request body has %d bytes, too many for a line or a program: give a folder for it (--bodies DIR)", c.size)
	}
	name, file, err := w.o.Bodies(r.number)
	if err != nil {
		return c, fmt.Errorf("write its request body: %w", err)
	}
	c.file = name
	err = copyBody(file, r.body)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return c, fmt.Errorf("write its request body to %s: %w", name, err)
	}
	return c, nil
}

func copyBody(w io.Writer, b format.Body) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(b, 0, b.Size()), make([]byte, 32<<10))
	return err
}
