package body

import (
	"bytes"
	"context"

	"midstream/hook"
)

// maxLine bounds what Lines collects of one line.
const maxLine = 64 << 10

// Lines returns a transform of one body that gives fn each line with its line
// feed and puts what fn returns in its place; nothing takes the line away. The
// last line may be without a line feed. A line longer than 64 KiB comes in
// parts of that size. A line that is not complete is held back. fn must not
// keep line; what it returns is used before it is called again.
func Lines(fn func(line []byte) ([]byte, error)) hook.Transform {
	return &lines{fn: fn}
}

type lines struct {
	fn   func([]byte) ([]byte, error)
	held []byte // the beginning of a line, less than maxLine bytes
	out  []byte
}

func (l *lines) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		n := i + 1
		if i < 0 {
			n = len(p)
		}
		n = min(n, maxLine-len(l.held))
		part := p[:n]
		p = p[n:]
		whole := part[n-1] == '\n' || len(l.held)+n == maxLine
		if !whole || len(l.held) > 0 {
			l.held = append(l.held, part...)
			part = l.held
		}
		if !whole {
			break
		}
		if err := l.line(part, emit); err != nil {
			return err
		}
		l.held = l.held[:0]
	}
	return l.flush(emit)
}

func (l *lines) line(p []byte, emit func([]byte) error) error {
	q, err := l.fn(p)
	if err != nil {
		return err
	}
	if l.out = append(l.out, q...); len(l.out) >= PieceSize {
		return l.flush(emit)
	}
	return nil
}

func (l *lines) flush(emit func([]byte) error) error {
	if len(l.out) == 0 {
		return nil
	}
	err := emit(l.out)
	l.out = l.out[:0]
	return err
}

func (l *lines) End(_ context.Context, emit func([]byte) error) error {
	if len(l.held) > 0 {
		if err := l.line(l.held, emit); err != nil {
			return err
		}
		l.held = nil
	}
	return l.flush(emit)
}
