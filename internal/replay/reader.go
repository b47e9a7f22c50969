package replay

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/format"
	timedfile "midstream/internal/format/timed"
	"midstream/internal/store"
)

// reader gives a stored body, piece by piece where the record has pieces.
type reader struct {
	src      format.Body
	size     int64
	at       int64
	trailers flow.Fields

	// The pieces, where there are any.
	next func() (store.Piece, error, bool)
	stop func()
	end  int64 // of the present piece

	// clock is told when what is given was sent; nil for nobody.
	clock *atomic.Int64
	// before is called before a piece is given; nil for nothing.
	before func()
	// With a speed, a piece is given when as much time has passed since the first
	// Read as had passed since zero.
	speed Speed
	zero  time.Time
	begun time.Time
	// finish is when the end came; zero for at once.
	finish time.Time

	// broken is how the body ends where it did not end properly, nil where it did.
	broken error

	cancel sync.Once
	cause  error
	gone   chan struct{} // closed when cause is set
}

var _ body.Reader = (*reader)(nil)

// newReader makes a reader; b is nil for no octets. It must be read to its end or
// cancelled by the goroutine that owns it, and let go of with release.
func newReader(b format.Body, trailers flow.Fields) *reader {
	if b == nil {
		b = format.Octets(nil)
	}
	r := &reader{src: b, size: b.Size(), trailers: trailers, gone: make(chan struct{})}
	switch own := b.(type) {
	case *store.Body:
		r.next, r.stop = iter.Pull2(own.Pieces())
	case *timedfile.Body:
		r.next, r.stop = iter.Pull2(stored(own.Pieces()))
		r.finish = own.End()
	default:
		r.end = r.size
	}
	return r
}

// stored are the pieces of a file as those of a session.
func stored(pieces iter.Seq[timedfile.Piece]) iter.Seq2[store.Piece, error] {
	return func(yield func(store.Piece, error) bool) {
		for p := range pieces {
			if !yield(store.Piece{Offset: p.Offset, Len: p.Len, Time: p.Time}, nil) {
				return
			}
		}
	}
}

// release lets go of the pieces. Nothing is read any more.
func (r *reader) release() {
	if r.stop != nil {
		r.stop()
	}
}

func (r *reader) Read(p []byte) (int, error) {
	select {
	case <-r.gone:
		return 0, r.cause
	default:
	}
	if r.begun.IsZero() {
		r.begun = time.Now()
	}
	if r.at >= r.size {
		if r.pending() {
			end := r.finish
			r.finish = time.Time{}
			if err := r.pause(end); err != nil {
				return 0, err
			}
		}
		if r.broken != nil {
			return 0, r.broken
		}
		return 0, io.EOF
	}
	if r.at >= r.end {
		if err := r.advance(); err != nil {
			return 0, err
		}
	}
	if r.before != nil {
		r.before()
	}
	n, err := r.src.ReadAt(p[:min(int64(len(p)), r.end-r.at)], r.at)
	r.at += int64(n)
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return 0, unreadable(err)
}

func unreadable(err error) error {
	return &flow.Error{Phase: flow.InBody, Status: 502, Err: fmt.Errorf("read a recorded body: %w", err)}
}

// advance goes on to the next piece, and waits until it is due.
func (r *reader) advance() error {
	piece, err, ok := r.next()
	if err != nil {
		return unreadable(err)
	}
	if !ok {
		r.end = r.size // what no piece tells of
		return nil
	}
	if r.clock != nil {
		r.clock.Store(piece.Time.UnixNano())
	}
	r.end = min(max(piece.Offset+int64(piece.Len), r.at+1), r.size)
	if r.speed <= 0 {
		return nil
	}
	if r.zero.IsZero() {
		r.zero = piece.Time
	}
	return r.pause(piece.Time)
}

// pending tells that the end is waited for.
func (r *reader) pending() bool { return r.speed > 0 && !r.finish.IsZero() }

// pause waits until what came at a time is due.
func (r *reader) pause(at time.Time) error {
	wait := r.speed.pause(at.Sub(r.zero)) - time.Since(r.begun)
	if wait <= 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.gone:
		return r.cause
	}
}

// Ready is true inside a piece only: pieces that came apart are sent apart.
func (r *reader) Ready() bool { return r.at < r.end || r.at >= r.size && !r.pending() }

func (r *reader) Trailers() flow.Fields { return r.trailers }

func (r *reader) Cancel(cause error) {
	r.cancel.Do(func() {
		if r.cause = cause; cause == nil {
			r.cause = errEnded
		}
		close(r.gone)
	})
}

// framing is how a stored body is delimited; b is nil where it is missing.
func framing(m *flow.Message, b format.Body, without flow.FramingKind) flow.Framing {
	length := m.Fields.Has("Content-Length")
	switch {
	case b == nil && length:
		return flow.Framing{Kind: flow.ByLength, Length: declared(m.Fields)}
	case b == nil:
		return flow.Framing{Kind: flow.Chunked}
	case m.Fields.Has("Transfer-Encoding") || len(m.Trailers) > 0:
		return flow.Framing{Kind: flow.Chunked}
	case length:
		return flow.Framing{Kind: flow.ByLength, Length: b.Size()}
	case b.Size() == 0:
		return flow.Framing{}
	case m.Version >= flow.HTTP2:
		return flow.Framing{Kind: flow.Chunked}
	}
	return flow.Framing{Kind: without}
}

func declared(fs flow.Fields) int64 {
	var n int64
	for _, c := range fs.Get("Content-Length") {
		if c < '0' || c > '9' || n > 1<<58 {
			return 1 // it is there, and no number
		}
		n = 10*n + int64(c-'0')
	}
	return n
}
