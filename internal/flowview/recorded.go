package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// recorded is the octets of a body with their times.
type recorded struct {
	io.ReadCloser
	at func() time.Time // when the octets that were read last were about to be sent
}

// open opens the record of a body at the offset from; first is where it begins.
func (q *MessageQuery) open(ctx context.Context, r *store.Reader, f *flow.Flow, from int64) (src recorded, first int64, err error) {
	b := bodyOf(f, q.Side)
	follow := q.Follow && f.Live()
	if b.Record == flow.Unrecorded && !follow && b.Sent > 0 {
		return src, 0, fmt.Errorf("the %s body of flow %d was not recorded: %s", q.Side, q.Number, b.Reason)
	}
	if follow {
		follower, err := r.FollowFrom(ctx, q.Number, q.Side, from)
		if err != nil {
			return src, 0, err
		}
		return recorded{follower, follower.Time}, follower.First(), nil
	}
	body, err := r.Body(ctx, q.Number, q.Side)
	if err != nil {
		return src, 0, err
	}
	table, err := r.Body(ctx, q.Number, q.Side)
	if err != nil {
		body.Close()
		return src, 0, err
	}
	p := newPieceReader(body, table, from)
	return recorded{p, func() time.Time { return p.now }}, body.First(), nil
}

// pieceReader reads a body piece by piece, so that it is known when what has
// been read was sent. A Body keeps one record in memory: the octets are read
// from one, the table of pieces from another.
type pieceReader struct {
	body, table *store.Body
	next        func() (store.Piece, error, bool)
	stop        func()
	from        int64
	left        store.Piece
	now         time.Time
}

func newPieceReader(body, table *store.Body, from int64) *pieceReader {
	p := &pieceReader{body: body, table: table, from: from}
	p.next, p.stop = iter.Pull2(table.PiecesFrom(from))
	return p
}

func (p *pieceReader) Read(buf []byte) (int, error) {
	for p.left.Len == 0 {
		piece, err, ok := p.next()
		if !ok {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		if skip := p.from - piece.Offset; skip > 0 {
			piece.Offset, piece.Len = p.from, piece.Len-int(skip)
		}
		p.left = piece
	}
	p.now = p.left.Time
	n, err := p.body.ReadAt(buf[:min(len(buf), p.left.Len)], p.left.Offset)
	p.left.Offset, p.left.Len = p.left.Offset+int64(n), p.left.Len-n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (p *pieceReader) Close() error {
	p.stop()
	return errors.Join(p.table.Close(), p.body.Close())
}
