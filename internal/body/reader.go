package body

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"midstream/flow"
)

// Bytes returns a Reader of the bytes p, which must not change meanwhile.
func Bytes(p []byte) Reader { return From(bytes.NewReader(p), nil) }

// From returns a Reader of r, which is memory or a file: it never waits for a
// peer. trailers are what Trailers returns at its end.
func From(r io.Reader, trailers flow.Fields) Reader {
	return &held{r: r, trailers: trailers}
}

type held struct {
	r        io.Reader
	trailers flow.Fields
	ended    bool
	cause    atomic.Pointer[error]
}

func (h *held) Read(p []byte) (int, error) {
	if h.ended {
		return 0, io.EOF
	}
	if c := h.cause.Load(); c != nil {
		return 0, *c
	}
	for range maxEmptyReads {
		n, err := h.r.Read(p)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil // the error comes again
		case err == io.EOF:
			h.ended = true
			return 0, io.EOF
		case err != nil:
			return 0, broken(flow.Unspecified, err)
		}
	}
	return 0, broken(flow.Unspecified, io.ErrNoProgress)
}

// Over implements Ender where what is read tells how much is left.
func (h *held) Over() bool {
	l, ok := h.r.(interface{ Len() int })
	return ok && l.Len() == 0 && h.cause.Load() == nil
}

func (h *held) Ready() bool           { return true }
func (h *held) Trailers() flow.Fields { return h.trailers }
func (h *held) Cancel(cause error)    { h.cause.CompareAndSwap(nil, &cause) }

// Join returns a Reader of first and then of rest, whose trailers it has; for a
// body that was held and then let go.
func Join(first, rest Reader) Reader { return &joined{first: first, rest: rest} }

type joined struct {
	first, rest Reader
	second      bool
}

func (j *joined) Read(p []byte) (int, error) {
	if !j.second {
		n, err := j.first.Read(p)
		if err != io.EOF {
			return n, err
		}
		j.second = true
	}
	return j.rest.Read(p)
}

// Ready at the seam is that of the first part, whose end may hide a wait.
func (j *joined) Ready() bool {
	if j.second {
		return j.rest.Ready()
	}
	return j.first.Ready() && j.rest.Ready()
}

// Over implements Ender.
func (j *joined) Over() bool { return Over(j.rest) && (j.second || Over(j.first)) }

func (j *joined) Trailers() flow.Fields { return j.rest.Trailers() }

func (j *joined) Cancel(cause error) {
	j.first.Cancel(cause)
	j.rest.Cancel(cause)
}

// ErrUndrained is returned by Drain for a body longer than was allowed.
var ErrUndrained = errors.New("the rest of the body is too long to be read away")

// Drain reads r away, at most limit bytes of it, until ctx ends. It returns nil
// when the body has ended, ErrUndrained when it has not, the cause of ctx, or
// the error that broke the body. When ctx ends it cancels r.
func Drain(ctx context.Context, r Reader, limit int64) (n int64, err error) {
	stop := context.AfterFunc(ctx, func() { r.Cancel(context.Cause(ctx)) })
	defer stop()
	var buf [4 << 10]byte
	for ctx.Err() == nil {
		m, err := r.Read(buf[:])
		n += int64(m)
		switch {
		case err == io.EOF:
			return n, nil
		case ctx.Err() != nil:
			return n, context.Cause(ctx)
		case err != nil:
			return n, err
		case n > limit:
			return n, ErrUndrained
		}
	}
	return n, context.Cause(ctx)
}
