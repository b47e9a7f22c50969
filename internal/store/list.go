package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// ListOptions says which flows are listed. The zero value lists all.
type ListOptions struct {
	// After leaves out the flows up to this number.
	After uint64
	// Last lists only so many of the newest; 0 lists all.
	Last int
	// Filter chooses; nil takes all. Where it cannot be told of some flow, the
	// last element is an *UndecidedError.
	Filter *query.Filter
	// Progress, where it is set, is told how far a search for Filter is.
	Progress func(Progress)
}

// List yields the flows in the order of their numbers. Flows without an end
// whose writer is gone are shown as interrupted.
func (r *Reader) List(ctx context.Context, o ListOptions) iter.Seq2[Summary, error] {
	if o.Filter == nil {
		return r.list(ctx, o)
	}
	if o.Last == 0 {
		return r.Search(ctx, SearchOptions{Filter: o.Filter, After: o.After, Oldest: true, Progress: o.Progress})
	}
	return func(yield func(Summary, error) bool) {
		var last []Summary
		var undecided error
		for s, err := range r.Search(ctx, SearchOptions{Filter: o.Filter, After: o.After, Limit: o.Last, Progress: o.Progress}) {
			if _, some := Undecided(err); some {
				undecided = err
				break
			}
			if err != nil {
				yield(Summary{}, err)
				return
			}
			last = append(last, s)
		}
		for _, s := range slices.Backward(last) {
			if !yield(s, nil) {
				return
			}
		}
		if undecided != nil {
			yield(Summary{}, undecided)
		}
	}
}

// list yields all flows.
func (r *Reader) list(ctx context.Context, o ListOptions) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		live := r.Live()
		overlay, err := r.overlay(ctx)
		if err != nil {
			yield(Summary{}, err)
			return
		}
		if o.Last > 0 {
			from, err := r.lastFrom(ctx, o.Last, overlay)
			if err != nil {
				yield(Summary{}, err)
				return
			}
			o.After = max(o.After, from)
		}
		show := func(s Summary) bool {
			if s.Outcome.Kind == flow.Running && !live {
				s.Outcome = flow.Outcome{Kind: flow.Interrupt, Bytes: s.Response.Size, Text: killedText}
			}
			return yield(s, nil)
		}
		newer := slices.Sorted(maps.Keys(overlay))
		for s, err := range r.rows(ctx, o.After) {
			if err != nil {
				yield(Summary{}, err)
				return
			}
			for len(newer) > 0 && newer[0] <= s.Number {
				n := newer[0]
				newer = newer[1:]
				if n == s.Number {
					if newer := overlay[n]; s.Outcome.Kind == flow.Running || newer.Outcome.Kind != flow.Running {
						s = newer // it has ended, or was changed, since
					}
					break
				}
				if n > o.After && !show(overlay[n]) {
					return
				}
			}
			if !show(s) {
				return
			}
		}
		for _, n := range newer {
			if n > o.After && !show(overlay[n]) {
				return
			}
		}
	}
}

// rowsAtATime is how many rows are read at a time: whoever takes them slowly
// holds no transaction, which would keep the log of the index from being
// emptied.
const rowsAtATime = 256

// rows yields the rows behind a number that there are now.
func (r *Reader) rows(ctx context.Context, after uint64) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		var last int64
		if err := r.db.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM flows").Scan(&last); err != nil {
			yield(Summary{}, fmt.Errorf("read index: %w", err))
			return
		}
		list := make([]Summary, 0, rowsAtATime)
		for after < uint64(max(0, last)) {
			var err error
			if list, err = r.some(ctx, after, last, list[:0]); err != nil {
				yield(Summary{}, err)
				return
			}
			for i := range list {
				if !yield(list[i], nil) {
					return
				}
				after = list[i].Number
			}
			if len(list) < rowsAtATime {
				return
			}
		}
	}
}

// some appends the next rows.
func (r *Reader) some(ctx context.Context, after uint64, last int64, list []Summary) ([]Summary, error) {
	rows, err := r.db.QueryContext(ctx, selectRow+"WHERE f.number > ? AND f.number <= ? ORDER BY f.number LIMIT ?", int64(after), last, rowsAtATime)
	if err != nil {
		return list, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		s, _, err := scanRow(rows)
		if err != nil {
			return list, err
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return list, fmt.Errorf("read index: %w", err)
	}
	return list, nil
}

// overlay is what the index may not have yet.
func (r *Reader) overlay(ctx context.Context) (map[uint64]Summary, error) {
	m := make(map[uint64]Summary)
	_, err := r.tail(ctx, func(_ Pos, h header, p []byte) error {
		pic, err := decodePicture(p)
		if err != nil {
			return nil // damaged: the index may know it
		}
		pic.flow.Number = h.flow
		m[h.flow] = Summarize(pic.named(r.dir))
		return nil
	})
	return m, err
}

// lastFrom returns the number after which the last n flows stand.
func (r *Reader) lastFrom(ctx context.Context, n int, overlay map[uint64]Summary) (uint64, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT number FROM flows ORDER BY number DESC LIMIT ?", n+1)
	if err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	numbers := slices.Collect(maps.Keys(overlay))
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return 0, fmt.Errorf("read index: %w", err)
		}
		if _, known := overlay[uint64(v)]; !known {
			numbers = append(numbers, uint64(v))
		}
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	if len(numbers) <= n {
		return 0, nil
	}
	slices.Sort(numbers)
	return numbers[len(numbers)-n-1], nil
}

