package mitm

import (
	"bufio"
	"fmt"
	"io"

	"midstream/internal/format"
)

// Writer writes flows one behind the other: the file is whole after each.
type Writer struct {
	w       *bufio.Writer
	version int64
}

// NewWriter writes flows of a version that ParseVersion takes.
func NewWriter(w io.Writer, version int64) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10), version: version}
}

// Write writes a flow and tells what the format has no place for.
func (w *Writer) Write(it *format.Item) (lost []string, err error) {
	v, err := state(it)
	if err != nil {
		return nil, fmt.Errorf("write flow %s: %w", it.Flow.ID, err)
	}
	if err := restore(&v, it.Flow.Carried); err != nil {
		return nil, fmt.Errorf("write flow %s: what it carries: %w", it.Flow.ID, err)
	}
	if w.version == Older {
		lost = downgrade(&v)
	}
	if _, err := v.WriteTo(w.w); err != nil {
		return lost, fmt.Errorf("write flow %s: %w", it.Flow.ID, err)
	}
	if err := w.w.Flush(); err != nil {
		return lost, fmt.Errorf("write flow %s: %w", it.Flow.ID, err)
	}
	return lost, nil
}
