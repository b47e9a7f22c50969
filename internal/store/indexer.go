package store

import (
	"errors"
	"log/slog"
	"time"
)

const (
	// indexEvery is how long rows wait for others, so that many share one
	// transaction.
	indexEvery = 200 * time.Millisecond
	// youngFor is how long an open flow has no row: most flows get exactly one.
	youngFor = time.Second
	// maxRows is how many rows may wait before the writer waits for the index.
	maxRows = 8 << 10
)

// indexer brings rows to the index beside the writer, so that neither a
// transaction nor a checkpoint delays a batch. While the index fails rows are
// dropped; when it works again, what it lacks is read from the segments.
type indexer struct {
	x     *index
	dir   string
	log   *slog.Logger
	retry time.Duration
	work  chan indexJob
	free  chan []row
	done  chan struct{}
	err   error
	tried time.Time // when the index failed last
	last  time.Time // the writer's: when it gave work last
}

// indexJob is rows for the index, and how far it is complete with them.
type indexJob struct {
	rows   []row
	heads  Pos
	bodies Pos
	ask    func(x *index) error // nil, or run when the rows are there
	answer chan error           // of ask
	again  bool                 // an index that has failed may work again
}

func (j indexJob) marks() map[string]any {
	return map[string]any{metaHeads: int64(j.heads), metaBodies: int64(j.bodies)}
}

func startIndexer(x *index, s *Store) *indexer {
	i := &indexer{x: x, dir: s.dir, log: s.cfg.Log, retry: s.cfg.retry, work: make(chan indexJob, 1), free: make(chan []row, 2), done: make(chan struct{})}
	go i.run()
	return i
}

func (i *indexer) run() {
	defer close(i.done)
	for j := range i.work {
		i.write(j)
		clear(j.rows)
		select {
		case i.free <- j.rows[:0]:
		default:
		}
		if j.ask != nil {
			err := i.err
			if err == nil {
				err = j.ask(i.x)
			}
			j.answer <- err
		}
	}
	if i.err == nil {
		i.err = i.x.add(nil, map[string]any{metaClean: int64(1)})
	}
}

func (i *indexer) write(j indexJob) {
	failed := i.err != nil
	switch {
	case !failed:
		i.err = i.x.add(j.rows, j.marks())
	case j.again || time.Since(i.tried) >= i.retry:
		i.err = i.catchUp(j)
	default:
		return
	}
	switch {
	case i.err != nil:
		i.tried = time.Now()
		if !failed {
			i.log.Error("the index of the session has failed; recording goes on, and the index is brought up to date when it works again", "session", i.dir, "err", i.err)
		}
	case failed:
		i.log.Warn("the index of the session works again", "session", i.dir)
	}
}

var errReached = errors.New("reached")

// catchUp reads from the segments what the index lacks of j.
func (i *indexer) catchUp(j indexJob) error {
	from, err := i.x.heads()
	if err != nil {
		return err
	}
	var rows []row
	want := func(h header) bool { return h.kind == kindHead || h.kind == kindEnd }
	_, err = scanStream(i.dir, headsStream, from, false, want, func(at Pos, h header, p []byte) error {
		if at >= j.heads {
			return errReached
		}
		pic, err := decodePicture(p)
		if err != nil {
			return nil // damage costs what was damaged
		}
		pic.flow.Number = h.flow
		if rows = append(rows, rowOf(pic.named(i.dir), at, pic.bodiesAt)); len(rows) < maxRows/4 {
			return nil
		}
		err = i.x.add(rows, nil)
		rows = rows[:0]
		return err
	}, func(string) {})
	if err != nil && !errors.Is(err, errReached) {
		return err
	}
	return i.x.add(append(rows, j.rows...), j.marks())
}

// close waits for all rows and closes the index. A failure of the index has
// been told and costs nothing that is recorded, so it is no error here.
func (i *indexer) close() error {
	close(i.work)
	<-i.done
	return i.x.close()
}

// indexDue tells whether it is time to give rows to the indexer.
func (s *Store) indexDue() bool {
	return s.isClosing() || len(s.w.rows) >= maxRows/4 || time.Since(s.index.last) >= indexEvery
}

// index gives the waiting rows to the indexer; while it is busy they wait, up
// to maxRows.
func (w *writer) index() {
	i := w.s.index
	if w.s.failed() != nil {
		return // the rows wait with the heads that they are of
	}
	now := time.Now()
	heads := w.young(now)
	if len(w.rows) == 0 && !w.s.isClosing() {
		i.last = now
		return
	}
	j := indexJob{rows: w.rows, heads: heads, bodies: w.bodies.pos()}
	if len(w.rows) >= maxRows || w.s.isClosing() {
		i.work <- j
	} else {
		select {
		case i.work <- j:
		default:
			return
		}
	}
	w.gave(now)
}

// gave takes a new list of rows after the last one was given away.
func (w *writer) gave(now time.Time) {
	w.s.index.last = now
	select {
	case w.rows = <-w.s.index.free:
	default:
		w.rows = nil
	}
}

// ask runs f on the index when it has all rows up to now.
func (w *writer) ask(f func(x *index) error) error {
	return w.send(indexJob{ask: f})
}

// send gives the waiting rows with j, and waits for the answer.
func (w *writer) send(j indexJob) error {
	w.flushBody()
	w.flushHead()
	if err := w.s.failed(); err != nil {
		return err
	}
	now := time.Now()
	j.heads = w.young(now)
	j.rows, j.bodies, j.answer = w.rows, w.bodies.pos(), make(chan error, 1)
	w.s.index.work <- j
	w.gave(now)
	return <-j.answer
}
