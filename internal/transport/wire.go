package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// wire is the socket below a Conn. Below TLS it serves at most one record a
// call, so that nothing hides in the TLS layer's own buffer and Ready can be
// told. It reads a little ahead, which takes small records in one system call;
// the rest of a large record goes straight to TLS; and it reads far ahead as
// long as octets come faster than they are taken. Waiting, it holds no buffer.
// What is written between Cork and Uncork is joined.
type wire struct {
	net.Conn
	raw syscall.RawConn // nil where waiting without a buffer is not possible

	// Reader's side.
	records bool // TLS is above
	left    int  // octets of the current record that were not served yet
	ahead   *buffer
	r, w    int  // ahead.b[r:w] has been read and not served
	handed  bool // TLS works in the record before r, see record
	moved   bool // what lies here was moved once, see leave
	filled  int  // reads in a row that filled what they were given
	bulk    bool
	readEnd error
	dry     bool // serve only what was read ahead: the socket is not asked
	alert   byte // of an alert that came in the clear; 0 without one
	shakes  bool // the current record asks for a handshake

	try    func(fd uintptr) bool // reads once from fd; made once, so that a read allocates nothing
	tryN   int
	tryErr error
	glance bool                  // try does not wait
	look   func(fd uintptr) bool // tells whether fd has something to read

	// Writer's side.
	poll  func(fd uintptr) bool // tells whether fd takes octets
	now   bool                  // poll says so even when it does not
	takes bool                  // what poll has seen

	// Beside the writer TLS writes: its reader answers a key update (RFC 8446 section
	// 4.6.3), and Close says close_notify. What TLS has sealed must leave in its order.
	out    sync.Mutex // guards what follows
	corked atomic.Bool
	held   *buffer
	h      int
	rest   rest
	put    func(fd uintptr) bool // writes putP without waiting; made once, as try is
	putP   []byte
	putN   int
	putErr error
}

func newWire(nc net.Conn) *wire {
	w := &wire{Conn: nc, raw: rawConn(nc)}
	w.try, w.look, w.poll, w.put = w.tryRead, pollRead, w.pollWrite, w.tryWrite
	w.near()
	return w
}

func (w *wire) buffered() int { return w.w - w.r }

// Read serves what was read ahead, else what the socket gives.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case w.records:
		return w.readRecord(p)
	case w.buffered() > 0:
		return w.serve(p), nil
	case w.readEnd != nil:
		return 0, w.readEnd
	}
	return w.Conn.Read(p)
}

// readRecord serves at most to the end of the TLS record.
func (w *wire) readRecord(p []byte) (int, error) {
	if w.handed {
		w.leave()
	}
	if w.left == 0 {
		if err := w.begin(); err != nil {
			return 0, err
		}
	}
	if w.dry && w.shakes {
		return 0, errDry
	}
	if w.buffered() == 0 && w.bulk && w.takeLarge() {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	p = p[:min(len(p), w.left)]
	if w.buffered() > 0 {
		n := w.serve(p)
		w.left -= n
		return n, nil
	}
	if w.readEnd != nil {
		return 0, w.readEnd
	}
	if w.dry {
		return 0, errDry
	}
	n, err := w.Conn.Read(p)
	if n < len(p) {
		w.filled = 0
	}
	w.left -= n
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.readEnd = err
	}
	return n, err
}

// begin reads the header of the next record.
func (w *wire) begin() error {
	for w.buffered() < recordHeader {
		if err := w.fill(); err != nil {
			if w.buffered() > 0 {
				w.left = w.buffered() // a cut header: TLS says what it thinks of it
				w.shakes = false
				return nil
			}
			return err
		}
	}
	w.left = recordHeader + int(binary.BigEndian.Uint16(w.ahead.b[w.r+3:]))
	w.shakes = w.ahead.b[w.r] == handshakeRecord
	w.noteAlert()
	return nil
}

func (w *wire) serve(p []byte) int {
	n := copy(p, w.ahead.b[w.r:w.w])
	w.r += n
	if w.r == w.w {
		w.release()
	}
	return n
}

// record is the record that begins here, where all of it has been read ahead; else
// nil. Who takes it works in it, and calls handBack when it is done.
func (w *wire) record() []byte {
	if w.left == 0 || w.buffered() < w.left || w.moved {
		return nil
	}
	p := w.ahead.b[w.r : w.r+w.left : w.r+w.left]
	w.r += w.left
	w.left, w.handed = 0, true
	return p
}

// handBack takes a record back, where it is still here.
func (w *wire) handBack() {
	if w.handed && w.r == w.w {
		w.release()
	}
	w.handed = false
}

// leave leaves the buffer to TLS, which wants more and may want to read it to where
// the record was that it has. What lies behind is moved, and not handed over until
// more is read: a peer whose every other record is empty has each octet moved once.
func (w *wire) leave() {
	w.handed, w.moved = false, true
	rest := w.ahead.b[w.r:w.w]
	w.ahead, w.r, w.w = nil, 0, 0
	switch {
	case len(rest) == 0:
	case len(rest) <= smallSize:
		w.ahead = getSmall()
		w.w = copy(w.ahead.b, rest)
	default:
		w.ahead = &buffer{b: bytes.Clone(rest)}
		w.w = len(rest)
	}
}

