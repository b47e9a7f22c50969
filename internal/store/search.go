package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// SearchOptions says which flows are searched for. The zero value finds all,
// the newest first.
type SearchOptions struct {
	Filter *query.Filter // nil takes all
	// Before and After bound the numbers, both excluded; 0 is no bound.
	Before, After uint64
	// Skip passes over so many of those that are meant, Limit ends behind so
	// many more; 0 is no limit.
	Skip, Limit int
	Oldest      bool // begin with the oldest
	// Numbers asks for numbers alone: where a flow is told by its facts, nothing else
	// of its Summary is filled in.
	Numbers bool
	// Progress, where it is set, is told how far the search is, several times a
	// second at most; it ends with the context of the search.
	Progress func(Progress)
}

// Progress is how far a search is.
type Progress struct {
	Seen, Of uint64 // flows that were looked at, and how many there are
	Found    uint64
}

// Search yields the flows that are meant, the newest first, as they are found.
// Most are told by facts alone; where rows, heads or bodies must be read, it
// reads one flow at a time. It can be stopped by its context at any moment.
// Where it cannot be told of some flow, the last element is an *UndecidedError.
func (r *Reader) Search(ctx context.Context, o SearchOptions) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		s, err := r.search(ctx, o)
		if err == nil {
			err = s.run(func(sum Summary) bool { return yield(sum, nil) })
		}
		if err == nil {
			err = s.m.rest()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Summary{}, causeOf(ctx, err))
		}
	}
}

// Count is how many flows are meant. Where it cannot be told of some, it counts
// the others and returns an *UndecidedError.
func (r *Reader) Count(ctx context.Context, o SearchOptions) (uint64, error) {
	o.Skip, o.Limit = 0, 0
	s, err := r.search(ctx, o)
	if err != nil {
		return 0, err
	}
	s.counting = true
	if err := s.run(nil); err != nil {
		return s.found, causeOf(ctx, err)
	}
	return s.found, s.m.rest()
}

// causeOf is why ctx has ended, where that is what an error comes of.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// search is one search.
type search struct {
	ctx      context.Context
	r        *Reader
	o        SearchOptions
	m        *matching
	j        *judge
	overlay  map[uint64]Summary
	newer    []uint64 // numbers of overlay, in the order of the search
	plain    uint64   // the flows up to it have no facts
	last     uint64   // of the index
	counting bool
	found    uint64
	seen, of uint64
	told     time.Time
	facts    []facts
	digest   digest
	table    []tableBlock // those that were read ahead
	ended    bool         // there are no more in the table
	list     []candidate
	at       map[uint64]Pos // where the heads of those are that have ended
}

// tableBlock is a block without its facts.
type tableBlock struct {
	block, flows int64
	digest       []byte
}

// candidate is a flow that may be meant.
type candidate struct {
	number uint64
	truth  query.Truth
}

func (r *Reader) search(ctx context.Context, o SearchOptions) (*search, error) {
	s := &search{ctx: ctx, r: r, o: o, m: r.matching(o.Filter)}
	s.j = newJudge(ctx, r, o.Filter, s.m.now, s.m.live)
	if s.o.Before == 0 {
		s.o.Before = math.MaxInt64
	}
	var err error
	if s.overlay, err = r.overlay(ctx); err != nil {
		return s, err
	}
	s.newer = slices.DeleteFunc(slices.Sorted(maps.Keys(s.overlay)), func(n uint64) bool { return n <= s.o.After || n >= s.o.Before })
	if !o.Oldest {
		slices.Reverse(s.newer)
	}
	var last, plain int64
	if err := r.db.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM flows").Scan(&last); err != nil {
		return s, fmt.Errorf("read index: %w", err)
	}
	if r.version < 2 {
		plain = last
	} else if err := r.db.QueryRowContext(ctx, "SELECT ifnull((SELECT value FROM meta WHERE name = ? AND typeof(value) = 'integer'), 0)", metaPlain).Scan(&plain); err != nil {
		return s, fmt.Errorf("read index: %w", err)
	}
	s.last, s.plain = uint64(max(0, last)), uint64(max(0, plain))
	s.of = s.last
	for n := range s.overlay {
		s.of = max(s.of, n)
	}
	return s, nil
}

