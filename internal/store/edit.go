package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"midstream/flow"
)

// ErrRunning says that a flow has not ended: it is changed where it runs.
var ErrRunning = errors.New("it has not ended")

// order is something that the writer does between two batches.
type order struct {
	do   func(w *writer) error
	done chan error
}

// orders runs f on the writer, behind all that was recorded before.
func (s *Store) orders(f func(w *writer) error) error {
	s.Flush()
	o := order{f, make(chan error, 1)}
	select {
	case s.order <- o:
		return <-o.done
	case <-s.written:
		return errors.New("the session is closed")
	}
}

// Edit changes marker, comment and metadata of a flow that has ended. Its record
// is written again; nothing else of it changes. It fails with ErrNotFound,
// ErrEvicted and ErrRunning.
func (s *Store) Edit(number uint64, change func(f *flow.Flow)) error {
	err := s.orders(func(w *writer) error { return w.edit(number, change) })
	if err != nil {
		return fmt.Errorf("change flow %d: %w", number, err)
	}
	return nil
}

func (w *writer) edit(number uint64, change func(f *flow.Flow)) error {
	at, err := w.ended(number)
	if err != nil {
		return err
	}
	pic, err := readPicture(w.s.dir, at, number)
	if gone(err) {
		return ErrEvicted
	}
	if err != nil {
		return err
	}
	resolveConns(w.s.dir, pic)
	change(pic.flow)
	pic.again = true
	w.rollHeads()
	at = w.appendPicture(kindEnd, pic)
	w.rows = append(w.rows, rowOf(pic.flow, at, pic.bodiesAt))
	w.flushHead()
	return w.s.failed()
}

// ended returns where the end of a flow is.
func (w *writer) ended(number uint64) (Pos, error) {
	alive := false
	w.s.eachOpen(func(r *Record) { alive = alive || r.number == number })
	if alive {
		return 0, ErrRunning
	}
	var head, outcome int64
	err := w.ask(func(x *index) error {
		return x.conn.QueryRowContext(context.Background(), "SELECT head, outcome FROM flows WHERE number = ?", int64(number)).Scan(&head, &outcome)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w in this session", ErrNotFound)
	}
	if err == nil && outcome == int64(flow.Running) {
		err = ErrRunning
	}
	return Pos(head), err
}
