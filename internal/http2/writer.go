package http2

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// queueLimit is how much waits to be written before who sends a body waits.
	queueLimit = 64 << 10
	// controlLimit is how much more may wait of frames that nobody waits for: a
	// peer that makes us answer and does not read what we say is cut off.
	controlLimit = 256 << 10
	// pieceLimit is how much of a body is taken into the queue at a time, so that
	// streams share the connection.
	pieceLimit = 32 << 10
	// outSize has room for a full queue and one piece.
	outSize = queueLimit + pieceLimit + 4<<10
	// corkFrom is from where several TLS records are joined in one system call.
	corkFrom = 16 << 10
)

var outBuffers = sync.Pool{New: func() any { return &outBuffer{b: make([]byte, 0, outSize)} }}

type outBuffer struct{ b []byte }

// Write takes what the Framer writes.
func (o *outBuffer) Write(p []byte) (int, error) {
	o.b = append(o.b, p...)
	return len(p), nil
}

// writer has the frames of a connection on their way out. What is queued when
// it is free to write leaves in one write; nothing waits for more to come.
type writer struct {
	nc      Conn
	secured bool

	mu   sync.Mutex // guards all below
	wake sync.Cond  // something is to be written
	room sync.Cond  // there is room in the queue
	out  *outBuffer // nil while nothing is queued
	fr   *h2.Framer // writes into out
	enc  *hpack.Encoder
	buf  bytes.Buffer // of the block that is being encoded
	max  int          // the largest frame that the peer takes

	err       error // why no more can be written
	finishing bool  // close when all is written
	asleep    bool
	full      int // who waits for room
}

func (w *writer) init(nc Conn) {
	w.nc, w.secured, w.max = nc, isSecured(nc), maxFrame
	w.wake.L, w.room.L = &w.mu, &w.mu
	w.enc = hpack.NewEncoder(&w.buf)
	w.enc.SetMaxDynamicTableSizeLimit(maxTable)
	w.fr = h2.NewFramer(writerQueue{w}, nil)
}

// writerQueue is the queue as the Framer writes to it. mu is held.
type writerQueue struct{ w *writer }

func (q writerQueue) Write(p []byte) (int, error) { return q.w.queue().Write(p) }

func (w *writer) queue() *outBuffer {
	if w.out == nil {
		w.out = outBuffers.Get().(*outBuffer)
	}
	return w.out
}

func (w *writer) queued() int {
	if w.out == nil {
		return 0
	}
	return len(w.out.b)
}

// run writes what is queued until the connection is finished or broken.
func (w *writer) run() {
	w.mu.Lock()
	for {
		for w.queued() == 0 && !w.finishing && w.err == nil {
			w.asleep = true
			w.wake.Wait()
			w.asleep = false
		}
		if w.err != nil || w.queued() == 0 {
			break
		}
		out := w.out
		w.out = nil
		w.mu.Unlock()
		err := w.write(out.b)
		if cap(out.b) <= 2*outSize {
			out.b = out.b[:0]
			outBuffers.Put(out)
		}
		w.mu.Lock()
		if err != nil && w.err == nil {
			w.err = err
		}
		if w.full > 0 {
			w.room.Broadcast()
		}
	}
	clean := w.err == nil
	if w.err == nil {
		w.err = errFinished
	}
	w.out = nil
	w.room.Broadcast()
	w.mu.Unlock()
	if clean {
		w.nc.CloseWrite() // the peer may still be sending: a close would take GOAWAY from it
		return
	}
	w.nc.Close()
}

func (w *writer) write(p []byte) error {
	if !w.secured || len(p) <= corkFrom {
		_, err := w.nc.Write(p)
		return err
	}
	w.nc.Cork()
	_, err := w.nc.Write(p)
	if err2 := w.nc.Uncork(); err == nil {
		err = err2
	}
	return err
}

// rouse makes the writer write. mu is held.
func (w *writer) rouse() {
	if w.asleep {
		w.wake.Signal()
	}
}

// flush makes the writer write.
func (w *writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queued() > 0 {
		w.rouse()
	}
}

// control queues frames that nobody waits for. It does not wait itself, so the
// read loop can use it.
func (w *writer) control(write func(fr *h2.Framer)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.controlLocked(write)
}

