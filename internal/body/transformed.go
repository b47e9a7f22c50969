package body

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"midstream/flow"
	"midstream/hook"
)

// TransformOptions say how a body is rewritten; the zero value is a good choice.
type TransformOptions struct {
	// PieceSize is the largest piece that the transform is given, in bytes; 0 is
	// 32 KiB, above 1 MiB is 1 MiB.
	PieceSize int
	// KeepsLength breaks the body when the transform has emitted more bytes than
	// it took, or fewer at the end.
	KeepsLength bool
	// Bulk gives the transform up to 128 KiB at once while the body comes fast. It is
	// for bodies without boundaries of their own.
	Bulk bool
	// Buffers lends the buffer that pieces are read into; nil allocates one.
	Buffers *Buffers
}

// maxPieceSize bounds what one call of a transform may be given.
const maxPieceSize = 1 << 20

// Transformed returns src as t rewrites it, what t emits coming one piece a
// Read. t runs only while a Read waits for it, and stands still inside emit
// until the piece has been taken: nothing is queued, and memory is one piece.
// An error of t, and its panic, breaks the body.
//
// The caller must read the returned Reader to its end, or an error, or cancel
// it; else t is left behind standing. Cancel ends the context that t was given.
func Transformed(ctx context.Context, src Reader, t hook.Transform, opt TransformOptions) Reader {
	r := &transformed{src: src, t: t, opt: opt}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.next, r.stop = iter.Pull(r.run)
	return r
}

// transformed runs the transform as a coroutine: Read switches to it and emit
// switches back, on one thread, without a queue and without a lock of its own.
type transformed struct {
	src    Reader
	t      hook.Transform
	opt    TransformOptions
	ctx    context.Context // of this one body, for its transform
	cancel context.CancelCauseFunc
	next   func() ([]byte, bool)
	stop   func()

	rest    []byte // of the piece being handed out
	err     error  // how the body ended
	in, out int64
	stopped bool

	mu    sync.Mutex
	busy  bool  // guarded by mu: the coroutine runs, or is being stopped
	ended bool  // guarded by mu: the coroutine has ended
	cause error // guarded by mu: why Cancel was called
}

var (
	errStopped   = errors.New("the body is not wanted any more")
	errTooMuch   = errors.New("the transform promised to keep the length and emitted more than it took")
	errTooLittle = errors.New("the transform promised to keep the length and emitted less than it took")
)

// Read implements Reader.
func (r *transformed) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if err := r.resume(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// resume runs the transform until it emits a piece or the body ends.
func (r *transformed) resume() error {
	r.mu.Lock()
	if r.cause != nil || r.ended {
		defer r.mu.Unlock()
		if r.cause != nil {
			return r.cause
		}
		return r.err
	}
	r.busy = true
	r.mu.Unlock()

	piece, ok := r.next()

	r.mu.Lock()
	cause := r.cause
	r.busy = ok && cause != nil
	r.ended = !ok
	r.mu.Unlock()
	switch {
	case ok && cause != nil:
		r.letGo()
		return cause
	case cause != nil:
		return cause
	case !ok:
		return r.err
	}
	r.rest = piece
	return nil
}

// letGo makes a transform that stands in emit return. The caller has set busy,
// so nobody else runs the coroutine; no lock is held, since the transform may
// call Cancel.
func (r *transformed) letGo() {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy, r.ended = false, true
}

// run is the coroutine.
func (r *transformed) run(yield func([]byte) bool) {
	buf := r.buffer()
	defer func() { r.opt.Buffers.give(buf[:cap(buf)]) }()
	full := 0 // pieces in a row that have filled buf
	defer func() {
		if p := recover(); p != nil {
			r.err = broken(flow.Unspecified, fmt.Errorf("transform body: panic: %v", p))
		}
		r.cancel(nil)
	}()
	emit := func(q []byte) error {
		if len(q) == 0 {
			return nil
		}
		if r.out += int64(len(q)); r.opt.KeepsLength && r.out > r.in {
			return errTooMuch
		}
		if r.stopped || !yield(q) {
			r.stopped = true
			return errStopped
		}
		return nil
	}
	for {
		n, err := r.read(buf)
		if full++; n < len(buf) {
			full = 0
		}
		if n > 0 {
			r.in += int64(n)
			if terr := r.t.Chunk(r.ctx, buf[:n], emit); terr != nil {
				r.fail(terr)
				return
			}
		}
		if err == io.EOF {
			if terr := r.t.End(r.ctx, emit); terr != nil {
				r.fail(terr)
			} else if r.opt.KeepsLength && r.in != r.out {
				r.fail(errTooLittle)
			} else {
				r.err = io.EOF
			}
			return
		}
		if err != nil {
			r.err = err
			return
		}
		if r.stopped {
			r.fail(errStopped)
			return
		}
		if r.opt.Bulk && full >= growAfter && len(buf) < largeBuffer {
			if large := r.opt.Buffers.takeLarge(); large != nil {
				r.opt.Buffers.give(buf[:cap(buf)])
				buf = large
			}
			full = 0
		}
	}
}

// read reads a piece; of a body without boundaries as much as has arrived.
func (r *transformed) read(buf []byte) (n int, err error) {
	n, err = r.src.Read(buf)
	for r.opt.Bulk && err == nil && n > 0 && n < len(buf) && r.src.Ready() {
		var more int
		more, err = r.src.Read(buf[n:])
		n += more
		if more == 0 {
			break
		}
	}
	return n, err
}

func (r *transformed) fail(err error) {
	if r.ctx.Err() != nil && errors.Is(err, r.ctx.Err()) {
		r.err = broken(flow.Unspecified, context.Cause(r.ctx))
		return
	}
	r.err = broken(flow.Unspecified, fmt.Errorf("transform body: %w", err))
}

func (r *transformed) buffer() []byte {
	size := r.opt.PieceSize
	if size <= 0 {
		size = PieceSize
	}
	if size <= smallBuffer {
		return r.opt.Buffers.take(smallBuffer)[:size]
	}
	return make([]byte, min(size, maxPieceSize))
}

// Prompt is a hook.Transform that can tell that it has nothing to do that may take
// time.
type Prompt interface {
	// Prompt tells, of a transform that stands inside emit, that it will not wait for
	// anything until Chunk returns, nor then in End, as far as it can know: what it
	// has emitted can be kept meanwhile, to leave with the end of the body.
	Prompt() bool
}

// prompt tells that the end of the body has come and the transform makes of it what
// it does without waiting: it may run ahead.
func (r *transformed) prompt() bool {
	t, ok := r.t.(Prompt)
	return ok && len(r.rest) == 0 && !r.isEnded() && Over(r.src) && t.Prompt()
}

func (r *transformed) isEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended || r.cause != nil
}

// Ready implements Reader: a transform may swallow what has arrived, so only
// what it has emitted is certain, and the end.
func (r *transformed) Ready() bool { return len(r.rest) > 0 || r.prompt() }

// Over implements Ender.
func (r *transformed) Over() bool {
	if r.prompt() {
		_ = r.resume() // it comes again
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rest) == 0 && r.ended && r.cause == nil && r.err == io.EOF
}

// Trailers implements Reader.
func (r *transformed) Trailers() flow.Fields { return r.src.Trailers() }

// Cancel implements Reader.
func (r *transformed) Cancel(cause error) {
	r.src.Cancel(cause)
	r.cancel(cause)
	r.mu.Lock()
	if r.ended || r.cause != nil {
		r.mu.Unlock()
		return
	}
	r.cause = cause
	idle := !r.busy
	r.busy = true
	r.mu.Unlock()
	if idle {
		r.letGo()
	}
}
