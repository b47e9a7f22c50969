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
	return readRecord(f, at.Offset())
}

func readRecord(f io.ReaderAt, at int64) (header, []byte, error) {
	p := make([]byte, 4<<10)
	n, err := f.ReadAt(p, at)
	if err != nil && err != io.EOF {
		return header{}, nil, err
	}
	h, err := parseHeader(p[:n])
	if err != nil {
		return h, nil, errDamage
	}
	if h.total() > int64(n) {
		q, err := readGrowing(io.NewSectionReader(f, at, h.total()), h.total())
		if err != nil {
			return h, nil, err
		}
		p, n = q, len(q)
	}
	h, payload, err := parseRecord(p[:n])
	if err != nil {
		return h, nil, errDamage
	}
	return h, payload, nil
}

// readGrowing reads n octets and allocates no more than the file has.
func readGrowing(r io.Reader, n int64) ([]byte, error) {
	p, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(p)) < n {
		return nil, errDamage
	}
	return p, err
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

// gone tells whether err says that a segment was removed.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
