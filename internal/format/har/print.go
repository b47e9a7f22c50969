package har

import (
	"encoding/base64"
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/format"
)

// printer prints JSON and keeps the first error.
type printer struct {
	w   io.Writer
	buf []byte
	err error
}

func (p *printer) raw(s string) *printer {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
	return p
}

func (p *printer) string(s string) *printer {
	p.buf = append(appendText(append(p.buf[:0], '"'), []byte(s)), '"')
	return p.raw(string(p.buf))
}

func (p *printer) int(n int64) *printer { return p.raw(strconv.FormatInt(n, 10)) }

// millis prints a duration in milliseconds; a negative one is -1, which says
// that it does not apply.
func (p *printer) millis(d time.Duration) *printer {
	if d < 0 {
		return p.raw("-1")
	}
	return p.float(float64(d) / float64(time.Millisecond))
}

func (p *printer) float(f float64) *printer {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return p.raw(strconv.FormatFloat(f, 'f', -1, 64))
}

const hexDigits = "0123456789abcdef"

// appendText appends s with escapes; octets that are not UTF-8 become U+FFFD.
func appendText(dst, s []byte) []byte {
	for len(s) > 0 {
		switch b := s[0]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b < 0x20 || b == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		case b < utf8.RuneSelf:
			dst = append(dst, b)
		default:
			r, n := utf8.DecodeRune(s)
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(dst, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				dst = append(dst, '\\', 'u', '2', '0', '2', hexDigits[r&15])
			default:
				dst = append(dst, s[:n]...)
			}
			s = s[n:]
			continue
		}
		s = s[1:]
	}
	return dst
}

// content is the body of a message with its coding undone.
type content struct {
	body   format.Body
	coding string
	size   int64 // of the content, in octets
	text   bool  // it is UTF-8 throughout
	failed bool  // it does not decode and is given as it is
}

// measure reads a body once. Where it is cut off or does not decode, what came
// before counts; where nothing did, the octets as they are.
func measure(body format.Body, fields flow.Fields) content {
	c := content{body: body, coding: fields.Joined("Content-Encoding")}
	if coding.Identity(c.coding) || !coding.Known(c.coding) {
		c.failed, c.coding = c.coding != "" && !coding.Identity(c.coding), ""
	}
	if err := c.scan(); err != nil && c.coding != "" && c.size == 0 {
		c = content{body: body, failed: true}
		_ = c.scan()
	}
	return c
}

func (c *content) scan() error {
	c.text, c.size = true, 0
	var rest []byte
	err := c.each(func(p []byte) error {
		c.size += int64(len(p))
		if c.text {
			p = append(rest, p...)
			end := whole(p)
			c.text = utf8.Valid(p[:end])
			rest = append([]byte(nil), p[end:]...)
		}
		return nil
	})
	c.text = c.text && len(rest) == 0
	return err
}

// each yields the content in pieces.
func (c *content) each(f func([]byte) error) error {
	var r io.Reader = io.NewSectionReader(c.body, 0, c.body.Size())
	if c.coding != "" {
		d, err := coding.NewDecoder(c.coding, r)
		if err != nil {
			return err
		}
		defer d.Close()
		r = d
	}
	buf := make([]byte, 48<<10) // a multiple of three, for base64
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := f(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // also where the coding is cut off: what came is there
		}
		if err != nil {
			return err
		}
	}
}

// content prints the members "text" and, where it is base64, one that says so:
// its name is "encoding" in a response alone, a request has a name of our own.
func (p *printer) content(c *content, encoding string) {
	p.raw(`,"text":"`)
	if c.text {
		p.text(c)
		p.raw(`"`)
		return
	}
	p.base64(c)
	p.raw(`","` + encoding + `":"base64"`)
}

// text prints c with escapes; characters that are cut between two pieces are
// put together.
func (p *printer) text(c *content) {
	var rest, out []byte
	_ = c.each(func(piece []byte) error {
		piece = append(rest, piece...)
		end := whole(piece)
		out = appendText(out[:0], piece[:end])
		rest = append([]byte(nil), piece[end:]...)
		p.raw(string(out))
		return p.err
	})
	p.raw(string(appendText(nil, rest)))
}

// whole is how much of p is whole characters.
func whole(p []byte) int {
	for i := 1; i <= min(utf8.UTFMax, len(p)); i++ {
		if last := p[len(p)-i:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				break
			}
			return len(p) - i
		}
	}
	return len(p)
}

func (p *printer) base64(c *content) {
	var out []byte
	_ = c.each(func(piece []byte) error {
		out = base64.StdEncoding.AppendEncode(out[:0], piece)
		p.raw(string(out))
		return p.err
	})
}
