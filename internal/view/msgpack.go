package view

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

var (
	errShortPack = errors.New("it ends inside a value")
	errDeepPack  = errors.New("values are too deep inside each other")
	errPack      = errors.New("an octet that begins no value")
)

// showMsgpack prints MessagePack as it reads it, in the manner of JSON: octets as
// hexadecimal digits, extensions with their type.
func showMsgpack(s *source, p *page) error {
	body := s.all()
	d := &unpacker{p: p, rest: body}
	for n := 0; len(d.rest) > 0 && !p.full; n++ {
		if n == 0 && len(body) > 0 && body[0] == 0xc1 {
			return errPack
		}
		if err := d.value(0); err != nil {
			p.finish()
			if s.trunc && errors.Is(err, errShortPack) {
				return nil
			}
			return fmt.Errorf("not MessagePack from byte %d on: %w", len(body)-len(d.rest), err)
		}
		p.end()
	}
	return nil
}

type unpacker struct {
	p    *page
	rest []byte
}

// take takes n octets.
func (d *unpacker) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.rest) {
		return nil, errShortPack
	}
	v := d.rest[:n]
	d.rest = d.rest[n:]
	return v, nil
}

// uint takes a number of size octets.
func (d *unpacker) uint(size int) (uint64, error) {
	v, err := d.take(size)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[8-size:], v)
	return binary.BigEndian.Uint64(wide[:]), nil
}

// sized takes a length of size octets and hands it on.
func (d *unpacker) sized(size int, f func(n int) error) error {
	n, err := d.uint(size)
	if err != nil {
		return err
	}
	if n > math.MaxInt32 {
		return errShortPack
	}
	return f(int(n))
}

func (d *unpacker) value(depth int) error {
	if depth > 2*maxNested {
		return errDeepPack
	}
	b, err := d.take(1)
	if err != nil {
		return err
	}
	list := func(n int) error { return d.list(depth, n, false) }
	table := func(n int) error { return d.list(depth, n, true) }
	switch c := b[0]; {
	case c < 0x80:
		d.p.text(strconv.Itoa(int(c)))
	case c < 0x90:
		return table(int(c & 15))
	case c < 0xa0:
		return list(int(c & 15))
	case c < 0xc0:
		return d.str(int(c & 31))
	case c >= 0xe0:
		d.p.text(strconv.Itoa(int(int8(c))))
	case c == 0xc0:
		d.p.text("null")
	case c == 0xc2:
		d.p.text("false")
	case c == 0xc3:
		d.p.text("true")
	case c >= 0xc4 && c <= 0xc6:
		return d.sized(1<<(c-0xc4), d.octets)
	case c >= 0xc7 && c <= 0xc9:
		return d.sized(1<<(c-0xc7), d.extension)
	case c == 0xca:
		v, err := d.uint(4)
		d.p.text(strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32))
		return err
	case c == 0xcb:
		v, err := d.uint(8)
		d.p.text(strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64))
		return err
	case c >= 0xcc && c <= 0xcf:
		v, err := d.uint(1 << (c - 0xcc))
		d.p.text(strconv.FormatUint(v, 10))
		return err
	case c >= 0xd0 && c <= 0xd3:
		size := 1 << (c - 0xd0)
		v, err := d.uint(size)
		shift := 64 - 8*size
		d.p.text(strconv.FormatInt(int64(v<<shift)>>shift, 10))
		return err
	case c >= 0xd4 && c <= 0xd8:
		return d.extension(1 << (c - 0xd4))
	case c >= 0xd9 && c <= 0xdb:
		return d.sized(1<<(c-0xd9), d.str)
	case c == 0xdc || c == 0xdd:
		return d.sized(2<<(c-0xdc), list)
	case c == 0xde || c == 0xdf:
		return d.sized(2<<(c-0xde), table)
	default:
		return errPack
	}
	return nil
}

func (d *unpacker) str(n int) error {
	v, err := d.take(n)
	if err == nil {
		d.p.text(strconv.Quote(string(v)))
	}
	return err
}

func (d *unpacker) octets(n int) error {
	v, err := d.take(n)
	if err != nil {
		return err
	}
	d.p.printf("# %d bytes %x", len(v), v[:min(len(v), 64)])
	if len(v) > 64 {
		d.p.text(" ...")
	}
	return nil
}

// extension prints a value of an application's own type; type -1 is a time.
func (d *unpacker) extension(n int) error {
	kind, err := d.take(1)
	if err != nil {
		return err
	}
	v, err := d.take(n)
	if err != nil {
		return err
	}
	if at, ok := timestamp(kind[0], v); ok {
		d.p.text(at.UTC().Format(time.RFC3339Nano))
		return nil
	}
	d.p.printf("# type %d, %d bytes %x", int8(kind[0]), len(v), v[:min(len(v), 64)])
	return nil
}

func timestamp(kind byte, v []byte) (time.Time, bool) {
	if kind != 0xff {
		return time.Time{}, false
	}
	switch len(v) {
	case 4:
		return time.Unix(int64(binary.BigEndian.Uint32(v)), 0), true
	case 8:
		n := binary.BigEndian.Uint64(v)
		return time.Unix(int64(n&(1<<34-1)), int64(n>>34)), true
	case 12:
		return time.Unix(int64(binary.BigEndian.Uint64(v[4:])), int64(binary.BigEndian.Uint32(v))), true
	}
	return time.Time{}, false
}

// list prints n values, or n pairs of them.
func (d *unpacker) list(depth, n int, pairs bool) error {
	brackets := "[]"
	if pairs {
		brackets = "{}"
	}
	if n == 0 {
		d.p.text(brackets)
		return nil
	}
	d.p.text(brackets[:1])
	d.p.end()
	for i := range n {
		if d.p.full {
			return nil
		}
		d.p.indent(depth + 1)
		if err := d.value(depth + 1); err != nil {
			return err
		}
		if pairs {
			d.p.text(": ")
			if err := d.value(depth + 1); err != nil {
				return err
			}
		}
		if i+1 < n {
			d.p.text(",")
		}
		d.p.end()
	}
	d.p.indent(depth)
	d.p.text(brackets[1:])
	return nil
}
