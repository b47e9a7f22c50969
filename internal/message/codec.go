package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/coding"
)

// A Content is what a message says, taken out of its frame.
type Content struct {
	// Data is the line, the JSON text, the payload, or the body of the part, not
	// compressed.
	Data []byte
	// Fields are those of a part, and the headers of an AWS message.
	Fields flow.Fields
	// Compressed tells that the payload of a length-prefixed message is compressed.
	Compressed bool
	// Trailers tells that it is no message but what ends the body: the trailer
	// section of gRPC-Web, or the JSON object at the end of a Connect stream.
	Trailers bool
}

// A Codec takes messages of one body out of their frames and puts changed ones
// into such frames again. Its methods may be called at once.
type Codec struct {
	Kind Kind
	// Boundary is that of a Multipart.
	Boundary string
	// Coding is what compressed payloads are coded with.
	Coding string
	// Limit is how large a compressed payload may become, 0 for DefaultLimit.
	Limit int64
}

var (
	errNoCoding  = errors.New("the message is compressed, and the head does not say how")
	errLineBreak = errors.New("a line of NDJSON must not have line breaks")
	errSeparator = errors.New("a JSON text of a sequence must not have the octet RS")
	errDelimiter = errors.New("a part must not have the boundary of its body")
	errTooLong   = errors.New("longer than its length field can say")
)

// Read takes a whole message out of its frame; what it returns is of raw where
// nothing was compressed.
func (c *Codec) Read(raw []byte) (Content, error) {
	switch c.Kind {
	case GRPC, GRPCWeb, GRPCWebText, Connect:
		p, err := ParsePrefixed(c.Kind, raw)
		m := Content{Data: p.Payload, Compressed: p.Compressed, Trailers: p.Trailers || p.End}
		if err == nil && p.Compressed && len(p.Payload) > 0 {
			m.Data, err = c.inflate(p.Payload)
		}
		return m, err
	case AWS:
		p, err := ParseAWS(raw)
		m := Content{Data: p.Payload}
		for _, h := range p.Headers {
			m.Fields.Add(h.Name, h.Value)
		}
		return m, err
	case Multipart:
		p, err := ParsePart(raw)
		return Content{Data: p.Body, Fields: p.Fields}, err
	}
	return Content{Data: bytes.TrimRight(raw, "\r\n")}, nil
}

func (c *Codec) inflate(p []byte) ([]byte, error) {
	if coding.Identity(c.Coding) {
		return nil, errNoCoding
	}
	limit := c.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	plain, err := coding.Decode(c.Coding, p, limit)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", c.Coding, err)
	}
	return plain, nil
}

// Append puts what m says into a frame like that of raw, which it replaces. The
// fields of m do not count: they stay as they are in raw, but for the
// Content-Length of a part.
func (c *Codec) Append(dst, raw []byte, m *Content) ([]byte, error) {
	switch c.Kind {
	case GRPC, GRPCWeb, GRPCWebText, Connect:
		return c.appendPrefixed(dst, raw[0]&^1, m)
	case AWS:
		return appendAWS(dst, raw, m.Data)
	case Multipart:
		return c.appendPart(dst, raw, m.Data)
	case JSONSeq:
		if bytes.IndexByte(m.Data, recordSeparator) >= 0 {
			return dst, errSeparator
		}
	default:
		if bytes.ContainsAny(m.Data, "\r\n") {
			return dst, errLineBreak
		}
	}
	dst = append(dst, m.Data...)
	return append(dst, raw[len(bytes.TrimRight(raw, "\r\n")):]...), nil
}

// Insert appends a message that says data, in a frame like that of raw, which it
// stands before or, where dst has what was sent of raw already, behind.
func (c *Codec) Insert(dst, raw, data []byte, behind bool) ([]byte, error) {
	m := Content{Data: data}
	switch c.Kind {
	case GRPC, GRPCWeb, GRPCWebText, Connect:
		return c.appendPrefixed(dst, 0, &m)
	case AWS:
		return appendAWS(dst, raw, data)
	case Multipart:
		n := len(dst)
		if behind && !bytes.HasSuffix(raw, []byte("\n")) {
			dst = append(dst, "\r\n"...)
		}
		out, err := c.appendPart(dst, raw, data)
		if err != nil {
			return dst[:n], err
		}
		if !behind && !bytes.HasSuffix(out, []byte("\n")) {
			out = append(out, "\r\n"...)
		}
		return out, nil
	}
	n := len(dst)
	if behind && !bytes.HasSuffix(raw, []byte("\n")) {
		dst = append(dst, '\n')
	}
	if behind && c.Kind == JSONSeq {
		dst = append(dst, recordSeparator)
	}
	out, err := c.Append(dst, []byte("\n"), &m)
	if err != nil {
		return dst[:n], err
	}
	if !behind && c.Kind == JSONSeq {
		out = append(out, recordSeparator)
	}
	return out, nil
}

func (c *Codec) appendPrefixed(dst []byte, flags byte, m *Content) ([]byte, error) {
	payload := m.Data
	if m.Compressed {
		if coding.Identity(c.Coding) {
			return dst, errNoCoding
		}
		coded, err := coding.Encode(c.Coding, payload)
		if err != nil {
			return dst, fmt.Errorf("encode %s: %w", c.Coding, err)
		}
		payload, flags = coded, flags|1
	}
	if uint64(len(payload)) > math.MaxUint32 {
		return dst, errTooLong
	}
	dst = binary.BigEndian.AppendUint32(append(dst, flags), uint32(len(payload)))
	return append(dst, payload...), nil
}

// appendAWS appends a message with the headers of raw and another payload.
func appendAWS(dst, raw, payload []byte) ([]byte, error) {
	if len(raw) < awsOverhead {
		return dst, errShort
	}
	headers := binary.BigEndian.Uint32(raw[4:])
	total := uint64(awsOverhead) + uint64(headers) + uint64(len(payload))
	if total > math.MaxUint32 {
		return dst, errTooLong
	}
	if uint64(awsPrelude)+uint64(headers) > uint64(len(raw)) {
		return dst, errShort
	}
	n := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(total))
	dst = binary.BigEndian.AppendUint32(dst, headers)
	dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[n:]))
	dst = append(append(dst, raw[awsPrelude:awsPrelude+headers]...), payload...)
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[n:])), nil
}

// appendPart appends the part raw with another body.
func (c *Codec) appendPart(dst, raw, data []byte) ([]byte, error) {
	for _, b := range newParts(c.Boundary).delimiters {
		if bytes.HasPrefix(data, []byte(b)) || bytes.Contains(data, []byte("\n"+b)) {
			return dst, errDelimiter
		}
	}
	p, err := ParsePart(raw)
	if err != nil {
		return dst, err
	}
	end := endOfFields(raw, 0)
	counted := contentLength(raw[:end]) >= 0
	for line := range bytes.Lines(raw[:end]) {
		name, _, ok := strings.Cut(string(line), ":")
		if !ok || !counted || !strings.EqualFold(flow.TrimSpace(name), "Content-Length") {
			dst = append(dst, line...)
			continue
		}
		dst = append(append(dst, name...), ": "...)
		dst = strconv.AppendInt(dst, int64(len(data)), 10)
		dst = append(dst, line[len(bytes.TrimRight(line, "\r\n")):]...)
	}
	dst = append(dst, data...)
	return append(dst, raw[end+len(p.Body):]...), nil
}
