package ws

import (
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"iter"
)

// window is the largest of DEFLATE. What was compressed with a smaller one is
// read with it as well.
const window = 32 << 10

// maxInflated is where the inflating of one message is given up, in octets: by
// then a thousandth of it has been sent.
const maxInflated = 256 << 20

var (
	errInflated = fmt.Errorf("the message inflates to more than %d MiB", maxInflated>>20)
	errDeflate  = errors.New("the message is not what DEFLATE makes")
)

// tail is what senders leave out at the end of a message (RFC 7692 section
// 7.2.1).
var tail = []byte{0, 0, 0xff, 0xff}

// inflater inflates the messages of one direction as their octets come. DEFLATE
// is read by a coroutine that hands over where it needs more.
type inflater struct {
	fresh bool // each message begins without what came before
	out   func([]byte)
	in    []byte
	n     int64  // inflated octets of the message
	last  []byte // what has been inflated last, at least a window if there is
	err   error
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// errStopped ends the coroutine.
var errStopped = errors.New("stopped")

// ReadByte implements io.ByteReader, so that no octet too many is read.
func (f *inflater) ReadByte() (byte, error) {
	for len(f.in) == 0 {
		if !f.yield(struct{}{}) {
			return 0, errStopped
		}
	}
	b := f.in[0]
	f.in = f.in[1:]
	return b, nil
}

func (f *inflater) Read(p []byte) (int, error) {
	for len(f.in) == 0 {
		if !f.yield(struct{}{}) {
			return 0, errStopped
		}
	}
	n := copy(p, f.in)
	f.in = f.in[n:]
	return n, nil
}

// write takes octets of a message.
func (f *inflater) write(p []byte) error {
	if f.err != nil || len(p) == 0 {
		return f.err
	}
	if f.next == nil {
		f.next, f.stop = iter.Pull(iter.Seq[struct{}](f.run))
	}
	f.in = p
	if _, more := f.next(); !more && f.err == nil {
		f.err = errDeflate
	}
	return f.err
}

// end is the end of a message.
func (f *inflater) end() error {
	err := f.write(tail)
	f.n = 0
	if f.fresh {
		f.close()
		f.last, f.err = f.last[:0], nil
	}
	return err
}

// window is what the octets that come may refer to.
func (f *inflater) window() []byte { return f.last[max(0, len(f.last)-window):] }

// close lets go of the coroutine.
func (f *inflater) close() {
	if f.stop != nil {
		f.stop()
	}
	f.next, f.stop = nil, nil
}

func (f *inflater) run(yield func(struct{}) bool) {
	f.yield = yield
	r := flate.NewReaderDict(f, f.window())
	buf := make([]byte, 8<<10)
	for {
		n, err := r.Read(buf)
		if f.n += int64(n); f.n > maxInflated {
			f.err = errInflated
			return
		}
		if n > 0 {
			f.out(buf[:n])
			if f.last = append(f.last, buf[:n]...); len(f.last) >= 2*window {
				f.last = f.last[:copy(f.last, f.window())]
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, errStopped):
			return
		case err == io.EOF:
			// A block may be marked as the last one; the stream goes on behind it with
			// the same window (section 7.2.3.4).
			if err := r.(flate.Resetter).Reset(f, f.window()); err != nil {
				f.err = errDeflate
				return
			}
		default:
			f.err = errDeflate
			return
		}
	}
}
