package dump

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/coding"
)

// Content gives what was recorded of bodies.
type Content interface {
	// Content opens what is recorded of one side of a flow, transfer coding
	// removed and content coding left. size is how many octets there are.
	Content(number uint64, side flow.Side) (r io.ReadCloser, size int64, err error)
}

const (
	// sniffed is how much of a body decides whether it is printed as text.
	sniffed = 1024
	// longest is where a line of content is broken, in octets: a body may be
	// one line.
	longest = 4096
)

// contentPrinter writes bodies to out as they are read, so that none is ever in
// memory as a whole.
type contentPrinter struct {
	out     *bufio.Writer
	source  Content
	palette Palette
	// most is how many lines of one body are printed; 0 prints all.
	most int
}

// print writes the content of one side of f, where there is any.
func (c *contentPrinter) print(f *flow.Flow, side flow.Side, mark string) {
	body, fields := f.RequestBody, fieldsOf(f, side)
	if side == flow.ToClient {
		body = f.ResponseBody
	}
	if body.Disposition == flow.NoBody || body.Sent == 0 && body.Received == 0 {
		return
	}
	if body.Record == flow.Unrecorded || c.source == nil {
		c.note(mark, "("+side.String()+" content is not recorded)")
		return
	}
	r, _, err := c.source.Content(f.Number, side)
	if err != nil {
		c.note(mark, "("+side.String()+" content cannot be read: "+err.Error()+")")
		return
	}
	defer r.Close()
	if err := c.decoded(r, mark, fields.Joined("Content-Encoding")); err != nil {
		c.note(mark, "(content ends here: "+err.Error()+")")
	}
	if body.Record == flow.Cut {
		c.note(mark, fmt.Sprintf("(the record was cut after %d bytes: %s)", body.Recorded, body.CutReason))
	}
}

func fieldsOf(f *flow.Flow, side flow.Side) flow.Fields {
	switch {
	case side == flow.ToServer && f.Request != nil:
		return f.Request.Fields
	case side == flow.ToClient && f.Response != nil:
		return f.Response.Fields
	}
	return nil
}

func (c *contentPrinter) decoded(r io.Reader, mark, encoding string) error {
	if coding.Identity(encoding) {
		return c.body(r, mark)
	}
	d, err := coding.NewDecoder(encoding, r)
	if err != nil {
		c.note(mark, "("+err.Error()+": as it was sent)")
		return c.body(r, mark)
	}
	defer d.Close()
	return c.body(d, mark)
}

// body writes r as text, or as octets where its start is not text.
func (c *contentPrinter) body(r io.Reader, mark string) error {
	b := bufio.NewReaderSize(r, longest)
	start, peeked := b.Peek(sniffed)
	show := c.octets
	if isText(start) {
		show = c.text
	}
	if len(start) > 0 {
		if err := show(b, mark); err != nil {
			return err
		}
	}
	return notEOF(peeked) // Peek takes the error away: it is not read again
}

// isText tells whether a start of a body reads as text: UTF-8 without control
// characters other than those of text.
func isText(p []byte) bool {
	p = prefix(p)
	if !utf8.Valid(p) {
		return false
	}
	return !bytes.ContainsFunc(p, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != 0x1b
	})
}

func (c *contentPrinter) text(b *bufio.Reader, mark string) error {
	var line, text []byte
	for n := 0; ; n++ {
		p, err := b.ReadSlice('\n')
		if len(p) == 0 && len(text) == 0 {
			return notEOF(err)
		}
		if c.full(n, mark) {
			return nil
		}
		text = append(text, p...)
		whole := text
		if errors.Is(err, bufio.ErrBufferFull) {
			whole = prefix(text) // the rest of its last letter comes with the next piece
			err = nil
		}
		line = append(line[:0], indent...)
		line = c.palette.paint(line, dim, mark)
		line = appendTabbed(line, bytes.TrimRight(whole, "\r\n"))
		text = append(text[:0], text[len(whole):]...)
		if _, err := c.out.Write(append(line, '\n')); err != nil {
			return nil // nobody reads any more; the printer finds out itself
		}
		if err != nil {
			return notEOF(err)
		}
	}
}

// appendTabbed appends a line of text, in which a tab is a tab.
func appendTabbed(dst, text []byte) []byte {
	for {
		before, after, tab := bytes.Cut(text, []byte{'\t'})
		dst = AppendSafe(dst, string(before))
		if !tab {
			return dst
		}
		dst = append(dst, '\t')
		text = after
	}
}

func (c *contentPrinter) octets(b *bufio.Reader, mark string) error {
	var octets [16]byte
	var line []byte
	for n := 0; ; n++ {
		k, err := io.ReadFull(b, octets[:])
		if k > 0 {
			if c.full(n, mark) {
				return nil
			}
			line = append(line[:0], indent...)
			line = c.palette.paint(line, dim, mark)
			line = appendHex(line, int64(n)*16, octets[:k])
			if _, err := c.out.Write(line); err != nil {
				return nil
			}
		}
		if err != nil {
			if k > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
				_, err = b.Peek(1) // ReadFull says so of a short last row too
			}
			return notEOF(err)
		}
	}
}

// appendHex appends one line of offset, octets and letters.
func appendHex(dst []byte, offset int64, p []byte) []byte {
	dst = fmt.Appendf(dst, "%08x ", offset)
	for i := range 16 {
		if i%8 == 0 {
			dst = append(dst, ' ')
		}
		if i < len(p) {
			dst = append(dst, hexDigits[p[i]>>4], hexDigits[p[i]&15], ' ')
		} else {
			dst = append(dst, "   "...)
		}
	}
	dst = append(dst, ' ')
	for _, b := range p {
		if b < ' ' || b > '~' {
			b = '.'
		}
		dst = append(dst, b)
	}
	return append(dst, '\n')
}

// full tells whether line n is one too many, and says so.
func (c *contentPrinter) full(n int, mark string) bool {
	if c.most == 0 || n < c.most {
		return false
	}
	c.note(mark, "(cut after "+strconv.Itoa(c.most)+" lines; flow_detail 4 prints all)")
	return true
}

func (c *contentPrinter) note(mark, text string) {
	_, _ = c.out.Write(appendRow(nil, c.palette, dim, mark, text))
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
