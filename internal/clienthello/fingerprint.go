package clienthello

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// grease tells values that clients send to see that servers ignore what they do
// not know (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// ungreased is list without such values.
func ungreased(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), grease)
}

// ja3 is the MD5 of what the hello offers, in its order: the name by which many
// lists know clients.
func (h *Hello) JA3() string {
	b := strconv.AppendUint(make([]byte, 0, 512), uint64(h.legacy), 10)
	for _, list := range [...][]uint16{h.Ciphers, h.Extensions, h.groups} {
		b = append(b, ',')
		b = appendJoined(b, ungreased(list), '-', 10)
	}
	b = append(b, ',')
	for i, p := range h.points {
		if i > 0 {
			b = append(b, '-')
		}
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// ja4 is the newer name: it does not depend on the order of extensions, which
// browsers change at random.
func (h *Hello) JA4() string {
	ciphers, extensions := ungreased(h.Ciphers), ungreased(h.Extensions)
	slices.Sort(ciphers)
	server := "i"
	if slices.Contains(extensions, extServerName) {
		server = "d"
	}
	head := "t" + versionCode(h.Version) + server + twoDigits(len(ciphers)) + twoDigits(len(extensions)) + protocolCode(h.Protocols)

	extensions = slices.DeleteFunc(extensions, func(e uint16) bool { return e == extServerName || e == extProtocols })
	slices.Sort(extensions)
	b := appendJoined(make([]byte, 0, 512), ciphers, ',', 16)
	offered := shortSum(b, len(ciphers))
	b = appendJoined(b[:0], extensions, ',', 16)
	if len(h.signatures) > 0 {
		b = append(b, '_')
		b = appendJoined(b, ungreased(h.signatures), ',', 16)
	}
	return head + "_" + offered + "_" + shortSum(b, len(extensions))
}

// appendJoined appends the values of a list to b, those of base 16 with four digits.
func appendJoined(b []byte, list []uint16, by byte, base int) []byte {
	for i, v := range list {
		if i > 0 {
			b = append(b, by)
		}
		if base == 16 {
			for least := uint16(0x1000); v < least && least > 1; least >>= 4 {
				b = append(b, '0')
			}
		}
		b = strconv.AppendUint(b, uint64(v), base)
	}
	return b
}

// shortSum is what stands for a list of n values that was joined to p.
func shortSum(p []byte, n int) string {
	if n == 0 {
		return "000000000000"
	}
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:6])
}

func twoDigits(n int) string {
	s := strconv.Itoa(min(n, 99))
	return "00"[len(s):] + s
}

func versionCode(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// protocolCode is the first and the last character of the first protocol.
func protocolCode(protocols []string) string {
	if len(protocols) == 0 {
		return "00"
	}
	name := protocols[0]
	first, last := name[0], name[len(name)-1]
	if !alphanumeric(first) || !alphanumeric(last) {
		digits := hex.EncodeToString([]byte{first, last})
		return digits[:1] + digits[3:]
	}
	return string([]byte{first, last})
}

func alphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
}
