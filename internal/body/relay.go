package body

import (
	"context"
	"io"
	"sync"
	"time"

	"midstream/flow"
)

// Tap sees a body as it is sent, from the goroutine that sends it: Sending is called
// before a few pieces are, then Piece for each that was, then Sent. Piece must not
// keep or change p.
type Tap interface {
	Sending()
	Piece(p []byte)
	Sent()
}

// Pacer is a Tap that can be full, so that a body which it holds up holds no
// buffer meanwhile.
type Pacer interface {
	// Full tells whether Piece would have to wait now.
	Full() bool
	// AwaitRoom waits as Piece would.
	AwaitRoom()
}

// RelayOptions say how a body is moved; the zero value is a good choice.
type RelayOptions struct {
	// PieceSize is the largest piece in bytes; what comes in one piece of up to
	// 32 KiB leaves in one. 0 says that the body has no boundaries worth keeping:
	// Relay takes what suits the receiver.
	PieceSize int
	// Buffers lends the buffers; nil allocates one for the body.
	Buffers *Buffers
	// Joined lets the last piece leave with the end, where both have come together
	// and the sink is a LastWriter. The caller closes the sink at once, or lets the
	// piece go by an empty Write.
	Joined bool
	// From and To are the legs that an error which does not say so belongs to.
	From, To flow.Peer
}

const (
	// maxBatch is how much is read ahead, as long as nothing waits, before it
	// is sent.
	maxBatch = 64 << 10
	// maxPieces is how many pieces one batch has at most.
	maxPieces = 64
	// slowWait is how long a receiver takes no more until it counts as slow.
	slowWait = 5 * time.Millisecond
	// growAfter full reads a body gets a large buffer, one whose receiver was slow
	// after slowReads more; shrinkAfter short ones it goes back.
	slowReads   = 16
	growAfter   = 2
	shrinkAfter = 8
	// leastRoom is how much room a Read into what is left of a buffer needs.
	leastRoom = 4 << 10
	// maxEmptyReads bounds how often a reader may give nothing.
	maxEmptyReads = 100
)

// Waiter is a Sink that can wait for room before it is given anything, so that a
// body whose receiver is slow holds no buffer.
type Waiter interface {
	// Writable tells whether a piece would be taken without waiting long. True
	// is always allowed.
	Writable() bool
	// AwaitWrite returns when Writable is true or the sink is broken; a Write
	// says what is wrong then.
	AwaitWrite()
	// WriteRoom is Write, but what the receiver has no room for may be kept until
	// AwaitWrite, Settle, a Write or Close. Who calls it calls one of them next.
	WriteRoom(p []byte) (int, error)
	// Settle returns when nothing is kept or the sink is broken.
	Settle()
}

// LastWriter is a Sink that can send a piece and the end of the body as one.
type LastWriter interface {
	// WriteLast is Write for a piece behind which the body ends. It is on its way as
	// after a Write, but may wait for Close, or an empty Write.
	WriteLast(p []byte) (int, error)
}

