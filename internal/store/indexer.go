package store

import (
	"time"
)

const (
	// indexEvery is how long rows wait for others, so that many share one
	// transaction.
	indexEvery = 200 * time.Millisecond
	// youngFor is how long an open flow has no row: most flows get exactly one.
	youngFor = time.Second
	// maxRows is how many rows may wait before the writer waits for the index.
	maxRows = 16 << 10
)

// indexer brings rows to the index beside the writer, so that neither a
// transaction nor a checkpoint delays a batch. Once the index has failed, rows
// are dropped: it is made anew from the segments when the session is opened.
type indexer struct {
	x      *index
	work   chan indexJob
	free   chan []row
	done   chan struct{}
	failed func(error)
	err    error
	last   time.Time // the writer's: when it gave work last
}

type indexJob struct {
	rows   []row
	heads  Pos
	bodies Pos
}

func startIndexer(x *index, failed func(error)) *indexer {
	i := &indexer{x: x, work: make(chan indexJob, 1), free: make(chan []row, 2), done: make(chan struct{}), failed: failed}
	go i.run()
	return i
}

func (i *indexer) run() {
	defer close(i.done)
	for j := range i.work {
		if i.err == nil {
			if i.err = i.x.add(j.rows, map[string]any{metaHeads: int64(j.heads), metaBodies: int64(j.bodies)}); i.err != nil {
				i.failed(i.err)
			}
		}
		clear(j.rows)
		select {
		case i.free <- j.rows[:0]:
		default:
		}
	}
	if i.err == nil {
		i.err = i.x.add(nil, map[string]any{metaClean: int64(1)})
	}
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
		w.rows = w.rows[:0]
		return
	}
	now := time.Now()
	heads := w.young(now)
	if len(w.rows) == 0 && !w.s.isClosing() {
		i.last = now
		return
	}
	j := indexJob{w.rows, heads, w.bodies.pos()}
	if len(w.rows) >= maxRows || w.s.isClosing() {
		i.work <- j
	} else {
		select {
		case i.work <- j:
		default:
			return
		}
	}
	i.last = now
	select {
	case w.rows = <-i.free:
	default:
		w.rows = nil
	}
}
