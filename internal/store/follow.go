package store

import (
	"context"
	"errors"
	"io"
	"time"

	"midstream/flow"
)

// ErrInterrupted says that midstream stopped while the body passed.
var ErrInterrupted = errors.New("midstream stopped while the body passed")

// Follow reads the body of side from its start, and while the flow lives waits
// for more. It ends with io.EOF when the flow has ended, with ErrInterrupted
// when its writer is gone, and with the cause of ctx. The caller must close it.
func (r *Reader) Follow(ctx context.Context, number uint64, side flow.Side) (io.ReadCloser, error) {
	l, err := r.locate(ctx, number)
	if err != nil {
		return nil, err
	}
	if !l.live {
		b, err := openExtents(r.dir, number, SideOf(side), l.extents[side&1], l.pic.base)
		if err != nil {
			return nil, err
		}
		return &sectionReader{Reader: io.NewSectionReader(b, 0, b.Size()), Closer: b}, nil
	}
	return &follower{
		ctx: ctx, r: r, number: number, side: SideOf(side),
		bodies: newCursor(r.dir, bodiesStream, l.pic.bodiesAt),
		heads:  newCursor(r.dir, headsStream, l.headsEnd),
	}, nil
}

// follower reads a body while it grows. It holds one record in memory.
type follower struct {
	ctx    context.Context
	r      *Reader
	number uint64
	side   Side
	bodies *cursor
	heads  *cursor
	offset int64
	data   []byte
	ended  bool
	dead   bool
}

func (f *follower) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(f.data) == 0 {
		if err := context.Cause(f.ctx); err != nil {
			return 0, err
		}
		got, err := f.advance()
		if err != nil {
			return 0, err
		}
		if got {
			continue
		}
		switch {
		case f.ended:
			return 0, io.EOF
		case f.dead:
			return 0, ErrInterrupted
		}
		if err := f.look(); err != nil {
			return 0, err
		}
		if f.ended || f.dead {
			continue // bodies are written before the end: one more look
		}
		t := time.NewTimer(followEvery)
		select {
		case <-t.C:
		case <-f.ctx.Done():
			t.Stop()
		}
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

// advance takes the next record of the body.
func (f *follower) advance() (bool, error) {
	_, h, p, ok, err := f.bodies.next(func(h header) bool {
		return h.flow == f.number && h.side == f.side && (h.kind == kindPiece || h.kind == kindDrop)
	})
	if err != nil || !ok {
		return false, err
	}
	if h.kind == kindDrop {
		return false, errors.New("the body is not recorded any more: it passes unrecorded from here on")
	}
	q, _, err := parsePieces(p, len(p))
	if err != nil || q.offset != f.offset {
		return false, ErrDamaged
	}
	f.data = q.data
	f.offset += int64(len(q.data))
	return true, nil
}

// look finds out whether the flow has ended or its writer is gone.
func (f *follower) look() error {
	alive := f.r.Live()
	_, _, _, ok, err := f.heads.next(func(h header) bool { return h.kind == kindEnd && h.flow == f.number })
	if err != nil {
		return err
	}
	f.ended, f.dead = ok, !alive
	return nil
}

// Close lets go of the files.
func (f *follower) Close() error {
	f.bodies.close()
	f.heads.close()
	return nil
}
