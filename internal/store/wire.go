package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// The payload of a head, end, or conn record is a sequence of tagged values:
// a varint that is tag<<1 for a number (a varint follows) or tag<<1|1 for
// octets (a varint length and that many octets follow). Zero values are left
// out; a reader skips tags that it does not know.

var errMalformed = errors.New("malformed value")

func appendUint(dst []byte, tag uint64, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, tag<<1)
	return binary.AppendUvarint(dst, v)
}

// appendInt writes v zigzag coded.
func appendInt(dst []byte, tag uint64, v int64) []byte {
	return appendUint(dst, tag, uint64(v)<<1^uint64(v>>63))
}

func appendBool(dst []byte, tag uint64, v bool) []byte {
	if !v {
		return dst
	}
	return appendUint(dst, tag, 1)
}

func appendString(dst []byte, tag uint64, s string) []byte {
	if s == "" {
		return dst
	}
	dst = binary.AppendUvarint(dst, tag<<1|1)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendTime writes t in microseconds since 1970, UTC.
func appendTime(dst []byte, tag uint64, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return appendInt(dst, tag, t.UnixMicro())
}

// clockSlip is how far the wall clock may run apart from the steady one before a time
// is told by that one: it is corrected little by little all the time.
const clockSlip = time.Millisecond

// steady is t as a clock shows it that nobody has set since base: what took a second
// took it also where the wall clock was set meanwhile.
func steady(base, t time.Time) time.Time {
	if t.IsZero() || base.IsZero() {
		return t
	}
	d := t.Sub(base)
	if slip := t.Round(0).Sub(base.Round(0)) - d; slip > -clockSlip && slip < clockSlip {
		return t
	}
	return base.Add(d)
}

// nested opens a nested value; close it with closeNested.
func openNested(dst []byte, tag uint64) ([]byte, int) {
	dst = binary.AppendUvarint(dst, tag<<1|1)
	// Two octets hold the length of nearly every nested value; closeNested
	// makes room where they do not.
	return append(dst, 0, 0), len(dst) + 2
}

func closeNested(dst []byte, start int) []byte {
	n := len(dst) - start
	if n < 1<<14 {
		dst[start-2] = byte(n) | 0x80
		dst[start-1] = byte(n >> 7)
		return dst
	}
	var l [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(l[:], uint64(n))
	dst = append(dst, l[:k-2]...)
	copy(dst[start+k-2:], dst[start:start+n])
	copy(dst[start-2:], l[:k])
	return dst
}

// value is one tagged value; octets is nil for a number.
type value struct {
	tag    uint64
	number uint64
	octets []byte
}

func (v value) int() int64 { return int64(v.number>>1) ^ -int64(v.number&1) }

func (v value) time() time.Time { return time.UnixMicro(v.int()).UTC() }

func (v value) string() string { return string(v.octets) }

// values calls f for every tagged value of p, in order.
func values(p []byte, f func(v value) error) error {
	for len(p) > 0 {
		key, n := binary.Uvarint(p)
		if n <= 0 {
			return errMalformed
		}
		p = p[n:]
		num, n := binary.Uvarint(p)
		if n <= 0 {
			return errMalformed
		}
		p = p[n:]
		v := value{tag: key >> 1, number: num}
		if key&1 == 1 {
			if num > uint64(len(p)) {
				return errMalformed
			}
			v.number, v.octets = 0, p[:num:num]
			p = p[num:]
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}
