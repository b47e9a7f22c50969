package body

import (
	"io"

	"midstream/flow"
)

// Reader gives the bytes of one body as they come from the wire, the transfer
// coding removed. It belongs to one goroutine; only Cancel may be called from
// others. Whoever owns it reads it to io.EOF or another error, or cancels it.
type Reader interface {
	// Read returns what has arrived, at least one byte, without waiting for p
	// to be full. It never crosses the boundary of a chunk or DATA frame: a
	// chunk that fits p comes in one call when all of it has arrived. io.EOF
	// means that the body came to its proper end; any other error is a
	// *flow.Error and means that it is broken. n > 0 comes with a nil error.
	Read(p []byte) (n int, err error)
	// Ready tells that a Read would return at once, without waiting for the
	// peer. False is always allowed.
	Ready() bool
	// Trailers returns the trailer section; valid after io.EOF.
	Trailers() flow.Fields
	// Cancel tells the peer that no more of the body is wanted, and makes a
	// Read that waits return cause. It may be called more than once and after
	// the end, where it does nothing.
	Cancel(cause error)
}

// Ender is a Reader that can tell that it has given the last byte. It belongs to the
// goroutine that reads.
type Ender interface {
	// Over tells that the body has come to its proper end and all of it was read:
	// the next Read returns io.EOF at once. False is always allowed.
	Over() bool
}

// Over tells what an Ender does; false of another Reader.
func Over(r Reader) bool {
	e, ok := r.(Ender)
	return ok && e.Over()
}

// Sink takes the bytes of one body. It belongs to one goroutine; only Abort
// may be called from others.
type Sink interface {
	// Write sends p as one piece (one chunk, one DATA frame where it fits) and
	// everything that WriteMore kept before it, and returns when the transport
	// has taken it: blocking here is the backpressure. Errors are *flow.Error.
	Write(p []byte) (n int, err error)
	// WriteMore is Write for a piece that is certain to be followed at once by
	// another Write, WriteMore, Close or Abort: the sink may keep a copy to
	// send both in one system call. It keeps at most 64 KiB.
	WriteMore(p []byte) (n int, err error)
	// Close ends the body properly, with trailers where the framing has room
	// for them.
	Close(trailers flow.Fields) error
	// Abort ends the body as a broken one, visibly for the peer, after sending
	// what WriteMore kept. It may be called after Close, where it does nothing.
	Abort(cause error)
}

// Duplex is a raw connection: both directions, a half-close, and an end that
// the peer sees as a failure.
type Duplex interface {
	io.ReadWriteCloser
	CloseWrite() error
	// Reset closes so that the peer sees a failure (TCP reset, RST_STREAM).
	Reset() error
}