// ready tells that a whole record is here.
func (w *wire) ready() bool {
	n := w.buffered()
	if w.left > 0 {
		return n >= w.left
	}
	return n >= recordHeader && n >= recordHeader+int(binary.BigEndian.Uint16(w.ahead.b[w.r+3:]))
}

// refill reads once more, without waiting, where octets come faster than they are
// taken: the records of one read seldom end with it, and what has come belongs
// to the same batch.
func (w *wire) refill() {
	if !w.bulk || w.raw == nil || w.dry || w.readEnd != nil || w.buffered() == 0 && !w.takeLarge() {
		return
	}
	w.compact()
	if w.w < len(w.ahead.b) {
		w.tryN, w.tryErr, w.glance = 0, nil, true
		_ = w.raw.Read(w.try) // a deadline, or the end, comes again
		w.glance = false
		if w.tryErr != nil {
			w.readEnd = w.tryError()
		} else if w.tryN > 0 {
			w.w += w.tryN
			w.measure()
		}
	}
	if w.w == 0 && w.ahead != nil {
		w.release()
	}
}

// compact moves what is buffered to the front.
func (w *wire) compact() {
	if w.ahead != nil && w.r > 0 {
		w.w = copy(w.ahead.b, w.ahead.b[w.r:w.w])
		w.r = 0
	}
}

const (
	recordHeader    = 5
	alertRecord     = 21
	handshakeRecord = 22 // up to TLS 1.2: behind the first handshake, a server asks for another
	alertLength     = 2
)

// noteAlert remembers an alert that is not encrypted: OpenSSL sends the reason
// why it refuses a TLS 1.3 certificate so, which crypto/tls cannot read.
func (w *wire) noteAlert() {
	if w.ahead.b[w.r] != alertRecord || w.left != recordHeader+alertLength {
		return
	}
	for w.buffered() < w.left || w.moved {
		if w.fill() != nil {
			return
		}
	}
	w.alert = w.ahead.b[w.r+recordHeader+1]
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
	w.compact()
	w.moved = false
	if w.ahead != nil && w.w == len(w.ahead.b) {
		return errAheadFull
	}
	n, err := w.readSome()
	if n > 0 {
		w.w += n
		w.measure()
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
		return 0, w.tryError()
	}
	return w.tryN, nil
}

func (w *wire) tryError() error {
	return &net.OpError{Op: "read", Net: "tcp", Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: os.NewSyscallError("read", w.tryErr)}
}

// bulkAfter is how many reads in a row must find more than they can take before
// a connection reads far ahead: one response is not worth a large buffer.
const bulkAfter = 3

// measure looks, after a fill, whether octets come faster than they are taken.
func (w *wire) measure() {
	switch {
	case w.w == len(w.ahead.b):
		if w.filled++; w.filled >= bulkAfter {
			w.bulk = true
		}
	case w.bulk && w.w > recordSize:
	default:
		w.filled, w.bulk = 0, false // the large buffer goes to somebody who needs it
	}
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

// takeLarge takes a large buffer. Where there is none left, reading far ahead is
// given up: a small one would cost more calls than none.
func (w *wire) takeLarge() bool {
	w.take()
	if len(w.ahead.b) == largeSize {
		return true
	}
	w.release()
	w.filled, w.bulk = 0, false
	return false
}

func (w *wire) release() {
	w.ahead.put()
	w.ahead, w.r, w.w, w.moved = nil, 0, 0, false
}

// Write sends p, or keeps it while corked.
func (w *wire) Write(p []byte) (int, error) {
	w.out.Lock()
	defer w.out.Unlock()
	if !w.corked.Load() {
		return w.send(p)
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

func (w *wire) cork() { w.corked.Store(true) }

func (w *wire) uncork() error {
	w.out.Lock()
	defer w.out.Unlock()
	w.corked.Store(false)
	err := w.flush()
	if w.held != nil {
		w.held.put()
		w.held = nil
	}
	return err
}

// writable tells whether the socket takes octets at once; where that cannot be
// known it says yes.
func (w *wire) writable() bool {
	if c, ok := w.Conn.(*Conn); ok {
		return c.Writable()
	}
	if w.raw == nil {
		return true
	}
	if w.rest.any() {
		return false
	}
	w.now = true
	if w.raw.Write(w.poll) != nil {
		return true // a Write says what is wrong
	}
	return w.takes
}

// awaitRead waits until there is something to read from the socket.
func (w *wire) awaitRead() {
	if w.left > 0 && w.shakes {
		return // TLS has to read it, and may wait
	}
	if w.records || w.buffered() == 0 {
		_ = w.raw.Read(w.look)
	}
}

// awaitWrite waits until the socket takes octets, without holding any.
func (w *wire) awaitWrite() error {
	if c, ok := w.Conn.(*Conn); ok {
		return c.AwaitWrite()
	}
	if w.raw == nil {
		return nil
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.now = false
	return w.raw.Write(w.poll)
}
