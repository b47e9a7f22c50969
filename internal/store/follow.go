package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
)

// ErrInterrupted says that midstream stopped while the body passed.
var ErrInterrupted = errors.New("midstream stopped while the body passed")

// A Follower reads a body while it grows. It belongs to one goroutine and must
// be closed. A Read does not cross the end of a piece. Read ends with io.EOF when the flow has ended, with ErrInterrupted
// when its writer is gone, and with the cause of its context.
type Follower struct {
	*follower
	first int64
}

// First is the offset of the first octet that it reads: those before it were
// removed to keep the session within its size.
func (f *Follower) First() int64 { return f.first }

// Time is when the octets that were read last were sent; zero before the first.
func (f *Follower) Time() time.Time { return f.now }

// Follow reads the body of side from the first octet that is there, and while
// the flow lives waits for more.
func (r *Reader) Follow(ctx context.Context, number uint64, side flow.Side) (*Follower, error) {
	return r.FollowFrom(ctx, number, side, 0)
}

// FollowFrom is Follow from offset off on, which must have been recorded.
func (r *Reader) FollowFrom(ctx context.Context, number uint64, side flow.Side, off int64) (*Follower, error) {
	l, err := r.locate(ctx, number)
	if err != nil {
		return nil, err
	}
	b, err := openExtents(r.dir, number, sideOf(side), l.extents[side&1], l.pic.base)
	if err != nil {
		return nil, err
	}
	f := &follower{
		ctx: ctx, r: r, number: number, side: sideOf(side), body: b, offset: max(off, b.First()),
		bodies: r.newBodies(l.bodyEnd),
		heads:  newCursor(r.dir, headsStream, l.headsEnd),
		whole:  !l.live,
	}
	return &Follower{f, b.First()}, nil
}

// follower reads what there was when it began from body, then what comes. It
// holds one record in memory.
type follower struct {
	ctx    context.Context
	r      *Reader
	number uint64
	side   Side
	body   *Body
	bodies *cursor
	heads  *cursor
	offset int64
	data   []byte
	pieces []pieceEnd // of the record in memory
	next   int        // the one of them that is read
	now    time.Time
	whole  bool // nothing comes after body
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
		if f.offset < f.body.Size() {
			left, err := f.recorded()
			if err != nil {
				return 0, err
			}
			n, err := f.body.ReadAt(p[:min(int64(len(p)), left)], f.offset)
			f.offset += int64(n)
			if n > 0 {
				err = nil
			}
			return n, err
		}
		if f.whole {
			return 0, io.EOF
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
	at := f.offset - int64(len(f.data))
	n := copy(p, f.data[:f.piece(at)])
	f.data = f.data[n:]
	return n, nil
}

// pieceEnd is where a piece ends in the body, and when it was sent, in microseconds
// since the flow's base.
type pieceEnd struct{ end, micros int64 }

// table takes the pieces of a record whose octets are that many.
func (f *follower) table(q *pieces, size int) {
	f.pieces, f.next = f.pieces[:0], 0
	q.each(int64(size), func(offset, length, micros int64, _ bool) {
		f.pieces = append(f.pieces, pieceEnd{offset + length, micros})
	})
}

// piece tells how many octets the piece has from at on, in the record in memory, and
// notes its time.
func (f *follower) piece(at int64) int64 {
	for f.next < len(f.pieces) && f.pieces[f.next].end <= at {
		f.next++
	}
	if f.next == len(f.pieces) {
		return 0
	}
	p := f.pieces[f.next]
	f.now = time.UnixMicro(f.body.base + p.micros).UTC()
	return p.end - at
}

// recorded is piece for what lay there when it began.
func (f *follower) recorded() (int64, error) {
	if n := f.piece(f.offset); n > 0 {
		return n, nil
	}
	if err := f.body.load(f.offset); err != nil {
		return 0, err
	}
	f.table(&f.body.piece, len(f.body.data))
	if n := f.piece(f.offset); n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("byte %d of the body: %w", f.offset, ErrDamaged)
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
	switch end := q.offset + int64(len(q.data)); {
	case err != nil:
		return false, fmt.Errorf("byte %d of the body: %w", f.offset, ErrDamaged)
	case end <= f.offset:
		return true, nil // a copy of what was seen
	case q.offset != f.offset:
		return true, f.leap(q.offset)
	}
	f.table(&q, len(q.data))
	f.data = q.data
	f.offset += int64(len(q.data))
	return true, nil
}

// leap goes on with what the body is now, where its next octets went while they
// were not read yet: those of a marked flow have been copied.
func (f *follower) leap(next int64) error {
	l, err := f.r.locate(f.ctx, f.number)
	if err != nil {
		return err
	}
	b, err := openExtents(f.r.dir, f.number, f.side, l.extents[f.side&1], l.pic.base)
	if err != nil {
		return err
	}
	if b.First() > f.offset || b.Size() < next {
		b.Close()
		return fmt.Errorf("bytes %d-%d of the body: %w", f.offset, next-1, ErrEvicted)
	}
	f.body.Close()
	f.bodies.close()
	f.pieces, f.next = f.pieces[:0], 0
	f.body, f.whole = b, !l.live
	f.bodies = f.r.newBodies(l.bodyEnd)
	return nil
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
	f.body.Close()
	f.bodies.close()
	f.heads.close()
	return nil
}
