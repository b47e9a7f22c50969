package pyhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame is
//
//	length of the rest (4, big-endian) · length of the head (4) · head (JSON) · octets
const (
	maxHead  = 64 << 20
	maxFrame = 1 << 30
)

var errFrame = errors.New("malformed frame from the addon process")

// appendFrame appends a frame to dst.
func appendFrame(dst, head []byte, raw ...[]byte) ([]byte, error) {
	n := 4 + len(head)
	for _, p := range raw {
		n += len(p)
	}
	if n > maxFrame || len(head) > maxHead {
		return dst, fmt.Errorf("a message of %d bytes for the addon process is larger than %d", n, maxFrame)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(head)))
	dst = append(dst, head...)
	for _, p := range raw {
		dst = append(dst, p...)
	}
	return dst, nil
}

// readFrame reads one frame; the slices are the caller's. Memory grows as octets
// come, not by what a length claims.
func readFrame(r io.Reader) (head, raw []byte, err error) {
	var sizes [8]byte
	if _, err := io.ReadFull(r, sizes[:]); err != nil {
		return nil, nil, err
	}
	n, h := binary.BigEndian.Uint32(sizes[:4]), binary.BigEndian.Uint32(sizes[4:])
	if n < 4 || n > maxFrame || h > n-4 || h > maxHead {
		return nil, nil, errFrame
	}
	p, err := readN(r, int(n-4))
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, nil, err
	}
	return p[:h:h], p[h:], nil
}

const firstStep = 1 << 20

func readN(r io.Reader, n int) ([]byte, error) {
	p := make([]byte, min(n, firstStep))
	for at := 0; ; {
		if _, err := io.ReadFull(r, p[at:]); err != nil {
			return nil, err
		}
		if len(p) == n {
			return p, nil
		}
		at = len(p)
		more := make([]byte, min(n, 2*len(p)))
		copy(more, p)
		p = more
	}
}
