package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Delete removes flows that have ended, with all that is recorded of them: the
// octets of their records become zero, in the segments and in the index, and
// where the file system can, the disk gets their room back. Numbers that are
// not there are passed over; flows that live are an error, and then nothing
// is removed. What is left are the words of the dictionary: hosts, methods,
// types, and the connections that other flows may share.
func (s *Store) Delete(ctx context.Context, numbers []uint64) error {
	if len(numbers) == 0 {
		return nil
	}
	if err := s.orders(func(w *writer) error { return w.erase(ctx, numbers) }); err != nil {
		return fmt.Errorf("delete flows: %w", err)
	}
	return nil
}

// erase removes the rows first: what is erased must not be listed.
func (w *writer) erase(ctx context.Context, numbers []uint64) error {
	doomed := make(map[uint64]bool, len(numbers))
	for _, n := range numbers {
		doomed[n] = true
	}
	alive := 0
	w.s.eachOpen(func(r *Record) {
		if doomed[r.number] {
			alive++
		}
	})
	if alive > 0 {
		return fmt.Errorf("%d of them: %w", alive, ErrRunning)
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	const among = "number IN (SELECT value FROM json_each(?))"
	from := posOf(1, 0)
	err = w.ask(func(x *index) error {
		var running, bodies int64
		row := x.conn.QueryRowContext(ctx, "SELECT count(*) FILTER (WHERE outcome = 0), ifnull(min(bodies), 0) FROM flows WHERE "+among, string(list))
		if err := row.Scan(&running, &bodies); err != nil {
			return err
		}
		if running > 0 {
			return fmt.Errorf("%d of them: %w", running, ErrRunning)
		}
		from = max(from, Pos(bodies))
		return x.wipe(ctx, among, string(list))
	})
	if err != nil {
		return err
	}
	w.conns.clear() // connections are written again: their records may go
	if err := eraseStream(ctx, w.s.dir, headsStream, posOf(1, 0), doomed); err != nil {
		return err
	}
	return eraseStream(ctx, w.s.dir, bodiesStream, from, doomed)
}

// vacuumed is up to which size an index is written anew after a deletion, so
// that nothing stays in room that is free. In a larger one, what became free
// when a row was written again stays until it is used.
const vacuumed = 256 << 20

// wipe removes rows and leaves nothing of them in the files of the index.
func (x *index) wipe(ctx context.Context, where string, args ...any) error {
	if _, err := x.conn.ExecContext(ctx, "PRAGMA secure_delete=ON"); err != nil {
		return err
	}
	defer x.conn.ExecContext(ctx, "PRAGMA secure_delete=OFF")
	if err := x.remove(where, args...); err != nil {
		return err
	}
	var pages, size int64
	if err := x.conn.QueryRowContext(ctx, "SELECT page_count, page_size FROM pragma_page_count(), pragma_page_size()").Scan(&pages, &size); err != nil {
		return err
	}
	if pages*size <= vacuumed {
		if _, err := x.conn.ExecContext(ctx, "VACUUM"); err != nil {
			return err
		}
	}
	_, err := x.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// eraseStream makes the records of the doomed flows zeros, which a reader
// passes over.
func eraseStream(ctx context.Context, dir string, stream uint8, from Pos, doomed map[uint64]bool) error {
	list, err := listSegments(dir, stream)
	if err != nil {
		return err
	}
	for _, seg := range list {
		if seg.number < from.Segment() {
			continue
		}
		start := int64(segmentHeader)
		if seg.number == from.Segment() {
			start = max(start, from.Offset())
		}
		if err := eraseSegment(ctx, segmentPath(dir, stream, seg.number), start, doomed); err != nil {
			return err
		}
	}
	return nil
}

// span is octets of a file.
type span struct{ at, end int64 }

func eraseSegment(ctx context.Context, path string, start int64, doomed map[uint64]bool) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sc := scanner{f: f, size: info.Size(), good: start}
	var spans []span
	n := 0
	for {
		at, h, _, ok, err := sc.next(func(h header) bool { return doomed[h.flow] })
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if n++; n%1024 == 0 {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
		}
		end := at + h.total()
		if k := len(spans) - 1; k >= 0 && spans[k].end == at {
			spans[k].end = end
		} else {
			spans = append(spans, span{at, end})
		}
	}
	for _, s := range spans {
		if err := zero(f, s); err != nil {
			return err
		}
	}
	if len(spans) == 0 {
		return nil
	}
	// By its age a segment goes; erasing makes it no younger.
	return errors.Join(f.Sync(), os.Chtimes(path, time.Time{}, info.ModTime()))
}

// zero overwrites s, and gives back what the file system gives back.
func zero(f *os.File, s span) error {
	const piece = 256 << 10
	zeros := make([]byte, min(piece, s.end-s.at))
	for at := s.at; at < s.end; at += piece {
		if _, err := f.WriteAt(zeros[:min(piece, s.end-at)], at); err != nil {
			return err
		}
	}
	if err := punch(f, s); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
