package ws

import (
	"encoding/binary"
	"errors"
)

// Opcode tells what a frame is (RFC 6455 section 5.2).
type Opcode uint8

// The opcodes.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	Close        Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

// Control tells that o is a control frame's: at most 125 octets, in one frame,
// between those of a message.
func (o Opcode) Control() bool { return o&8 != 0 }

func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "reserved"
}

// The reserved bits of a frame; RSV1 marks a message that is compressed.
const (
	RSV1 = 1 << 2
	RSV2 = 1 << 1
	RSV3 = 1 << 0
)

// MaxHeader is how long the head of a frame may be, in octets.
const MaxHeader = 14

// maxControl is the longest payload of a control frame (section 5.5).
const maxControl = 125

// Header is the head of a frame.
type Header struct {
	Fin    bool
	RSV    uint8 // RSV1, RSV2, RSV3
	Opcode Opcode
	Masked bool
	Mask   [4]byte
	Length int64 // of the payload, in octets
}

// errLength is for a length whose first bit is set (section 5.2).
var errLength = errors.New("a frame's length has its first bit set")

// ParseHeader reads a head from the start of p, and returns how many octets it
// has: 0 where p is not the whole of it.
func ParseHeader(p []byte) (h Header, n int, err error) {
	if len(p) < 2 {
		return Header{}, 0, nil
	}
	h = Header{Fin: p[0]&0x80 != 0, RSV: p[0] >> 4 & 7, Opcode: Opcode(p[0] & 15), Masked: p[1]&0x80 != 0}
	n = 2
	switch length := p[1] & 0x7f; length {
	case 126:
		if len(p) < 4 {
			return Header{}, 0, nil
		}
		h.Length, n = int64(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		if len(p) < 10 {
			return Header{}, 0, nil
		}
		if p[2]&0x80 != 0 {
			return Header{}, 0, errLength
		}
		h.Length, n = int64(binary.BigEndian.Uint64(p[2:])), 10
	default:
		h.Length = int64(length)
	}
	if h.Masked {
		if len(p) < n+4 {
			return Header{}, 0, nil
		}
		n += copy(h.Mask[:], p[n:])
	}
	return h, n, nil
}

// AppendHeader appends h, its length in the shortest form.
func AppendHeader(dst []byte, h Header) []byte {
	first := h.RSV<<4 | uint8(h.Opcode)
	if h.Fin {
		first |= 0x80
	}
	mask := uint8(0)
	if h.Masked {
		mask = 0x80
	}
	switch {
	case h.Length < 126:
		dst = append(dst, first, mask|uint8(h.Length))
	case h.Length < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Mask[:]...)
	}
	return dst
}

// Cipher masks or unmasks p, which begins at octet offset of its payload
// (section 5.3).
func Cipher(p []byte, mask [4]byte, offset int64) {
	k := int(offset & 3)
	turned := [4]byte{mask[k], mask[(k+1)&3], mask[(k+2)&3], mask[(k+3)&3]}
	word := uint64(binary.LittleEndian.Uint32(turned[:]))
	word |= word << 32
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^word)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= turned[i&3]
	}
}