// Relay moves a body from src to dst until src ends, and returns how many bytes
// dst took. Each piece is written to dst first and then given to tap, which may
// be nil. What src has Ready is sent together with what came before it; nothing
// that has arrived ever waits for something that has not.
//
// At the proper end of src it returns nil and leaves dst open, with nothing
// kept back in it unless that was asked for: the end of the body is the caller's to send. Otherwise the
// error is a *ReadError, a *WriteError, or the cause of ctx, which is looked at
// between pieces: to interrupt a Read or Write that waits the caller calls
// src.Cancel and dst.Abort. A transfer costs no allocation per piece.
func Relay(ctx context.Context, dst Sink, src Reader, tap Tap, opt RelayOptions) (n int64, err error) {
	usual := smallBuffer
	if opt.PieceSize == 0 {
		usual = lengthBuffer
	}
	buf := opt.Buffers.take(usual)
	defer func() { opt.Buffers.give(buf) }()
	waiter, _ := dst.(Waiter)
	pacer, _ := tap.(Pacer)
	b := batches.Get().(*batch)
	defer batches.Put(b)
	full, short := 0, 0
	for {
		if waiter != nil && n > 0 && !waiter.Writable() {
			size := len(buf)
			opt.Buffers.give(buf)
			began := time.Now()
			waiter.AwaitWrite()
			if time.Since(began) >= slowWait {
				full, short, size = -slowReads, 0, usual
			}
			buf = opt.Buffers.take(size)
		}
		if pacer != nil && pacer.Full() {
			size := len(buf)
			opt.Buffers.give(buf)
			pacer.AwaitRoom()
			buf = opt.Buffers.take(size)
		}
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		rerr := b.fill(src, buf, opt.PieceSize)
		sent, err := b.send(dst, waiter, tap, buf, opt.Joined && rerr == io.EOF)
		n += sent
		if err != nil {
			return n, &WriteError{asFlow(err, opt.To)}
		}
		if rerr != nil && waiter != nil {
			waiter.Settle()
		}
		if rerr == io.EOF {
			return n, nil
		}
		if rerr != nil {
			return n, &ReadError{asFlow(rerr, opt.From)}
		}
		if sent >= int64(min(PieceSize, usual)) {
			full, short = full+1, 0
		} else {
			full, short = 0, short+1
		}
		switch {
		case full == growAfter && len(buf) == usual:
			if large := opt.Buffers.takeLarge(); large != nil {
				opt.Buffers.give(buf)
				buf = large
			}
		case short >= shrinkAfter && len(buf) == largeBuffer:
			small := opt.Buffers.take(usual)
			opt.Buffers.give(buf)
			buf = small
		}
	}
}

// batch is the pieces that are in the buffer.
type batch struct {
	ends  [maxPieces]int32 // where in the buffer each piece ends
	count int
	spare [1]byte // for the Read that brings nothing but the end
}

// batches lends them: who waits for a slow peer keeps little on its stack.
var batches = sync.Pool{New: func() any { return new(batch) }}

// fill reads one piece, waiting for it, and more as long as they are ready and
// have room. Its error is that of the last Read; there may be pieces with it.
func (b *batch) fill(src Reader, buf []byte, size int) error {
	room := min(size, PieceSize) // what a further piece needs to come uncut
	if size <= 0 {
		size, room = len(buf), min(leastRoom, len(buf))
	}
	size = min(size, len(buf))
	off, empty := 0, 0
	b.count = 0
	for {
		n, err := src.Read(buf[off:min(off+size, len(buf))])
		if n > 0 {
			off += n
			b.ends[b.count] = int32(off)
			b.count++
		}
		if err != nil {
			return err
		}
		if n == 0 {
			if empty++; empty == maxEmptyReads {
				return io.ErrNoProgress
			}
		}
		if b.count == 0 {
			continue
		}
		if !src.Ready() {
			return nil
		}
		if off >= maxBatch || b.count == maxPieces || len(buf)-off < room {
			if Over(src) { // there is room for an end in any case
				_, err = src.Read(b.spare[:])
			}
			return err
		}
	}
}

// send writes the pieces and then shows to tap what was sent. last says that the
// end follows.
func (b *batch) send(dst Sink, waiter Waiter, tap Tap, buf []byte, last bool) (sent int64, err error) {
	start, done := 0, 0
	if tap != nil && b.count > 0 {
		tap.Sending()
		defer tap.Sent()
	}
	for i := range b.count {
		p := buf[start:b.ends[i]]
		var n int
		switch ender, ok := dst.(LastWriter); {
		case i < b.count-1:
			n, err = dst.WriteMore(p)
		case last && ok:
			n, err = ender.WriteLast(p)
		case waiter != nil:
			n, err = waiter.WriteRoom(p)
		default:
			n, err = dst.Write(p)
		}
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		if err != nil {
			// Only bytes of this piece prove that those before it have left.
			if done = 0; n > 0 {
				done = start + min(n, len(p))
			}
			break
		}
		start = int(b.ends[i])
		done = start
	}
	if tap != nil {
		start = 0
		for i := 0; i < b.count && start < done; i++ {
			end := min(int(b.ends[i]), done)
			tap.Piece(buf[start:end])
			start = end
		}
	}
	return int64(done), err
}