func scanRow(rows *sql.Rows) (Summary, Pos, error) {
	var s Summary
	var id []byte
	var start, duration, head, bodies int64
	var number int64
	err := rows.Scan(&number, &id, &s.Kind, &start, &duration, &s.Method, &s.Scheme, &s.Host, &s.Path, &s.Status, &s.Type,
		&s.Request.Disposition, &s.Request.Size, &s.Request.Record, &s.Response.Disposition, &s.Response.Size, &s.Response.Record,
		&s.Outcome.Kind, &s.Outcome.Bytes, &s.Outcome.Text, &s.Marker, &head, &bodies)
	if err != nil {
		return s, 0, fmt.Errorf("read index: %w", err)
	}
	if s.Status < 0 {
		s.Status, s.Outcome.Answered = 0, -s.Status
	}
	s.Number = uint64(number)
	copy(s.ID[:], id)
	if start != 0 {
		s.Start = time.UnixMicro(start).UTC()
	}
	s.Duration = time.Duration(duration) * time.Microsecond
	return s, Pos(head), nil
}

// Last returns the number of the newest flow.
func (r *Reader) Last(ctx context.Context) (uint64, error) {
	var n uint64
	if _, err := r.tail(ctx, func(_ Pos, h header, _ []byte) error {
		n = max(n, h.flow)
		return nil
	}); err != nil {
		return 0, err
	}
	var last int64
	if err := r.db.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM flows").Scan(&last); err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	if n = max(n, uint64(max(0, last))); n == 0 {
		return 0, fmt.Errorf("the session is empty: %w", ErrNotFound)
	}
	return n, nil
}

var errEnough = errors.New("enough")

// Find returns the number of the flow whose ID begins with prefix (hexadecimal
// digits, hyphens left out or not). It fails with ErrNotFound, and when several
// do.
func (r *Reader) Find(ctx context.Context, prefix string) (uint64, error) {
	digits := strings.ToLower(strings.ReplaceAll(prefix, "-", ""))
	found := make(map[uint64]bool)
	match := func(number uint64, id []byte) {
		if strings.HasPrefix(hex.EncodeToString(id), digits) {
			found[number] = true
		}
	}
	_, err := r.tail(ctx, func(_ Pos, h header, p []byte) error {
		if pic, err := decodePicture(p); err == nil {
			match(h.flow, pic.flow.ID[:])
		}
		if len(found) > 1 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	rows, err := r.db.QueryContext(ctx, "SELECT number, id FROM flows")
	if err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() && len(found) < 2 {
		var number int64
		var id []byte
		if err := rows.Scan(&number, &id); err != nil {
			return 0, fmt.Errorf("read index: %w", err)
		}
		match(uint64(number), id)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("flow %s: %w in this session", prefix, ErrNotFound)
	case 1:
		for n := range found {
			return n, nil
		}
	}
	return 0, fmt.Errorf("flow %s: several flows begin so; give more digits", prefix)
}

// TailOf is Tail for the flows that filter means; nil means all. Those of which
// it cannot be told are left out.
func (r *Reader) TailOf(ctx context.Context, filter *query.Filter) iter.Seq2[Summary, error] {
	tail := r.Tail(ctx)
	if filter == nil {
		return tail
	}
	return func(yield func(Summary, error) bool) {
		m := r.matching(filter)
		for s, err := range tail {
			wanted := true
			if err == nil {
				m.now = time.Now()
				wanted, err = m.wants(ctx, &s, 0)
			}
			if wanted || err != nil {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// Tail yields the flows that end after the call of Tail, until ctx ends or the
// writer is gone.
func (r *Reader) Tail(ctx context.Context) iter.Seq2[Summary, error] {
	end, err := r.tail(ctx, func(Pos, header, []byte) error { return nil })
	return func(yield func(Summary, error) bool) {
		if err != nil {
			yield(Summary{}, err)
			return
		}
		c := newCursor(r.dir, headsStream, end)
		defer c.close()
		for {
			alive := r.Live()
			for {
				_, h, p, ok, err := c.next(func(h header) bool { return h.kind == kindEnd })
				if err != nil {
					yield(Summary{}, err)
					return
				}
				if !ok {
					break
				}
				pic, err := decodePicture(p)
				if err != nil || pic.again {
					continue
				}
				pic.flow.Number = h.flow
				if !yield(Summarize(pic.named(r.dir)), nil) {
					return
				}
			}
			if !alive {
				return
			}
			t := time.NewTimer(followEvery)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return
			}
		}
	}
}
