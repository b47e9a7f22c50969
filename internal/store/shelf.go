package store

import (
	"os"

	"midstream/flow"
)

// headShelf reads the heads of many flows, one after the other: it keeps a
// segment open and the connections that were met last. It belongs to one
// goroutine; the zero value is empty.
type headShelf struct {
	file  *os.File
	open  uint32 // the segment that file is
	buf   []byte
	conns map[Pos]*flow.Conn
}

// shelvedConns bounds the connections that are kept.
const shelvedConns = 1024

// picture reads the end record at a position; nil where there is none to be
// had, which somebody else finds the reason of.
func (h *headShelf) picture(dir string, at Pos, number uint64) *picture {
	if at == 0 {
		return nil
	}
	hd, p, ok := h.record(dir, at)
	if !ok || hd.kind != kindEnd || hd.flow != number {
		return nil
	}
	pic, err := decodePicture(p)
	if err != nil || pic.flow.Live() {
		return nil
	}
	pic.flow.Number = number
	if pic.client != 0 {
		pic.flow.Client = h.conn(dir, pic.client)
	}
	if pic.server != 0 {
		pic.flow.Server = h.conn(dir, pic.server)
	}
	return pic
}

func (h *headShelf) conn(dir string, at Pos) *flow.Conn {
	if c, known := h.conns[at]; known {
		return c
	}
	hd, p, ok := h.record(dir, at)
	if !ok || hd.kind != kindConn {
		return nil
	}
	c, err := decodeConn(p)
	if err != nil {
		return nil
	}
	if h.conns == nil || len(h.conns) >= shelvedConns {
		h.conns = make(map[Pos]*flow.Conn)
	}
	h.conns[at] = c
	return c
}

// record reads one record; its payload is valid until the next call.
func (h *headShelf) record(dir string, at Pos) (header, []byte, bool) {
	if h.file == nil || h.open != at.Segment() {
		h.close()
		f, err := os.Open(segmentPath(dir, headsStream, at.Segment()))
		if err != nil {
			return header{}, nil, false
		}
		h.file, h.open = f, at.Segment()
	}
	hd, p, buf, err := readRecord(h.file, at.Offset(), 0, h.buf)
	h.buf = buf
	return hd, p, err == nil
}

func (h *headShelf) close() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
}
