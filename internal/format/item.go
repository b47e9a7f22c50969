package format

import (
	"io"
	"iter"
	"time"

	"midstream/flow"
)

// Body is the octets of one side of a flow: of a message's body as on the wire,
// transfer coding removed, or of one direction of a tunnel.
type Body interface {
	io.ReaderAt
	Size() int64
}

// Item is a flow with all that it carried.
type Item struct {
	Flow *flow.Flow
	// Bodies by flow.Side; nil where the content is missing. Of an upgraded
	// connection and of a tunnel Messages has what passed; Bodies are the octets
	// of its directions, where the source has those.
	Bodies [2]Body
	// Messages of a WebSocket or a tunnel in the order of their times; nil where
	// there are none. It can be called again.
	Messages iter.Seq2[Message, error]
	// Closing is how a WebSocket ended; nil for everything else.
	Closing *Closing
	// Lost is what the source said that an Item has no place for.
	Lost []string
}

// Message is a message of a WebSocket, or a piece that passed in a tunnel.
type Message struct {
	FromClient bool
	Text       bool // of a WebSocket: text, not binary
	Content    Body
	Time       time.Time
	Dropped    bool // a hook kept it from being sent
	Injected   bool // a hook made it
}

// Closing is the end of a WebSocket.
type Closing struct {
	// ByClient tells who closed first, where Known.
	Known, ByClient bool
	Code            int // 0 where none is known
	Reason          string
	Time            time.Time // zero where it is not known
}

// Octets is a Body in memory.
type Octets []byte

// Size is its length.
func (o Octets) Size() int64 { return int64(len(o)) }

// ReadAt reads from offset off on.
func (o Octets) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(o)) {
		return 0, io.EOF
	}
	n := copy(p, o[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Kept says of b that all its size octets are there.
func Kept(b *flow.Body, size int64) {
	b.Received, b.Sent, b.Ended = size, size, true
	b.Declared = size
	if size > 0 {
		b.Disposition, b.Record, b.Recorded = flow.Tee, flow.Complete, size
	}
}

// Missing says of b that it passed and was not kept.
func Missing(b *flow.Body) {
	b.Disposition, b.Record, b.Declared = flow.Pass, flow.Unrecorded, -1
	b.CutReason = "its content is not in the file"
	b.Ended = true
}
