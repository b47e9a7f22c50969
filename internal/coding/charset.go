package coding

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// A charset turns octets into text and back, both strictly: what it cannot
// carry is an error.
type charset struct {
	decode func(p []byte) (string, error)
	encode func(s string) ([]byte, error)
}

var (
	errUndecodable = errors.New("the body has octets that its charset does not know")
	errUnencodable = errors.New("the text has characters that the charset does not know")
)

// findCharset looks a charset up by any of its usual names.
func findCharset(name string) (charset, error) {
	label := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch label {
	case "utf-8", "utf8", "u8", "utf", "cp65001":
		return charset{decodeUTF8, encodeUTF8}, nil
	case "utf-8-sig":
		return charset{
			func(p []byte) (string, error) { s, err := decodeUTF8(p); return strings.TrimPrefix(s, "\ufeff"), err },
			func(s string) ([]byte, error) { return encodeUTF8("\ufeff" + s) },
		}, nil
	case "latin-1", "latin1", "latin", "l1", "iso-8859-1", "iso8859-1", "8859", "cp819", "ibm819", "iso-ir-100":
		return single(0xff), nil
	case "ascii", "us-ascii", "646", "ansi-x3.4-1968", "iso646-us":
		return single(0x7f), nil
	case "utf-16", "utf16", "u16":
		return marked(wide16), nil
	case "utf-16le", "utf-16-le":
		return wide16(binary.LittleEndian), nil
	case "utf-16be", "utf-16-be":
		return wide16(binary.BigEndian), nil
	case "utf-32", "utf32", "u32":
		return marked(wide32), nil
	case "utf-32le", "utf-32-le":
		return wide32(binary.LittleEndian), nil
	case "utf-32be", "utf-32-be":
		return wide32(binary.BigEndian), nil
	case "gb2312", "gbk":
		label = "gb18030" // holds both
	}
	enc, err := htmlindex.Get(label)
	if err != nil || enc == encoding.Replacement {
		enc, err = ianaindex.IANA.Encoding(label)
	}
	if err != nil || enc == nil || enc == encoding.Replacement {
		return charset{}, fmt.Errorf("unknown charset %q", name)
	}
	return table(enc), nil
}

func decodeUTF8(p []byte) (string, error) {
	if !utf8.Valid(p) {
		return "", errUndecodable
	}
	return string(p), nil
}

func encodeUTF8(s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errUnencodable
	}
	return []byte(s), nil
}

// single is a charset whose octets up to last are the characters of that number.
func single(last rune) charset {
	return charset{
		decode: func(p []byte) (string, error) {
			out := make([]byte, 0, len(p)+len(p)/8)
			for _, c := range p {
				if rune(c) > last {
					return "", errUndecodable
				}
				out = utf8.AppendRune(out, rune(c))
			}
			return string(out), nil
		},
		encode: func(s string) ([]byte, error) {
			out := make([]byte, 0, len(s))
			for _, r := range s {
				if r > last { // an octet that is not UTF-8 is U+FFFD here
					return nil, errUnencodable
				}
				out = append(out, byte(r))
			}
			return out, nil
		},
	}
}

// order is a byte order that reads and appends.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func wide16(o order) charset {
	return charset{
		decode: func(p []byte) (string, error) {
			if len(p)%2 != 0 {
				return "", errUndecodable
			}
			out := make([]byte, 0, len(p))
			for ; len(p) > 0; p = p[2:] {
				r := rune(o.Uint16(p))
				if utf16.IsSurrogate(r) {
					if len(p) < 4 {
						return "", errUndecodable
					}
					if r = utf16.DecodeRune(r, rune(o.Uint16(p[2:]))); r == utf8.RuneError {
						return "", errUndecodable
					}
					p = p[2:]
				}
				out = utf8.AppendRune(out, r)
			}
			return string(out), nil
		},
		encode: func(s string) ([]byte, error) {
			if !utf8.ValidString(s) {
				return nil, errUnencodable
			}
			out := make([]byte, 0, 2*len(s))
			for _, r := range s {
				if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
					out = o.AppendUint16(o.AppendUint16(out, uint16(hi)), uint16(lo))
				} else {
					out = o.AppendUint16(out, uint16(r))
				}
			}
			return out, nil
		},
	}
}

func wide32(o order) charset {
	return charset{
		decode: func(p []byte) (string, error) {
			if len(p)%4 != 0 {
				return "", errUndecodable
			}
			out := make([]byte, 0, len(p)/2)
			for ; len(p) > 0; p = p[4:] {
				c := o.Uint32(p)
				if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
					return "", errUndecodable
				}
				out = utf8.AppendRune(out, rune(c))
			}
			return string(out), nil
		},
		encode: func(s string) ([]byte, error) {
			if !utf8.ValidString(s) {
				return nil, errUnencodable
			}
			out := make([]byte, 0, 4*len(s))
			for _, r := range s {
				out = o.AppendUint32(out, uint32(r))
			}
			return out, nil
		},
	}
}

// marked is a wide charset that finds its order by a byte order mark, which it
// takes away and adds; without one it is little-endian.
func marked(of func(order) charset) charset {
	return charset{
		decode: func(p []byte) (string, error) {
			s, err := of(binary.LittleEndian).decode(p)
			if err == nil && !strings.HasPrefix(s, "\ufffe") {
				return strings.TrimPrefix(s, "\ufeff"), nil
			}
			b, errB := of(binary.BigEndian).decode(p)
			if errB == nil && strings.HasPrefix(b, "\ufeff") {
				return strings.TrimPrefix(b, "\ufeff"), nil
			}
			return s, err
		},
		encode: func(s string) ([]byte, error) { return of(binary.LittleEndian).encode("\ufeff" + s) },
	}
}

// table is a charset of the tables in x/text. They put U+FFFD where they know
// nothing; a body that spells U+FFFD out (gb18030 can) counts as undecodable too.
func table(enc encoding.Encoding) charset {
	return charset{
		decode: func(p []byte) (string, error) {
			out, err := enc.NewDecoder().Bytes(p)
			if err != nil {
				return "", errUndecodable
			}
			if strings.ContainsRune(string(out), utf8.RuneError) {
				return "", errUndecodable
			}
			return string(out), nil
		},
		encode: func(s string) ([]byte, error) {
			if !utf8.ValidString(s) {
				return nil, errUnencodable
			}
			out, err := enc.NewEncoder().Bytes([]byte(s))
			if err != nil {
				return nil, errUnencodable
			}
			return out, nil
		},
	}
}
