package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"midstream/flow"
)

// Kind is what a record is.
type Kind uint8

// The kinds. The numbers are on disk and never change. A reader skips a kind
// that it does not know.
const (
	kindPad     Kind = 0  // a zero octet between records; not a record
	kindHead    Kind = 1  // heads: the picture of a flow that goes on
	kindEnd     Kind = 2  // heads: the last picture of a flow, and where its bodies are
	kindConn    Kind = 3  // heads: a connection that the records after it refer to
	kindPiece   Kind = 16 // bodies: pieces of one body with their arrival times
	kindDrop    Kind = 17 // bodies: what came before of this body is not kept
	kindMap     Kind = 18 // bodies: where earlier piece records of this body are
	kindMarks   Kind = 32 // bodies: where messages of one body are
	kindFrame   Kind = 33 // reserved: a part of a message
	kindMarkMap Kind = 34 // bodies: where earlier marks of this body are
)

// Side is which octets of a flow a record holds.
type Side uint8

// The sides. The numbers are on disk and never change. The first two are those
// of package flow: what was sent on. The others are what was received, where
// that was something else.
const (
	SentToServer       Side = 0
	SentToClient       Side = 1
	ReceivedFromClient Side = 2
	ReceivedFromServer Side = 3

	sides = 4
)

// sideOf returns the side on which the body of s is recorded.
func sideOf(s flow.Side) Side { return Side(s & 1) }

// A record on disk:
//
//	octet   kind | side<<6
//	2       check: the low half of the CRC-32C of the octets kind, length and flow
//	varint  length of the payload
//	varint  flow number (0: none)
//	n       payload
//	4       CRC-32C of everything before it, check left out
//
// Numbers are little-endian. Zero octets may stand between records. The check
// finds the next record behind damage without a guess at its length.
const (
	checkSize  = 2
	crcSize    = 4
	maxHeader  = 1 + checkSize + 5 + binary.MaxVarintLen64
	maxPayload = 64 << 20 // a larger length is damage
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the front of a record.
type header struct {
	kind    Kind
	side    Side
	flow    uint64
	payload int // length
	size    int // of the header itself
	crc     uint32
}

// total is the size of the whole record.
func (h header) total() int64 { return int64(h.size) + int64(h.payload) + crcSize }

var (
	errShort  = errors.New("record goes on")    // more octets are needed
	errDamage = errors.New("no record is here") // the octets are no record
)

// appendHeader writes the front of a record and returns the running CRC, which
// the payload continues.
func appendHeader(dst []byte, k Kind, s Side, number uint64, payload int) ([]byte, uint32) {
	at := len(dst)
	dst = append(dst, byte(k)|byte(s)<<6, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(payload))
	dst = binary.AppendUvarint(dst, number)
	crc := crc32.Update(0, castagnoli, dst[at:at+1])
	crc = crc32.Update(crc, castagnoli, dst[at+1+checkSize:])
	binary.LittleEndian.PutUint16(dst[at+1:], uint16(crc))
	return dst, crc
}

// appendRecord writes a whole record.
func appendRecord(dst []byte, k Kind, s Side, number uint64, payload []byte) []byte {
	dst, crc := appendHeader(dst, k, s, number, len(payload))
	dst = append(dst, payload...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Update(crc, castagnoli, payload))
}

// parseHeader reads the front of a record from the start of p. It fails with
// errShort when p ends before the header does, and errDamage.
func parseHeader(p []byte) (header, error) {
	var h header
	if len(p) < 1+checkSize+2 {
		return h, errShort
	}
	h.kind, h.side = Kind(p[0]&0x3f), Side(p[0]>>6)
	if h.kind == kindPad {
		return h, errDamage
	}
	n, k := binary.Uvarint(p[1+checkSize:])
	if k == 0 && len(p) < maxHeader {
		return h, errShort
	}
	if k <= 0 || n > maxPayload {
		return h, errDamage
	}
	number, l := binary.Uvarint(p[1+checkSize+k:])
	if l == 0 && len(p) < maxHeader {
		return h, errShort
	}
	if l <= 0 {
		return h, errDamage
	}
	h.payload, h.flow, h.size = int(n), number, 1+checkSize+k+l
	h.crc = crc32.Update(0, castagnoli, p[:1])
	h.crc = crc32.Update(h.crc, castagnoli, p[1+checkSize:h.size])
	if uint16(h.crc) != binary.LittleEndian.Uint16(p[1:]) {
		return h, errDamage
	}
	return h, nil
}

// parseRecord reads a whole record from the start of p and checks it.
func parseRecord(p []byte) (header, []byte, error) {
	h, err := parseHeader(p)
	if err != nil {
		return h, nil, err
	}
	if int64(len(p)) < h.total() {
		return h, nil, errShort
	}
	payload := p[h.size : h.size+h.payload]
	if !h.intact(payload, p[h.size+h.payload:]) {
		return h, nil, errDamage
	}
	return h, payload, nil
}

// intact tells whether the CRC at the start of tail fits the payload.
func (h header) intact(payload, tail []byte) bool {
	return len(tail) >= crcSize && crc32.Update(h.crc, castagnoli, payload) == binary.LittleEndian.Uint32(tail)
}
