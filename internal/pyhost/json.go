package pyhost

import (
	"encoding/json"
	"strconv"
	"time"
)

const hexDigits = "0123456789abcdef"

// appendOctets appends s as a JSON string in which each octet is the character of
// that number (ISO 8859-1), so that any octets come through.
func appendOctets(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendText appends s, which is UTF-8, as a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] >= 0x7f {
			p, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, p...)
		}
	}
	return appendOctets(dst, s)
}

// appendTime appends seconds of the clock, null for the zero time.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, float64(t.UnixMicro())/1e6, 'f', 6, 64)
}

// octets undoes what appendOctets does, for a string that came as JSON.
func octets(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			p := make([]byte, 0, len(s))
			for _, r := range s {
				p = append(p, byte(r))
			}
			return string(p)
		}
	}
	return s
}
