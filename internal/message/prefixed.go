package message

import (
	"encoding/binary"
	"errors"
)

// prefixSize is the length of a gRPC message's prefix: flags and a length.
const prefixSize = 5

// prefixed finds length-prefixed messages.
type prefixed struct {
	flags byte  // the bits that may be set
	left  int64 // octets of the present message from the start of p; 0 before its prefix
	lost  bool
}

func (f *prefixed) next(p []byte, _ int, _ bool) (int, What, bool) {
	if f.lost {
		return len(p), Lost, true
	}
	if f.left == 0 {
		if p[0]&^f.flags != 0 {
			f.lost = true
			return len(p), Lost, true
		}
		if len(p) < prefixSize {
			return 0, Message, false
		}
		f.left = prefixSize + int64(binary.BigEndian.Uint32(p[1:]))
	}
	return counted(p, &f.left)
}

func (f *prefixed) gone(n int) { f.left -= int64(n) }

// counted finds the end of a message of which left octets are to come.
func counted(p []byte, left *int64) (int, What, bool) {
	if int64(len(p)) < *left {
		return len(p), Message, false
	}
	n := int(*left)
	*left = 0
	return n, Message, true
}

// Prefixed is a message of gRPC, gRPC-Web or Connect.
type Prefixed struct {
	Flags      byte
	Compressed bool   // the payload is coded as grpc-encoding or connect-content-encoding says
	Trailers   bool   // gRPC-Web: the payload is a trailer section
	End        bool   // Connect: the payload is the JSON object that ends the stream
	Payload    []byte // of Raw
}

var errShort = errors.New("shorter than its format needs")

// ParsePrefixed reads a whole message of the kind k.
func ParsePrefixed(k Kind, raw []byte) (Prefixed, error) {
	if len(raw) < prefixSize {
		return Prefixed{}, errShort
	}
	m := Prefixed{Flags: raw[0], Compressed: raw[0]&1 != 0, Payload: raw[prefixSize:]}
	m.End = k == Connect && m.Flags&2 != 0
	m.Trailers = (k == GRPCWeb || k == GRPCWebText) && m.Flags&0x80 != 0
	if n := binary.BigEndian.Uint32(raw[1:]); int64(n) != int64(len(m.Payload)) {
		return m, errShort
	}
	return m, nil
}
