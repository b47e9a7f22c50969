package message

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strconv"
	"time"
)

// The frame of an AWS event stream message: total length, length of the headers
// and a checksum of both, then headers, payload and a checksum of all before it.
const (
	awsPrelude  = 12
	awsOverhead = awsPrelude + 4
)

// awsMessages finds the messages of application/vnd.amazon.eventstream.
type awsMessages struct {
	left int64
	lost bool
}

func (f *awsMessages) next(p []byte, _ int, _ bool) (int, What, bool) {
	if f.lost {
		return len(p), Lost, true
	}
	if f.left == 0 {
		if len(p) < awsPrelude {
			return 0, Message, false
		}
		total, headers := binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])
		if crc32.ChecksumIEEE(p[:8]) != binary.BigEndian.Uint32(p[8:]) || total < awsOverhead || headers > total-awsOverhead {
			f.lost = true
			return len(p), Lost, true
		}
		f.left = int64(total)
	}
	return counted(p, &f.left)
}

func (f *awsMessages) gone(n int) { f.left -= int64(n) }

// AWSHeader is one header of a message; Value is its text: numbers in decimal,
// times as RFC 3339, octets in base64.
type AWSHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AWSMessage is a message of an AWS event stream.
type AWSMessage struct {
	Headers []AWSHeader
	Payload []byte // of Raw
}

// Header returns the value of a header, "" without it.
func (m *AWSMessage) Header(name string) string {
	for _, h := range m.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

var (
	errChecksum = errors.New("the checksum does not fit the message")
	errHeader   = errors.New("a header is damaged")
)

// ParseAWS reads a whole message. It fails on a checksum that does not fit,
// lengths that do not, and damaged headers.
func ParseAWS(raw []byte) (AWSMessage, error) {
	var m AWSMessage
	if len(raw) < awsOverhead {
		return m, errShort
	}
	total, headers := binary.BigEndian.Uint32(raw), binary.BigEndian.Uint32(raw[4:])
	if int64(total) != int64(len(raw)) || headers > total-awsOverhead {
		return m, errShort
	}
	body, sum := raw[:len(raw)-4], binary.BigEndian.Uint32(raw[len(raw)-4:])
	if crc32.ChecksumIEEE(raw[:8]) != binary.BigEndian.Uint32(raw[8:]) || crc32.ChecksumIEEE(body) != sum {
		return m, errChecksum
	}
	m.Payload = body[awsPrelude+headers:]
	for p := body[awsPrelude : awsPrelude+headers]; len(p) > 0; {
		h, n := awsHeader(p)
		if n == 0 {
			return m, errHeader
		}
		m.Headers = append(m.Headers, h)
		p = p[n:]
	}
	return m, nil
}

// awsHeader reads the header at the start of p and its length, 0 when it is
// damaged: a length and a name, a type, and a value of that type.
func awsHeader(p []byte) (h AWSHeader, n int) {
	size := int(p[0])
	if size == 0 || len(p) < 1+size+1 {
		return h, 0
	}
	h.Name = string(p[1 : 1+size])
	kind, v := p[1+size], p[2+size:]
	var width int
	switch kind {
	case 0, 1:
	case 2:
		width = 1
	case 3:
		width = 2
	case 4:
		width = 4
	case 5, 8:
		width = 8
	case 6, 7:
		if len(v) < 2 {
			return h, 0
		}
		width = int(binary.BigEndian.Uint16(v))
		v = v[2:]
		n = 2
	case 9:
		width = 16
	default:
		return h, 0
	}
	if len(v) < width {
		return h, 0
	}
	v = v[:width]
	switch kind {
	case 0:
		h.Value = "true"
	case 1:
		h.Value = "false"
	case 2:
		h.Value = strconv.Itoa(int(int8(v[0])))
	case 3:
		h.Value = strconv.Itoa(int(int16(binary.BigEndian.Uint16(v))))
	case 4:
		h.Value = strconv.Itoa(int(int32(binary.BigEndian.Uint32(v))))
	case 5:
		h.Value = strconv.FormatInt(int64(binary.BigEndian.Uint64(v)), 10)
	case 6:
		h.Value = base64.StdEncoding.EncodeToString(v)
	case 7:
		h.Value = string(v)
	case 8:
		h.Value = time.UnixMilli(int64(binary.BigEndian.Uint64(v))).UTC().Format(time.RFC3339Nano)
	case 9:
		h.Value = hex.EncodeToString(v)
	}
	return h, n + 2 + size + width
}
