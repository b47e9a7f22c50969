package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// wire is the socket below a Conn. It reads ahead, serves one TLS record a
// call when TLS is above it (so that nothing hides in the TLS layer's own
// buffer and Ready can be told), and joins what is written between Cork and
// Uncork.
type wire struct {
	net.Conn
	raw syscall.RawConn // nil where waiting without a buffer is not possible

	// Reader's side.
	records bool
	left    int // octets of the current record that were not served yet
	ahead   *buffer
	r, w    int // ahead.b[r:w] has been read and not served
	bulk    bool
	readEnd error
	dry     bool // serve only what was read ahead: the socket is not asked
	alert   byte // of an alert that came in the clear; 0 without one

	try    func(fd uintptr) bool // reads once from fd; made once, so that a read allocates nothing
	tryN   int
	tryErr error

	// Writer's side.
	corked bool
	held   *buffer
	h      int
}

func newWire(nc net.Conn) *wire {
	w := &wire{Conn: nc, raw: rawConn(nc)}
	w.try = w.tryRead
	return w
}

func (w *wire) buffered() int { return w.w - w.r }

// Read serves what was read ahead, at most to the end of the TLS record.
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !w.records && w.buffered() == 0 {
		if w.readEnd != nil {
			return 0, w.readEnd
		}
		return w.Conn.Read(p)
	}
	if w.records && w.left == 0 {
		for w.buffered() < recordHeader {
			if err := w.fill(); err != nil {
				if w.buffered() > 0 {
					break // a cut header: TLS says what it thinks of it
				}
				return 0, err
			}
		}
		if w.buffered() >= recordHeader {
			w.left = recordHeader + int(binary.BigEndian.Uint16(w.ahead.b[w.r+3:]))
			w.noteAlert()
		} else {
			w.left = w.buffered()
		}
	}
	if w.buffered() == 0 {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	have := w.ahead.b[w.r:w.w]
	if w.records && len(have) > w.left {
		have = have[:w.left]
	}
	n := copy(p, have)
	w.r += n
	if w.records {
		w.left -= n
	}
	if w.r == w.w {
		w.release()
	}
	return n, nil
}

const (
	recordHeader = 5
	alertRecord  = 21
	alertLength  = 2
)

// noteAlert remembers an alert that is not encrypted: OpenSSL sends the reason
// why it refuses a TLS 1.3 certificate so, which crypto/tls cannot read.
func (w *wire) noteAlert() {
	if w.ahead.b[w.r] != alertRecord || w.left != recordHeader+alertLength {
		return
	}
	for w.buffered() < w.left {
		if w.fill() != nil {
			return
		}
	}
	w.alert = w.ahead.b[w.r+recordHeader+1]
}

// ready tells that a whole TLS record (or, without TLS, any octet) is here.
func (w *wire) ready() bool {
	n := w.buffered()
	if !w.records || n == 0 {
		return n > 0
	}
	if w.left > 0 {
		return n >= w.left
	}
	return n >= recordHeader && n >= recordHeader+int(binary.BigEndian.Uint16(w.ahead.b[w.r+3:]))
}

// errDry is what a dry Read gives when it would have to wait. It passes through
// crypto/tls as a timeout does, and leaves the connection usable.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "transport: nothing has been read ahead" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// fill reads once from the socket, behind what is buffered.
func (w *wire) fill() error {
	if w.dry {
		return errDry
	}
	if w.readEnd != nil {
		return w.readEnd
	}
	if w.ahead != nil && w.r > 0 {
		w.w = copy(w.ahead.b, w.ahead.b[w.r:w.w])
		w.r = 0
	}
	if w.ahead != nil && w.w == len(w.ahead.b) {
		return errAheadFull
	}
	n, err := w.readSome()
	if n > 0 {
		w.w += n
		// A read that filled the buffer says that more is waiting: take the large
		// one next time; one that would have fitted the small one gives it up.
		w.bulk = w.w == len(w.ahead.b) || w.bulk && w.w > smallSize/2
		return nil
	}
	if w.ahead != nil && w.w == 0 {
		w.release()
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		w.readEnd = err
	}
	return err
}

var errAheadFull = errors.New("transport: read-ahead buffer is full")

func (w *wire) readSome() (int, error) {
	if w.raw == nil {
		w.take()
		return w.Conn.Read(w.ahead.b[w.w:])
	}
	w.tryN, w.tryErr = 0, nil
	if err := w.raw.Read(w.try); err != nil {
		return 0, err
	}
	if w.tryN == 0 && w.tryErr == nil {
		return 0, io.EOF
	}
	if w.tryErr != nil {
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: os.NewSyscallError("read", w.tryErr)}
	}
	return w.tryN, nil
}

func (w *wire) take() {
	if w.ahead != nil {
		return
	}
	if w.bulk {
		w.ahead = getLarge()
	} else {
		w.ahead = getSmall()
	}
}

func (w *wire) release() {
	w.ahead.put()
	w.ahead, w.r, w.w = nil, 0, 0
}

// Write sends p, or keeps it while corked.
func (w *wire) Write(p []byte) (int, error) {
	if !w.corked {
		return w.Conn.Write(p)
	}
	total := len(p)
	for len(p) > 0 {
		if w.held == nil {
			w.held = getLarge()
		}
		n := copy(w.held.b[w.h:], p)
		w.h += n
		p = p[n:]
		if w.h == len(w.held.b) {
			if err := w.flush(); err != nil {
				return total - len(p), err
			}
		}
	}
	return total, nil
}

func (w *wire) flush() error {
	if w.h == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.held.b[:w.h])
	w.h = 0
	return err
}

func (w *wire) cork() { w.corked = true }

func (w *wire) uncork() error {
	w.corked = false
	err := w.flush()
	if w.held != nil {
		w.held.put()
		w.held = nil
	}
	return err
}
