package transport

import (
	"bytes"
	"sync/atomic"
)

// rest is the end of a Write that the socket had no room for. It is kept here, so
// that who wrote it need not hold the whole of what it wrote until there is room: a
// receiver that is slow costs what it has not taken, not two buffers.
type rest struct {
	keep atomic.Bool // what there is no room for is kept; TLS may look meanwhile
	held atomic.Bool // there is something

	p   []byte
	buf *buffer // what p lies in, where it is lent
	err error   // why it could not be sent: the connection is of no more use
}

func (r *rest) any() bool { return r.held.Load() }

// cloneBelow is how much is copied, so that the buffer it lies in is free for others.
const cloneBelow = 32 << 10

// send writes p behind what was kept. Where keep is set it does not wait, and keeps
// what there is no room for. As in all of these but settle, out is held.
func (w *wire) send(p []byte) (int, error) {
	n, err := w.sendNow(p)
	if err != nil || n == len(p) {
		return n, err
	}
	w.retain(bytes.Clone(p[n:]), nil)
	return len(p), nil
}

// flush sends what was held, as send does.
func (w *wire) flush() error {
	if w.h == 0 {
		return nil
	}
	p := w.held.b[:w.h]
	w.h = 0
	n, err := w.sendNow(p)
	switch left := p[n:]; {
	case err != nil || len(left) == 0:
	case len(left) < cloneBelow:
		w.retain(bytes.Clone(left), nil)
	default:
		w.retain(left, w.held)
		w.held = nil
	}
	return err
}

// sendNow writes all of p, or with keep what there is room for.
func (w *wire) sendNow(p []byte) (int, error) {
	if err := w.sendRest(); err != nil {
		return 0, err
	}
	if w.raw == nil {
		return w.Conn.Write(p)
	}
	n, err := w.sendSome(p)
	if err != nil || n == len(p) || w.rest.keep.Load() {
		return n, err
	}
	m, err := w.Conn.Write(p[n:])
	return n + m, err
}

func (w *wire) retain(p []byte, in *buffer) {
	w.rest.p, w.rest.buf = p, in
	w.rest.held.Store(true)
}

// settle waits until what was kept has been sent.
func (w *wire) settle() error {
	if !w.rest.any() {
		return nil
	}
	w.out.Lock()
	defer w.out.Unlock()
	return w.sendRest()
}

func (w *wire) sendRest() error {
	if !w.rest.any() {
		return nil
	}
	if w.rest.p != nil {
		_, w.rest.err = w.Conn.Write(w.rest.p)
		w.rest.buf.put()
		w.rest.p, w.rest.buf = nil, nil
	}
	// After an error it counts as held for ever: every Write says so.
	w.rest.held.Store(w.rest.err != nil)
	return w.rest.err
}
