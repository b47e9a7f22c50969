package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
)

// ErrLocked says that another process writes the session.
var ErrLocked = errors.New("another midstream writes this session")

// Store writes one session. Its methods may be called at once.
type Store struct {
	dir  string
	cfg  Config
	q    queue
	lock *os.File
	meta Meta

	number  atomic.Uint64 // of the last flow
	outage  atomic.Pointer[outage]
	noSpace atomic.Pointer[string] // why no bodies are recorded for now
	noRoom  atomic.Pointer[string] // another such reason
	missing atomic.Uint64          // flows without a record

	openMu    sync.Mutex // guards the list of open records
	first     *Record
	last      *Record
	openList  []*Record // the writer's copy
	segments  segmentSizes
	index     *indexer
	w         *writer
	order     chan order
	closing   chan struct{}
	written   chan struct{} // the writer has returned
	closeOnce sync.Once
	closeErr  error
}

// Open opens the session in dir for writing, and makes it where there is none.
// It repairs what a killed process left: the damaged tail of a segment is cut,
// flows without an end are closed as interrupted, and the index is brought up
// to date. It fails with ErrLocked when another process writes it.
func Open(dir string, cfg Config) (*Store, error) {
	s, err := open(dir, cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open session %s: %w", dir, err)
	}
	return s, nil
}

func open(dir string, cfg Config) (_ *Store, err error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	if err := checkFileSystem(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, cfg: cfg, order: make(chan order), closing: make(chan struct{}), written: make(chan struct{})}
	s.q.init(cfg.Stall, cfg.MaxSize)
	if s.lock, err = takeLock(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.lock.Close()
		}
	}()
	for _, stream := range []uint8{headsStream, bodiesStream} {
		if err := makeStreamFolder(dir, stream); err != nil {
			return nil, err
		}
	}
	if s.meta, err = openMeta(dir); err != nil {
		return nil, err
	}
	s.w = &writer{s: s}
	if err := s.recover(); err != nil {
		return nil, err
	}
	if cfg.MinFree > 0 {
		s.checkSpace()
	}
	go func() {
		defer close(s.written)
		s.w.run()
	}()
	return s, nil
}

// takeLock opens and locks the lock file. A reader that looks whether the lock
// is held has it for a moment, so a refusal is asked again.
func takeLock(dir string) (*os.File, error) {
	f, err := openPrivate(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	for range 20 {
		ok, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock: %w", err)
		}
		if ok {
			return f, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	f.Close()
	return nil, ErrLocked
}

// openPrivate opens or makes a file that only its owner can read.
func openPrivate(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Dir is the folder of the session.
func (s *Store) Dir() string { return s.dir }

// Meta is what the session says about itself.
func (s *Store) Meta() Meta { return s.meta }

// Start begins the record of a flow and gives it the next number.
func (s *Store) Start() *Record { return s.StartAt(time.Now()) }

// StartAt begins the record of a flow that began at another time than now.
func (s *Store) StartAt(begin time.Time) *Record {
	r := &Record{s: s, number: s.number.Add(1), base: begin}
	s.openMu.Lock()
	r.previous = s.last
	if s.last != nil {
		s.last.next = r
	} else {
		s.first = r
	}
	s.last = r
	s.openMu.Unlock()
	return r
}

// forget takes r out of the list of open records. Only the writer calls it.
func (s *Store) forget(r *Record) {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	if r.previous == nil && r.next == nil && s.first != r {
		return
	}
	if r.previous != nil {
		r.previous.next = r.next
	} else {
		s.first = r.next
	}
	if r.next != nil {
		r.next.previous = r.previous
	} else {
		s.last = r.previous
	}
	r.previous, r.next = nil, nil
}

// eachOpen calls f for the records that have not ended. Only the writer calls it.
func (s *Store) eachOpen(f func(r *Record)) {
	s.openList = s.openList[:0]
	s.openMu.Lock()
	for r := s.first; r != nil; r = r.next {
		s.openList = append(s.openList, r)
	}
	s.openMu.Unlock()
	for _, r := range s.openList {
		f(r)
	}
	clear(s.openList)
}

// hasYoung tells whether there are open records at all.
func (s *Store) hasYoung() bool {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	return s.first != nil
}

// Flush returns when all that was recorded before is readable by others.
func (s *Store) Flush() { s.q.flush() }

// Missing is how many flows have no record because the disk failed or could not
// keep up.
func (s *Store) Missing() uint64 { return s.missing.Load() }

func (s *Store) lose(n uint64) {
	if n > 0 && s.missing.Add(n) == n {
		s.cfg.Log.Error("a flow could not be recorded", "session", s.dir)
	}
}

// refuses tells why no body can be recorded now, "" when it can.
func (s *Store) refuses() string {
	for _, p := range []*atomic.Pointer[string]{&s.noSpace, &s.noRoom} {
		if reason := p.Load(); reason != nil {
			return *reason
		}
	}
	if s.failed() != nil {
		return s.stopReason()
	}
	return ""
}

func (s *Store) stallReason() string {
	if s.isClosing() {
		return "midstream stopped"
	}
	if reason := s.refuses(); reason != "" {
		return reason
	}
	return fmt.Sprintf("the disk could not keep up for %v (record_stall)", s.cfg.Stall)
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// extents returns where the body of side is; what was flushed before is in it.
func (s *Store) extents(r *Record, side flow.Side) extentList {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.out[side]
	l.items = append([]extent(nil), l.items...)
	return l
}

// Close closes the records that are still open as interrupted, brings
// everything to the disk, and lets go of the session.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.openMu.Lock()
		var open []*Record
		for r := s.first; r != nil; r = r.next {
			open = append(open, r)
		}
		s.openMu.Unlock()
		for _, r := range open {
			r.interrupt()
		}
		close(s.closing)
		<-s.written
		s.q.stop()
		for _, f := range s.leftFlushers() {
			close(f)
		}
		err := errors.Join(s.w.bodies.close(), s.w.heads.close(), s.index.close(), s.failed())
		s.lock.Close()
		if n := s.missing.Load(); n > 0 {
			s.cfg.Log.Error("some flows could not be recorded", "session", s.dir, "flows", n)
		}
		if err != nil {
			s.closeErr = fmt.Errorf("close session %s: %w", s.dir, err)
		}
	})
	return s.closeErr
}

func (s *Store) leftFlushers() []chan struct{} {
	_, f := s.q.take(nil)
	return f
}

// interrupt ends the record of a flow that still lives.
func (r *Record) interrupt() {
	r.look(false)
	r.mu.Lock()
	f, ended := r.picture, r.ended
	r.mu.Unlock()
	if ended || f == nil {
		return
	}
	c := *f
	interrupted(&c, "midstream stopped while the flow lived", time.Now())
	r.End(&c)
}

// interrupted marks f as ended by the end of midstream itself.
func interrupted(f *flow.Flow, text string, at time.Time) {
	phase := flow.InHead
	if f.Response != nil {
		phase = flow.InBody
	}
	b := &f.ResponseBody
	if f.Response == nil {
		b = &f.RequestBody
	}
	f.Outcome = flow.Outcome{Kind: flow.Interrupt, Bytes: max(b.Sent, b.Recorded), Phase: phase.String(), Text: text}
	if f.End.IsZero() {
		f.End = at
	}
}
