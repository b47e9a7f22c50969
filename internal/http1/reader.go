package http1

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"midstream/flow"
	"midstream/internal/fault"
)

// reader gives the octets of one body. It implements body.Reader.
type reader struct {
	src      *source
	side     flow.Side
	from     string // "client 10.0.0.1:5000", for error texts
	framing  flow.Framing
	left     int64         // of a body by length
	taken    atomic.Int64  // of a body by length
	dec      *chunkDecoder // of one in chunks
	received int64
	err      error // what Read says from now on
	complete bool  // the body came to its proper end on the wire
	broken   bool  // its end cannot be found any more
	findings notes
	owner    readerOwner

	mu    sync.Mutex
	cause error // what Cancel was given
	over  bool  // Cancel has nothing to do any more
}

// readerOwner is the Stream or Call that a body belongs to.
type readerOwner interface {
	// readerEnded is called by Read or Ready when the body is complete or broken.
	readerEnded()
	// interruptRead makes a Read that waits return, because of cause.
	interruptRead(cause error)
	// givenUp is why this side closed the connection on purpose, or nil.
	givenUp() error
}

// prepare makes Cancel work; start, later, makes Read work.
func (r *reader) prepare(owner readerOwner, src *source, side flow.Side, from string) {
	r.owner, r.src, r.side, r.from = owner, src, side, from
}

func (r *reader) start(f flow.Framing, p Profile, l Limits) {
	r.framing, r.left = f, f.Length
	if f.Kind == flow.Chunked {
		r.dec = &chunkDecoder{side: r.side, profile: p, limits: l}
	}
	if f.Empty() {
		r.err, r.complete = io.EOF, true
		r.retire()
	}
}

// Read implements body.Reader. It uses all of p as scratch space.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if cause := r.cancelled(); cause != nil {
		r.err = cause
		return 0, cause
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, boundary, err := r.some(p)
	// More of the same chunk, or of a body without chunks, where it is here.
	for err == nil && !boundary && n < len(p) && r.src.ready() {
		var m int
		m, boundary, err = r.some(p[n:])
		n += m
	}
	r.received += int64(n)
	if err != nil {
		r.end(err)
		if n == 0 {
			return 0, r.err
		}
	}
	return n, nil
}

// some reads from the wire once. boundary tells that a chunk ended with what was
// read. With n > 0 an error is what the next call would return.
func (r *reader) some(p []byte) (n int, boundary bool, err error) {
	switch r.framing.Kind {
	case flow.ByLength:
		n, err = r.src.read(p, int(min(r.left, int64(len(p)))))
		r.taken.Add(int64(n))
		if r.left -= int64(n); r.left == 0 && err == nil {
			err = io.EOF
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, false, err
	case flow.Chunked:
		for r.dec.state != chunkData {
			if err := r.frame(true); err != nil {
				return 0, false, err
			}
		}
		n, err = r.src.read(p, int(min(r.dec.left, int64(len(p)))))
		if n > 0 {
			r.dec.took(int64(n))
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, r.dec.state != chunkData, err
	}
	n, err = r.src.read(p, len(p))
	return n, false, err
}

// frame lets the decoder consume what is buffered, after filling the buffer
// where it is empty and wait is set. io.EOF is the end of the body.
func (r *reader) frame(wait bool) error {
	b := r.src.buffered()
	if len(b) == 0 {
		if !wait && !r.src.ready() {
			return nil
		}
		if err := r.src.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		b = r.src.buffered()
	}
	n, err := r.dec.next(b)
	r.src.consume(n)
	if err == nil && r.dec.done() {
		err = io.EOF
	}
	return err
}

// Ready implements body.Reader. Chunk framing that has arrived is consumed, so
// that true means data or an end, not a size line.
func (r *reader) Ready() bool {
	if r.err != nil {
		return true
	}
	for r.framing.Kind == flow.Chunked && r.dec.state != chunkData {
		if !r.src.ready() {
			return false
		}
		if err := r.frame(false); err != nil {
			r.end(err)
			return true
		}
	}
	return r.src.ready()
}

// Over implements body.Ender.
func (r *reader) Over() bool { return r.err == io.EOF }

// end settles what Read says from now on.
func (r *reader) end(err error) {
	_, decoder := errors.AsType[*flow.Error](err)
	cause := r.cancelled()
	if cause == nil {
		cause = r.owner.givenUp()
	}
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	switch {
	case err == io.EOF:
		r.complete, r.err = true, io.EOF
		if r.framing.Kind == flow.UntilClose && endedUnnotified(r.src.conn) {
			r.findings.add(NoCloseNotify, "the %s body ended with the connection, without the close_notify of TLS; it may have been cut", r.side)
		}
	case cause != nil:
		r.err = cause
		return // the server may still find its end, see drain
	case decoder:
		r.broken, r.err = true, from(err, r.from)
	default:
		r.broken = true
		r.err = ioError(r.peer(), flow.InBody, err, "read "+r.side.String()+" body from "+r.from, r.progress())
	}
	r.owner.readerEnded()
}

func (r *reader) peer() flow.Peer {
	if r.side == flow.ToServer {
		return flow.AtClient
	}
	return flow.AtServer
}

// progress says how far the body came.
func (r *reader) progress() string {
	switch r.framing.Kind {
	case flow.ByLength:
		return fmt.Sprintf("after %d of %d octets", r.received, r.framing.Length)
	case flow.Chunked:
		return fmt.Sprintf("after %d octets, before the last chunk", r.received)
	}
	return fmt.Sprintf("after %d octets", r.received)
}

// Trailers implements body.Reader.
func (r *reader) Trailers() flow.Fields {
	if r.dec == nil {
		return nil
	}
	return r.dec.fields
}

// Findings returns what was repaired in the body; valid after its end.
func (r *reader) Findings() []flow.Finding {
	if r.dec == nil {
		return r.findings
	}
	return append(r.dec.findings, r.findings...)
}

// Cancel implements body.Reader.
func (r *reader) Cancel(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.cause != nil {
		return
	}
	r.cause = fault.Given(cause, r.peer(), flow.InBody, "read "+r.side.String()+" body from "+r.from)
	r.owner.interruptRead(r.cause)
}

func (r *reader) cancelled() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cause
}

// retire makes Cancel do nothing any more.
func (r *reader) retire() {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
}

// drain reads what is left of the body and throws it away, at most most octets,
// and tells whether that was all of it.
func (r *reader) drain(most int) bool {
	var p [bufferSize]byte
	for !r.complete && !r.broken && most > 0 {
		n, _, err := r.some(p[:])
		most -= n
		if err != nil {
			r.complete, r.broken = err == io.EOF, err != io.EOF
		}
	}
	return r.complete
}