// run looks at block after block; a block that nobody is in costs nothing.
func (s *search) run(yield func(Summary) bool) error {
	defer s.m.heads.close()
	first, last := blockOf(s.o.After+1), blockOf(max(1, min(s.o.Before-1, max(s.of, 1))))
	if s.of == 0 || s.o.Before <= s.o.After+1 {
		return nil
	}
	at := last
	if s.o.Oldest {
		at = first
	}
	for {
		if cause := context.Cause(s.ctx); cause != nil {
			return cause
		}
		block, ok, err := s.next(at, first, last)
		if err != nil || !ok {
			return err
		}
		if err := s.look(block, yield); err != nil {
			return err
		}
		if s.j.err != nil {
			return s.j.err
		}
		at = block + s.step()
	}
}

func (s *search) step() int64 {
	if s.o.Oldest {
		return 1
	}
	return -1
}

// next returns the next block from at on that may have flows.
func (s *search) next(at, first, last int64) (int64, bool, error) {
	if at < first || at > last {
		return 0, false, nil
	}
	if len(s.table) == 0 && !s.ended {
		if err := s.readAhead(at, first, last); err != nil {
			return 0, false, err
		}
	}
	best, ok := int64(0), false
	consider := func(block int64) {
		if block < first || block > last || (block-at)*s.step() < 0 {
			return
		}
		if !ok || (block-best)*s.step() < 0 {
			best, ok = block, true
		}
	}
	if len(s.table) > 0 {
		consider(s.table[0].block)
	}
	if len(s.newer) > 0 {
		consider(blockOf(s.newer[0]))
	}
	if s.plain > 0 {
		consider(min(max(at, 0), blockOf(s.plain)))
	}
	return best, ok, nil
}

// blocksAhead is how many blocks are read without their facts at a time.
const blocksAhead = 256

func (s *search) readAhead(at, first, last int64) error {
	if s.r.version < 2 {
		s.ended = true
		return nil
	}
	text, args := "SELECT block, flows, digest FROM blocks WHERE block <= ? AND block >= ? ORDER BY block DESC LIMIT ?", []any{at, first, blocksAhead}
	if s.o.Oldest {
		text, args = "SELECT block, flows, digest FROM blocks WHERE block >= ? AND block <= ? ORDER BY block LIMIT ?", []any{at, last, blocksAhead}
	}
	rows, err := s.r.db.QueryContext(s.ctx, text, args...)
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b tableBlock
		if err := rows.Scan(&b.block, &b.flows, &b.digest); err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		s.table = append(s.table, b)
	}
	s.ended = len(s.table) < blocksAhead
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return nil
}

// look finds the flows of one block.
func (s *search) look(block int64, yield func(Summary) bool) error {
	s.list = s.list[:0]
	if len(s.table) > 0 && s.table[0].block == block {
		if err := s.lookTable(s.table[0]); err != nil {
			return err
		}
		s.table = s.table[1:]
	}
	low, high := uint64(block)<<blockBits+1, uint64(block+1)<<blockBits
	if low <= s.plain {
		if err := s.lookRows(low, min(high, s.plain)); err != nil {
			return err
		}
	}
	for len(s.newer) > 0 && blockOf(s.newer[0]) == block {
		s.list = append(s.list, candidate{s.newer[0], query.Unknown})
		s.newer = s.newer[1:]
	}
	slices.SortFunc(s.list, func(a, b candidate) int {
		if a.number == b.number {
			return int(a.truth) - int(b.truth) // Unknown, of the overlay, before Yes
		}
		return compareNumbers(a.number, b.number) * int(s.step())
	})
	s.list = slices.CompactFunc(s.list, func(a, b candidate) bool { return a.number == b.number })
	s.list = slices.DeleteFunc(s.list, func(c candidate) bool { return c.number <= s.o.After || c.number >= s.o.Before })
	err := s.take(yield)
	s.seen = min(s.of, s.seen+mostInBlock)
	s.tell(err != nil)
	return err
}

// lookTable asks the facts of a block, where its digest does not decide.
func (s *search) lookTable(b tableBlock) error {
	if err := s.digest.parse(b.digest); err != nil {
		return fmt.Errorf("read index: block %d: %w", b.block, err)
	}
	all := s.j.block(&s.digest)
	if all == query.No {
		return nil
	}
	inside := uint64(b.block)<<blockBits >= s.o.After && uint64(b.block+1)<<blockBits < s.o.Before
	overlaps := len(s.newer) > 0 && blockOf(s.newer[0]) == b.block
	if all == query.Yes && inside && !overlaps && (s.counting || s.o.Skip >= int(b.flows)) {
		// None of them need be looked at.
		if s.counting {
			s.found += uint64(b.flows)
		} else {
			s.o.Skip -= int(b.flows)
		}
		return nil
	}
	var p []byte
	if err := s.r.db.QueryRowContext(s.ctx, "SELECT facts FROM blocks WHERE block = ?", b.block).Scan(&p); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil // removed meanwhile
		}
		return fmt.Errorf("read index: %w", err)
	}
	var err error
	if s.facts, err = parseFacts(p, s.facts); err != nil {
		return fmt.Errorf("read index: block %d: %w", b.block, err)
	}
	for i := range s.facts {
		t := all
		if t != query.Yes {
			t = s.j.flow(&s.facts[i])
		}
		if t != query.No {
			s.list = append(s.list, candidate{s.facts[i].number, t})
		}
	}
	return nil
}