func (w *writer) controlLocked(write func(fr *h2.Framer)) {
	if w.err != nil || w.finishing {
		return
	}
	write(w.fr)
	if w.queued() > queueLimit+pieceLimit+controlLimit {
		w.err = errDeaf
		w.nc.Reset()
	}
	w.rouse()
}

// windowUpdate gives credit.
func (w *writer) windowUpdate(id uint32, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.finishing {
		return
	}
	q := w.queue()
	q.b = append(q.b, 0, 0, 4, byte(h2.FrameWindowUpdate), 0,
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id),
		byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	if len(q.b) > queueLimit+pieceLimit+controlLimit {
		w.err = errDeaf
		w.nc.Reset()
	}
	w.rouse()
}

// urgency says when frames have to leave.
type urgency uint8

const (
	now  urgency = iota
	soon         // with what follows at once
	late         // now, and it does not wait for room
)

// data queues one piece of a body, at most pieceLimit octets, as DATA frames. It
// waits for room in the queue; given tells then that the stream has been given up.
func (w *writer) data(id uint32, p []byte, end bool, u urgency, given func() bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.queued() >= queueLimit && u != late && w.err == nil && !given() {
		w.full++
		w.rouse()
		w.room.Wait()
		w.full--
	}
	if w.err != nil {
		return w.err
	}
	if given() {
		return errGiven
	}
	q := w.queue()
	for {
		n := min(len(p), w.max)
		flags := byte(0)
		if end && n == len(p) {
			flags = byte(h2.FlagDataEndStream)
		}
		q.b = append(q.b, byte(n>>16), byte(n>>8), byte(n), byte(h2.FrameData), flags,
			byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
		q.b = append(q.b, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
	}
	if u != soon {
		w.rouse()
	}
	return nil
}

// encoder puts the fields of one block into the writer.
type encoder interface {
	encode(enc *hpack.Encoder)
}

// priorityOctets is what a priority takes of a HEADERS frame.
const priorityOctets = 5

// fields queues one header block. The blocks of a connection are encoded in the
// order in which they leave, for each depends on those before it. It waits for
// nothing, and a head is bounded: who sends one is about to wait anyway.
func (w *writer) fields(id uint32, e encoder, end bool, u urgency) error {
	return w.fieldsUnless(nil, id, e, end, u)
}

// fieldsOf is fields on a stream that may have been given up meanwhile: nothing
// may follow its reset.
func (w *writer) fieldsOf(st *stream, e encoder, end bool, u urgency) error {
	return w.fieldsUnless(&st.gone, st.id, e, end, u)
}

func (w *writer) fieldsUnless(gone *atomic.Bool, id uint32, e encoder, end bool, u urgency) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if gone != nil && gone.Load() {
		return errGiven
	}
	if w.finishing {
		return errFinished
	}
	w.buf.Reset()
	e.encode(w.enc)
	p := w.buf.Bytes()
	var priority h2.PriorityParam
	if r, ok := e.(requestEncoder); ok {
		priority = r.priority()
	}
	for first := true; first || len(p) > 0; first = false {
		n := min(len(p), w.max)
		if first && !priority.IsZero() {
			n = min(len(p), w.max-priorityOctets)
		}
		last := n == len(p)
		if first {
			w.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: p[:n], EndStream: end, EndHeaders: last, Priority: priority})
		} else {
			w.fr.WriteContinuation(id, last, p[:n])
		}
		p = p[n:]
	}
	if w.buf.Cap() > 16<<10 {
		w.buf = bytes.Buffer{}
	}
	if u == now {
		w.rouse()
	}
	return nil
}

// settings takes over what the peer's SETTINGS ask of a writer.
func (w *writer) settings(s h2.Setting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s.ID {
	case h2.SettingMaxFrameSize:
		w.max = int(min(s.Val, maxFrame))
	case h2.SettingHeaderTableSize:
		w.enc.SetMaxDynamicTableSize(min(s.Val, maxTable))
	}
}

// given wakes who waits for room, to see that a stream was given up.
func (w *writer) given() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full > 0 {
		w.room.Broadcast()
	}
}

// finish queues GOAWAY and ends the connection after what is queued. A peer that
// takes nothing any more does not hold it for longer than lingerTime.
func (w *writer) finish(last uint32, code h2.ErrCode, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && !w.finishing {
		w.fr.WriteGoAway(last, code, []byte(text))
	}
	w.finishing = true
	w.nc.SetWriteDeadline(time.Now().Add(lingerTime))
	w.wake.Signal()
	w.room.Broadcast()
}
