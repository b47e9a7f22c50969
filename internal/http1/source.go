package http1

import (
	"sync"
	"time"
)

// source is the reading half of a connection: a small buffer, and a watcher
// that keeps a Read pending while nobody else reads, so that the end of the
// connection is seen.
//
//	owner: fill, read ─────────────► Conn.Read
//	watch timer ─► watcher ────────► Conn.Read   (its pending Read becomes the owner's next one)
//
// The owner is one goroutine at a time. The watcher runs only between watch and
// the owner's next need of octets; its Read is never aborted for that.
type source struct {
	conn Conn

	mu       sync.Mutex
	cond     sync.Cond // watching became false
	buf      []byte    // buf[r:w] has been read and not consumed
	lent     *block    // what buf is, where it came from blocks
	r, w     int
	err      error // what Read said after buf[r:w]
	armed    bool  // the watcher may start
	watching bool  // the watcher has a Read pending
	wanted   bool  // the owner waits for the watcher's Read
	timer    *time.Timer
	// once ends the watch after one Read, whatever it brings.
	once bool
	// ended is told, without a lock held and as the watcher's last act, what
	// ended the watch; not when the owner waits for it.
	ended func(n int, err error)
}

func newSource(conn Conn) *source {
	s := &source{conn: conn}
	s.cond.L = &s.mu
	return s
}

// buffered returns the octets that have come and were not consumed. They are
// valid until the next call of fill or read.
func (s *source) buffered() []byte {
	s.mu.Lock()
	b := s.buf[s.r:s.w]
	s.mu.Unlock()
	return b
}

// consume removes n buffered octets.
func (s *source) consume(n int) {
	s.mu.Lock()
	s.r += n
	s.mu.Unlock()
}

// ready tells that fill or read would not wait for the peer.
func (s *source) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r < s.w || s.err != nil || !s.watching && s.conn.Ready()
}

// fill waits for at least one more octet and buffers it. It grows the buffer
// as far as its caller leaves octets unconsumed.
func (s *source) fill() error {
	s.mu.Lock()
	got := s.settle()
	if got || s.err != nil {
		defer s.mu.Unlock()
		if got {
			return nil
		}
		return s.err
	}
	s.room()
	into := s.buf[s.w:]
	s.mu.Unlock()

	n, err := readSome(s.conn, into)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.w += n
	if n == 0 {
		return err // may be a deadline: nothing to remember
	}
	s.err = sticky(err)
	return nil
}

// read reads into p: what is buffered, else what the connection gives. A large
// p is read into directly; what comes beyond the first most octets of it is
// buffered.
func (s *source) read(p []byte, most int) (int, error) {
	most = min(most, len(p))
	s.mu.Lock()
	if s.r == s.w && s.err == nil {
		s.settle()
	}
	if s.r < s.w {
		n := copy(p[:most], s.buf[s.r:s.w])
		s.r += n
		s.mu.Unlock()
		return n, nil
	}
	if s.err != nil {
		defer s.mu.Unlock()
		return 0, s.err
	}
	if most < bufferSize {
		s.mu.Unlock()
		if err := s.fill(); err != nil {
			return 0, err
		}
		return s.read(p, most)
	}
	s.release()
	s.mu.Unlock()

	// Nothing is buffered: whatever lies in p behind most fits the buffer.
	n, err := readSome(s.conn, p[:min(len(p), most+bufferSize)])
	if n == 0 {
		return 0, err
	}
	if n > most {
		s.mu.Lock()
		s.room()
		s.w += copy(s.buf[s.w:], p[most:n])
		s.mu.Unlock()
		n = most
	}
	if err != nil {
		s.mu.Lock()
		s.err = sticky(err)
		s.mu.Unlock()
	}
	return n, nil
}

