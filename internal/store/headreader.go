package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"midstream/flow"
)

// ErrNotFound says that the session has no flow of that number.
var ErrNotFound = errors.New("no such flow")

// readRecordAt reads one whole record of a stream.
func readRecordAt(dir string, stream uint8, at Pos) (header, []byte, error) {
	f, err := os.Open(segmentPath(dir, stream, at.Segment()))
	if err != nil {
		return header{}, nil, err
	}
	defer f.Close()
	h, payload, _, err := readRecord(f, at.Offset(), 0, nil)
	return h, payload, err
}

// trustedRecord is up to which length a record's own word is enough to make
// room for it.
const trustedRecord = 1 << 20

// readRecord reads one whole record of about expect octets into buf, or a larger
// buffer that it returns. The payload is a part of it.
func readRecord(f io.ReaderAt, at int64, expect int, buf []byte) (header, []byte, []byte, error) {
	expect = min(max(expect, 4<<10), trustedRecord)
	if cap(buf) < expect {
		buf = make([]byte, expect)
	}
	buf = buf[:expect]
	n, err := f.ReadAt(buf, at)
	if err != nil && err != io.EOF {
		return header{}, nil, buf, err
	}
	h, err := parseHeader(buf[:n])
	if err != nil {
		return h, nil, buf, errDamage
	}
	if total := h.total(); total > int64(n) {
		if n < len(buf) {
			return h, nil, buf, errDamage // the file ends before the record does
		}
		if total <= trustedRecord {
			buf = append(make([]byte, 0, total), buf...)[:total]
			_, err = f.ReadAt(buf[n:], at+int64(n))
		} else {
			buf, err = io.ReadAll(io.NewSectionReader(f, at, total))
		}
		if err == io.EOF || err == nil && int64(len(buf)) < total {
			err = errDamage
		}
		if err != nil {
			return h, nil, buf, err
		}
		n = len(buf)
	}
	h, payload, err := parseRecord(buf[:n])
	if err != nil {
		return h, nil, buf, errDamage
	}
	return h, payload, buf, nil
}

// readPicture reads the head or end record of a flow.
func readPicture(dir string, at Pos, number uint64) (*picture, error) {
	h, p, err := readRecordAt(dir, headsStream, at)
	if err == nil && (h.kind != kindHead && h.kind != kindEnd || h.flow != number) {
		err = errDamage
	}
	if err != nil {
		return nil, fmt.Errorf("read the head of flow %d at %v: %w", number, at, err)
	}
	pic, err := decodePicture(p)
	if err != nil {
		return nil, fmt.Errorf("read the head of flow %d at %v: %w", number, at, err)
	}
	pic.flow.Number = number
	return pic, nil
}

// resolveConns reads the connections that a picture refers to; one that is not
// there any more stays nil.
func resolveConns(dir string, pic *picture) {
	read := func(at Pos) *flow.Conn {
		if at == 0 {
			return nil
		}
		h, p, err := readRecordAt(dir, headsStream, at)
		if err != nil || h.kind != kindConn {
			return nil
		}
		c, err := decodeConn(p)
		if err != nil {
			return nil
		}
		return c
	}
	if c := read(pic.client); c != nil {
		pic.flow.Client = c
	}
	if c := read(pic.server); c != nil {
		pic.flow.Server = c
	}
}

// named returns the flow of a picture with what a row tells of it: one without a
// request goes by the name of its server.
func (p *picture) named(dir string) *flow.Flow {
	if p.flow.Request == nil {
		resolveConns(dir, p)
	}
	return p.flow
}

// gone tells whether err says that a segment was removed.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
