package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"midstream/flow"
)

// Health is what Check found.
type Health struct {
	Heads, Bodies int64 // records that are whole
	Flows         uint64
	// Damage says what is not as it was written, one line each; at most 100.
	Damage []string
	Live   bool // a process writes it; what it is about to write is no damage
}

const mostDamage = 100

// Check reads every record of the session in dir and compares what the index
// says. It changes nothing.
func Check(ctx context.Context, dir string) (Health, error) {
	r, err := openReader(dir)
	if r != nil {
		defer r.Close()
	}
	var h Health
	damage := func(text string) {
		if len(h.Damage) < mostDamage {
			h.Damage = append(h.Damage, text)
		}
	}
	if _, merr := readMeta(dir); merr != nil {
		if gone(merr) {
			merr = errors.New("there is no session here")
		}
		return h, fmt.Errorf("check session %s: %w", dir, merr)
	}
	if v := (errVersion{}); errors.As(err, &v) || errors.Is(err, errForeign) {
		return h, fmt.Errorf("check session %s: %w", dir, err)
	}
	if err != nil {
		damage("the index: " + err.Error())
	}
	h.Live = written(dir)
	for _, stream := range []uint8{headsStream, bodiesStream} {
		count := &h.Heads
		if stream == bodiesStream {
			count = &h.Bodies
		}
		every := func(header) bool { return true }
		end, bounded := Pos(0), false
		if h.Live && stream == bodiesStream {
			t := openTail(dir)
			end, bounded = t.at()
			t.close()
		}
		_, err := scanStream(dir, stream, 0, true, every, func(at Pos, hd header, p []byte) error {
			if bounded && at >= end {
				return errReached
			}
			*count++
			if stream == headsStream && (hd.kind == kindHead || hd.kind == kindEnd) {
				if _, err := decodePicture(p); err != nil {
					damage(fmt.Sprintf("flow %d at %v: %v", hd.flow, at, err))
				}
			}
			return context.Cause(ctx)
		}, damage)
		if err != nil && !errors.Is(err, errReached) {
			return h, fmt.Errorf("check session %s: %w", dir, err)
		}
	}
	if err != nil {
		return h, nil
	}
	if err := r.checkRows(ctx, &h, damage); err != nil {
		return h, fmt.Errorf("check session %s: %w", dir, err)
	}
	return h, nil
}

// checkRows looks whether the heads of every row are where it says.
func (r *Reader) checkRows(ctx context.Context, h *Health, damage func(string)) error {
	var sound string
	if err := r.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil {
		damage("the index: " + err.Error())
		return nil
	}
	if sound != "ok" {
		damage("the index: " + sound)
	}
	there := make(map[uint32]bool)
	segments, err := listSegments(r.dir, headsStream)
	if err != nil {
		return err
	}
	for _, s := range segments {
		there[s.number] = true
	}
	var shelf headShelf
	defer shelf.close()
	rows, err := r.db.QueryContext(ctx, "SELECT number, head, outcome FROM flows")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var number, head, outcome int64
		if err := rows.Scan(&number, &head, &outcome); err != nil {
			return err
		}
		h.Flows++
		if !there[Pos(head).Segment()] || outcome == int64(flow.Running) {
			continue // removed to keep the session within its size; or not final
		}
		if shelf.picture(r.dir, Pos(head), uint64(number)) == nil {
			damage(fmt.Sprintf("flow %d: its heads are not at %v, where the index has them", number, Pos(head)))
		}
	}
	return rows.Err()
}

// Repair brings the session in dir in order: torn ends are cut, flows without
// an end are closed, and the index is made anew from the segments. Rows of
// flows whose heads have gone are lost with the old index, which stays beside
// the new one as flows.db.old.
func Repair(dir string) error {
	if _, err := readMeta(dir); err != nil {
		return fmt.Errorf("repair session %s: %w", dir, err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return fmt.Errorf("repair session %s: %w", dir, err)
	}
	for _, p := range indexFiles(dir) {
		to := filepath.Join(dir, strings.Replace(filepath.Base(p), "flows.db", "flows.db.old", 1))
		if err := os.Rename(p, to); err != nil && !gone(err) {
			lock.Close()
			return fmt.Errorf("repair session %s: %w", dir, err)
		}
	}
	lock.Close()
	s, err := Open(dir, Config{})
	if err != nil {
		return err
	}
	return s.Close()
}

// Keep says how long the session in dir is kept after it was written last: for
// ever where keep is negative. It fails with ErrLocked while it is written.
func Keep(dir string, keep time.Duration) error {
	lock, err := takeLock(dir)
	if err != nil {
		return fmt.Errorf("keep session %s: %w", dir, err)
	}
	defer lock.Close()
	m, err := readMeta(dir)
	if err != nil {
		return fmt.Errorf("keep session %s: %w", dir, err)
	}
	if m.Keep = int64(keep / time.Second); keep < 0 {
		m.Keep = -1
	}
	if err := writeMeta(dir, m); err != nil {
		return fmt.Errorf("keep session %s: %w", dir, err)
	}
	return nil
}
