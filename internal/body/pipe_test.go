package body

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"midstream/flow"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a Reader whose peer sends one piece at a time: send blocks until the
// piece has been read.
type wire struct {
	pieces   chan []byte
	rest     []byte
	trailers flow.Fields

	once   sync.Once
	cancel chan struct{}
	cause  error
}

func newWire() *wire {
	return &wire{pieces: make(chan []byte), cancel: make(chan struct{})}
}

// send blocks until the receiver takes p; false when it was cancelled.
func (w *wire) send(p string) bool {
	select {
	case w.pieces <- []byte(p):
		return true
	case <-w.cancel:
		return false
	}
}

func (w *wire) end() { close(w.pieces) }

func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		select {
		case q, ok := <-w.pieces:
			if !ok {
				return 0, io.EOF
			}
			w.rest = q
		case <-w.cancel:
			return 0, w.cause
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) Ready() bool           { return len(w.rest) > 0 }
func (w *wire) Trailers() flow.Fields { return w.trailers }
func (w *wire) Cancel(cause error) {
	w.once.Do(func() { w.cause = cause; close(w.cancel) })
}

// pieces is a Reader of what has arrived already, one piece a Read.
type pieces struct {
	list [][]byte
	err  error // at the end; nil is io.EOF
}

func piecesOf(list ...string) *pieces {
	p := &pieces{}
	for _, s := range list {
		p.list = append(p.list, []byte(s))
	}
	return p
}

func (r *pieces) Read(p []byte) (int, error) {
	if len(r.list) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		return 0, io.EOF
	}
	n := copy(p, r.list[0])
	if r.list[0] = r.list[0][n:]; len(r.list[0]) == 0 {
		r.list = r.list[1:]
	}
	return n, nil
}

func (r *pieces) Ready() bool           { return true }
func (r *pieces) Trailers() flow.Fields { return flow.Fields{{Name: "t", Value: "v"}} }
func (r *pieces) Cancel(error)          {}

// sink notes what it is given, with a bar where a system call would be.
type sink struct {
	log    bytes.Buffer
	kept   int // by WriteMore, pieces
	max    int // that has been kept, bytes
	inKept int
	fail   error // returned once room bytes were taken
	room   int
}

func (s *sink) WriteMore(p []byte) (int, error) {
	s.kept++
	s.inKept += len(p)
	s.max = max(s.max, s.inKept)
	return s.take(p, "+")
}

func (s *sink) Write(p []byte) (int, error) {
	s.kept, s.inKept = 0, 0
	return s.take(p, "|")
}

func (s *sink) take(p []byte, mark string) (int, error) {
	if s.fail != nil && len(p) > s.room {
		n := s.room
		s.log.Write(p[:n])
		return n, s.fail
	}
	s.room -= len(p)
	s.log.Write(p)
	s.log.WriteString(mark)
	return len(p), nil
}

func (s *sink) Close(flow.Fields) error { return nil }
func (s *sink) Abort(error)             {}

// tap joins what was shown to it.
type tap struct{ bytes.Buffer }

func (t *tap) Sending()       {}
func (t *tap) Piece(p []byte) { t.Write(p) }
func (t *tap) Sent()          {}