// readSome reads at least one octet or returns an error.
func readSome(c Conn, p []byte) (int, error) {
	for {
		n, err := c.Read(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// sticky is the part of a Read's error that the next Read would say again.
func sticky(err error) error {
	if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
		return nil
	}
	return err
}

// settle takes the connection back from the watcher and waits for the Read that
// it may have pending. It tells whether that brought octets. mu is held.
func (s *source) settle() bool {
	s.armed = false
	if !s.watching {
		return false
	}
	had := s.w
	s.wanted = true
	for s.watching {
		s.cond.Wait()
	}
	s.wanted = false
	return s.w > had
}

// block is the buffer that most connections need, when they need one.
type block [bufferSize]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

// room makes space for one read; mu is held and no watcher runs.
func (s *source) room() {
	if s.r == s.w {
		s.r, s.w = 0, 0
		// A head that needed more does not make an idle connection dear.
		if len(s.buf) != bufferSize {
			s.release()
			s.lent = blocks.Get().(*block)
			s.buf = s.lent[:]
		}
		return
	}
	if s.r > 0 {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	if s.w > len(s.buf)/2 {
		grown := make([]byte, max(bufferSize, 2*len(s.buf)))
		w := copy(grown, s.buf[:s.w])
		s.release()
		s.buf, s.w = grown, w
	}
}

// release gives the buffer up; mu is held and no watcher runs.
func (s *source) release() {
	if s.lent != nil {
		blocks.Put(s.lent)
	}
	s.buf, s.lent, s.r, s.w = nil, nil, 0, 0
}

// shed gives an empty buffer up: what comes next may be long in coming.
func (s *source) shed() {
	s.mu.Lock()
	if s.r == s.w && !s.watching {
		s.release()
	}
	s.mu.Unlock()
}

// watch lets the watcher start after delay, unless the owner needs octets before.
func (s *source) watch(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.watching || s.armed {
		return
	}
	s.armed = true
	if s.timer == nil {
		s.timer = time.AfterFunc(delay, s.watcher)
		return
	}
	s.timer.Reset(delay)
}

// unwatch keeps a watcher from starting; one that runs goes on.
func (s *source) unwatch() {
	s.mu.Lock()
	s.armed = false
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
}

// watcher reads ahead, at most aheadLimit, until the owner wants the octets or
// the connection ends.
func (s *source) watcher() {
	s.mu.Lock()
	if !s.armed || s.watching {
		s.mu.Unlock()
		return
	}
	s.armed, s.watching = false, true
	for {
		if s.w-s.r >= aheadLimit {
			break
		}
		s.mu.Unlock()
		if a, ok := s.conn.(awaiter); ok {
			a.AwaitRead()
		}
		n, err := s.readAhead()
		s.mu.Lock()
		s.w += n
		if err != nil {
			s.err = sticky(err)
		}
		if s.wanted || s.once || err != nil {
			s.stopWatching(n, err)
			return
		}
	}
	s.stopWatching(0, nil)
}

// awaiter is a Conn that can wait without a buffer.
type awaiter interface {
	AwaitRead()
}

// readAhead is one Read of the watcher's.
//
//go:noinline
func (s *source) readAhead() (int, error) {
	s.mu.Lock()
	s.aheadRoom()
	into := s.buf[s.w:]
	s.mu.Unlock()
	return readSome(s.conn, into)
}

// stopWatching gives the connection back; it takes mu held and releases it.
func (s *source) stopWatching(n int, err error) {
	tell := !s.wanted && (n > 0 || err != nil)
	s.watching = false
	s.cond.Broadcast()
	s.mu.Unlock()
	if tell && s.ended != nil {
		s.ended(n, err)
	}
}

// aheadRoom is room for the watcher. The owner may hold a part of the buffer, so
// nothing moves inside it: a full one is replaced.
func (s *source) aheadRoom() {
	if s.w < len(s.buf) {
		return
	}
	grown := make([]byte, min(max(aheadStart, 2*len(s.buf)), aheadLimit+bufferSize))
	s.w = copy(grown, s.buf[s.r:s.w])
	s.r = 0
	s.buf, s.lent = grown, nil // the owner may still look at the old one
}

// detach ends the watch, so that only the owner reads from now on. A Read that
// is pending is interrupted; what it brought stays buffered.
func (s *source) detach() {
	s.unwatch()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching {
		s.conn.SetReadDeadline(past)
		s.settle()
		s.conn.SetReadDeadline(time.Time{})
	}
	if s.r == s.w {
		s.release()
	}
}

// close waits for the watcher, after the connection was closed.
func (s *source) close() {
	s.mu.Lock()
	s.armed = false
	if s.timer != nil {
		s.timer.Stop()
	}
	for s.watching {
		s.cond.Wait()
	}
	s.mu.Unlock()
}
