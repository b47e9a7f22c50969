package clienthello

import (
	"encoding/binary"
	"errors"
	"slices"
)

// MaxSize bounds a ClientHello, record headers included. Post-quantum key
// shares make hellos of 2 KiB; nobody sends one near this.
const MaxSize = 64 << 10

// maxRecords bounds the records that one hello is cut into.
const maxRecords = 256

// Hello is what a client said first: what a proxy must know before it answers, and
// what fingerprints are made of, as it was sent.
type Hello struct {
	ServerName string   // SNI as sent, "" without
	Protocols  []string // ALPN as offered
	Version    uint16   // the newest version offered
	Ciphers    []uint16
	Extensions []uint16 // their numbers
	// Body is the message without its header of four octets. It may lie in what
	// was parsed.
	Body []byte

	legacy     uint16 // the version in its old place
	groups     []uint16
	signatures []uint16
	points     []byte
	shares     keyShares
}

// The extensions that are looked into.
const (
	extServerName = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extProtocols  = 16
	extVersions   = 43
	extKeyShare   = 51
	extHidden     = 0xfe0d
)

// Results of Parse besides a hello.
var (
	ErrMore = errors.New("the ClientHello goes on")
	ErrNot  = errors.New("not a ClientHello")
)

// Parse reads a ClientHello (RFC 8446 section 4.1.2) from the records that
// p begins with. It returns ErrMore as long as p may be the beginning of one,
// and ErrNot when it cannot be.
func Parse(p []byte) (*Hello, error) {
	msg, err := unrecord(p)
	if err != nil {
		return nil, err
	}
	return parseBody(msg)
}

// unrecord joins the handshake message that the TLS records in p carry (RFC
// 8446 section 5.1).
func unrecord(p []byte) ([]byte, error) {
	var msg []byte
	for records := 0; ; records++ {
		first := records == 0
		if records == maxRecords {
			return nil, ErrNot
		}
		if len(p) > 0 && p[0] != 22 || len(p) > 1 && p[1] != 3 {
			return nil, ErrNot
		}
		if len(p) < 5 {
			return nil, ErrMore
		}
		n := int(binary.BigEndian.Uint16(p[3:]))
		if n == 0 || n > 16384+256 {
			return nil, ErrNot
		}
		body := p[5:]
		whole := len(body) >= n
		if whole {
			body = body[:n]
		}
		if first && len(body) > 0 && body[0] != 1 {
			return nil, ErrNot
		}
		switch {
		case first && whole:
			msg = body[:len(body):len(body)] // one record is the usual case and needs no copy
		default:
			msg = append(msg, body...)
		}
		if len(msg) >= 4 {
			need := 4 + int(msg[1])<<16 + int(msg[2])<<8 + int(msg[3])
			if need > MaxSize {
				return nil, ErrNot
			}
			if len(msg) >= need {
				return msg[4:need], nil
			}
		}
		if !whole {
			return nil, ErrMore
		}
		p = p[5+n:]
	}
}

// cursor reads the vectors of TLS's presentation language.
type cursor struct {
	p  []byte
	ok bool
}

func (c *cursor) take(n int) []byte {
	if !c.ok || n > len(c.p) {
		c.ok = false
		return nil
	}
	v := c.p[:n]
	c.p = c.p[n:]
	return v
}

func (c *cursor) u8() int {
	if v := c.take(1); v != nil {
		return int(v[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if v := c.take(2); v != nil {
		return int(binary.BigEndian.Uint16(v))
	}
	return 0
}

func parseBody(p []byte) (*Hello, error) {
	c := cursor{p, true}
	h := &Hello{Body: p, legacy: uint16(c.u16())}
	h.Version = h.legacy
	c.take(32)
	c.take(c.u8()) // session id
	h.Ciphers = numbers(c.take(c.u16()))
	c.take(c.u8()) // compression methods
	if !c.ok {
		return nil, ErrNot
	}
	if len(c.p) == 0 {
		return h, nil // TLS 1.0 without extensions
	}
	ext := cursor{c.take(c.u16()), c.ok}
	for ext.ok && len(ext.p) > 0 {
		kind, data := ext.u16(), ext.take(ext.u16())
		if !ext.ok {
			break
		}
		h.Extensions = append(h.Extensions, uint16(kind))
		switch kind {
		case extServerName:
			h.ServerName = parseSNI(data)
		case extGroups:
			h.groups = numbers(listIn(data))
		case extPoints:
			c := cursor{data, true}
			h.points = append([]byte(nil), c.take(c.u8())...)
		case extSignatures:
			h.signatures = numbers(listIn(data))
		case extProtocols:
			h.Protocols = parseALPN(data)
		case extVersions:
			h.Version = max(h.Version, newest(data))
		case extKeyShare:
			h.shares = parseShares(data)
		}
	}
	// A fault inside the extensions is for the handshake to complain about.
	return h, nil
}

// Hides tells whether the hello may hide another one, or seem to, so that servers
// get used to it: Encrypted ClientHello.
func (h *Hello) Hides() bool { return slices.Contains(h.Extensions, extHidden) }

// listIn is the vector, with a length of two octets, that an extension is.
func listIn(p []byte) []byte {
	c := cursor{p, true}
	return c.take(c.u16())
}

// numbers are the values of two octets in p.
func numbers(p []byte) []uint16 {
	list := make([]uint16, 0, len(p)/2)
	for ; len(p) > 1; p = p[2:] {
		list = append(list, binary.BigEndian.Uint16(p))
	}
	return list
}

// parseSNI returns the host_name of a server_name extension (RFC 6066 section 3).
func parseSNI(p []byte) string {
	c := cursor{p, true}
	list := cursor{c.take(c.u16()), c.ok}
	for list.ok && len(list.p) > 0 {
		kind, name := list.u8(), list.take(list.u16())
		if list.ok && kind == 0 {
			return string(name)
		}
	}
	return ""
}

// maxProtocols bounds the ALPN names that are kept of one hello.
const maxProtocols = 32

// parseALPN returns the names of an ALPN extension (RFC 7301 section 3.1).
func parseALPN(p []byte) []string {
	c := cursor{p, true}
	list := cursor{c.take(c.u16()), c.ok}
	var names []string
	for list.ok && len(list.p) > 0 && len(names) < maxProtocols {
		if name := list.take(list.u8()); list.ok && len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}

// newest returns the highest version of a supported_versions extension,
// GREASE (RFC 8701) left out.
func newest(p []byte) uint16 {
	c := cursor{p, true}
	list := cursor{c.take(c.u8()), c.ok}
	var high uint16
	for list.ok && len(list.p) > 1 {
		if v := uint16(list.u16()); !grease(v) && v > high {
			high = v
		}
	}
	return high
}
