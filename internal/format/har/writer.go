package har

import (
	"bufio"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/format"
)

// Writer writes a HAR entry by entry. Close must be called: what stands before
// is no JSON without it.
type Writer struct {
	w     *bufio.Writer
	p     printer
	begun bool
	conns map[flow.ID]bool
}

// maxConns bounds the server connections that are remembered, to give the time
// of connecting to the first exchange on each only.
const maxConns = 1 << 16

// NewWriter writes to w. creator and version are what the archive says it was
// made by.
func NewWriter(w io.Writer, creator, version string) *Writer {
	b := bufio.NewWriterSize(w, 64<<10)
	out := &Writer{w: b, p: printer{w: b}, conns: map[flow.ID]bool{}}
	out.p.raw(`{"log":{"version":"1.2","creator":{"name":`).string(creator).raw(`,"version":`).string(version).raw(`,"comment":""},"pages":[],"entries":[`)
	return out
}

// Write writes the entry of an exchange, and tells what a HAR has no place for.
// Flows that are no exchange of HTTP are left out and told.
func (w *Writer) Write(it *format.Item) (lost []string, err error) {
	if it.Flow.Kind != flow.HTTP || it.Flow.Request == nil {
		return []string{"a flow of type " + it.Flow.Kind.String()}, nil
	}
	if w.begun {
		w.p.raw(",")
	}
	w.p.raw("\n")
	w.begun = true
	lost = w.p.entry(it, w.fresh(it.Flow.Server))
	if w.p.err == nil {
		w.p.err = w.w.Flush()
	}
	if w.p.err != nil {
		return lost, fmt.Errorf("write flow %s: %w", it.Flow.ID, w.p.err)
	}
	return lost, nil
}

// fresh tells whether an exchange is the first on its server connection.
func (w *Writer) fresh(c *flow.Conn) bool {
	if c == nil || w.conns[c.ID] {
		return false
	}
	if len(w.conns) == maxConns {
		clear(w.conns)
	}
	w.conns[c.ID] = true
	return true
}

// Close ends the archive; it does not close the file.
func (w *Writer) Close() error {
	w.p.raw("\n]}}\n")
	if w.p.err == nil {
		w.p.err = w.w.Flush()
	}
	if w.p.err != nil {
		return fmt.Errorf("write the end of the archive: %w", w.p.err)
	}
	return nil
}