// lookRows takes the flows that have no facts.
func (s *search) lookRows(low, high uint64) error {
	rows, err := s.r.db.QueryContext(s.ctx, "SELECT number FROM flows WHERE number >= ? AND number <= ?", int64(low), int64(high))
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		t := query.Unknown
		if s.o.Filter == nil {
			t = query.Yes
		}
		s.list = append(s.list, candidate{uint64(n), t})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return nil
}

// rowsTogether is how many rows are read at once.
const rowsTogether = 64

// take decides on the candidates, reads the rows of those that are meant, and
// gives them out.
func (s *search) take(yield func(Summary) bool) error {
	for len(s.list) > 0 {
		if s.list[0].truth == query.Yes && (s.counting || s.o.Skip > 0) {
			if s.counting {
				s.found++
			} else {
				s.o.Skip--
			}
			s.list = s.list[1:]
			continue
		}
		if s.list[0].truth == query.Yes && s.o.Numbers {
			if err := s.give(Summary{Number: s.list[0].number}, yield); err != nil {
				return err
			}
			s.list = s.list[1:]
			continue
		}
		n := min(len(s.list), rowsTogether)
		if s.o.Limit > 0 {
			n = min(n, max(8, s.o.Limit-int(s.found)))
		}
		for i, c := range s.list[:n] {
			if i > 0 && (s.counting || s.o.Numbers) && c.truth == query.Yes {
				n = i
				break
			}
		}
		rows, err := s.rows(s.list[:n])
		if err != nil {
			return err
		}
		for _, c := range s.list[:n] {
			sum, there := rows[c.number]
			if !there {
				continue
			}
			if c.truth == query.Unknown {
				wanted, err := s.m.wants(s.ctx, &sum, s.at[c.number])
				s.tell(false)
				if err != nil {
					return err
				}
				if !wanted {
					continue
				}
			}
			if err := s.give(sum, yield); err != nil {
				return err
			}
		}
		s.list = s.list[n:]
	}
	return nil
}

// give gives out one flow that is meant.
func (s *search) give(sum Summary, yield func(Summary) bool) error {
	if s.o.Skip > 0 {
		s.o.Skip--
		return nil
	}
	s.found++
	if s.counting {
		return nil
	}
	if !yield(sum) || s.o.Limit > 0 && int(s.found) >= s.o.Limit {
		return errEnough
	}
	return nil
}

// rows reads rows by their numbers; what the segments have beyond the index
// stands for those that live.
func (s *search) rows(list []candidate) (map[uint64]Summary, error) {
	found := make(map[uint64]Summary, len(list))
	s.at = make(map[uint64]Pos, len(list))
	var in strings.Builder
	args := make([]any, 0, len(list))
	for i, c := range list {
		if i > 0 {
			in.WriteByte(',')
		}
		in.WriteByte('?')
		args = append(args, int64(c.number))
	}
	rows, err := s.r.db.QueryContext(s.ctx, selectRow+"WHERE f.number IN ("+in.String()+")", args...)
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		sum, at, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		if found[sum.Number] = sum; sum.Outcome.Kind != flow.Running {
			s.at[sum.Number] = at
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	for _, c := range list {
		newer, there := s.overlay[c.number]
		if old, indexed := found[c.number]; there && (!indexed || old.Outcome.Kind == flow.Running || newer.Outcome.Kind != flow.Running) {
			found[c.number] = newer
			delete(s.at, c.number) // it may have been changed since
		}
		if sum, ok := found[c.number]; ok && sum.Outcome.Kind == flow.Running && !s.m.live {
			sum.Outcome = flow.Outcome{Kind: flow.Interrupt, Bytes: sum.Response.Size, Text: killedText}
			found[c.number] = sum
		}
	}
	return found, nil
}

// tellEvery is how often Progress is told.
const tellEvery = 200 * time.Millisecond

func (s *search) tell(over bool) {
	if s.o.Progress == nil || !over && time.Since(s.told) < tellEvery {
		return
	}
	s.told = time.Now()
	s.o.Progress(Progress{Seen: s.seen, Of: s.of, Found: s.found})
}
