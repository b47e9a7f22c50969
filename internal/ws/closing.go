package ws

import "encoding/binary"

// Codes of the end of a connection that are not sent (RFC 6455 section 7.4.1).
const (
	// NoStatus is for a close frame without a code.
	NoStatus = 1005
	// Abnormal is for a connection that ended without a close frame.
	Abnormal = 1006
)

// ParseClose reads the payload of a close frame.
func ParseClose(payload []byte) (code int, reason string) {
	if len(payload) < 2 {
		return NoStatus, ""
	}
	return int(binary.BigEndian.Uint16(payload)), string(payload[2:])
}

// AppendClose appends the payload of a close frame; NoStatus is one without.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == NoStatus {
		return dst
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}
