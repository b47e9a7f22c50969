package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// blocks keeps the facts of the flows beside their rows, in the same
// transactions. It belongs to the goroutine of its index.
type blocks struct {
	// kept are the facts of the blocks that were written last, as on disk:
	// most rows are of the newest.
	kept    map[int64][]facts
	order   []int64 // of kept, the oldest first
	changed map[int64]bool
	buf     []byte
}

// keptBlocks is how many blocks stay in memory: 50 KiB each.
const keptBlocks = 16

// note takes the facts of a row that is being written.
func (x *index) note(ctx context.Context, r *row) error {
	f := facts{
		number: r.Number, start: micros(r.Start), duration: r.Duration.Microseconds(), size: r.Request.Size + r.Response.Size,
		status: int64(r.Status), kind: r.Kind, outcome: r.Outcome.Kind, traits: r.traits,
		disposed: 1<<r.Request.Disposition&0xff | 1<<r.Response.Disposition&0xff,
	}
	for i, text := range [...]string{r.Method, r.Host, r.texts.target, r.texts.asked, r.texts.answered} {
		if text == "" {
			continue
		}
		id, err := x.word(ctx, text)
		if err != nil {
			return err
		}
		switch i {
		case 0:
			f.method = id
		case 1:
			f.host = id
		case 2:
			f.target = id
		case 3:
			f.asked = id
		case 4:
			f.answered = id
		}
	}
	list, err := x.block(ctx, blockOf(f.number))
	if err != nil {
		return err
	}
	i, there := slices.BinarySearchFunc(list, f.number, func(f facts, n uint64) int { return compareNumbers(f.number, n) })
	if there {
		list[i] = f
	} else {
		list = slices.Insert(list, i, f)
	}
	x.blocks.put(blockOf(f.number), list)
	return nil
}

func compareNumbers(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// forget takes out the facts of rows that are gone.
func (x *index) forget(ctx context.Context, numbers []uint64) error {
	for _, n := range numbers {
		list, err := x.block(ctx, blockOf(n))
		if err != nil {
			return err
		}
		x.blocks.put(blockOf(n), slices.DeleteFunc(list, func(f facts) bool { return f.number == n }))
		if len(x.blocks.changed) >= keptBlocks {
			if err := x.writeBlocks(ctx); err != nil {
				return err
			}
		}
	}
	return x.writeBlocks(ctx)
}

// put changes a block in memory.
func (b *blocks) put(block int64, list []facts) {
	if _, there := b.kept[block]; !there {
		b.order = append(b.order, block)
	}
	b.kept[block] = list
	b.changed[block] = true
}

// block returns the facts of a block as they are now.
func (x *index) block(ctx context.Context, block int64) ([]facts, error) {
	b := &x.blocks
	if b.kept == nil {
		b.kept, b.changed = make(map[int64][]facts), make(map[int64]bool)
	}
	if list, there := b.kept[block]; there {
		return list, nil
	}
	if len(b.order) >= keptBlocks {
		if err := x.writeBlocks(ctx); err != nil {
			return nil, err
		}
		for _, old := range b.order[:keptBlocks/2] {
			delete(b.kept, old)
		}
		b.order = slices.Delete(b.order, 0, keptBlocks/2)
	}
	var p []byte
	err := x.conn.QueryRowContext(ctx, "SELECT facts FROM blocks WHERE block = ?", block).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		return make([]facts, 0, mostInBlock), nil
	}
	if err != nil {
		return nil, err
	}
	return parseFacts(p, make([]facts, 0, mostInBlock))
}

// writeBlocks writes what has changed.
func (x *index) writeBlocks(ctx context.Context) error {
	b := &x.blocks
	for block := range b.changed {
		list := b.kept[block]
		if len(list) == 0 {
			if _, err := x.conn.ExecContext(ctx, "DELETE FROM blocks WHERE block = ?", block); err != nil {
				return err
			}
			continue
		}
		d := digestOf(list)
		short := d.append(nil)
		b.buf = appendFacts(b.buf[:0], list)
		if _, err := x.conn.ExecContext(ctx, "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", block, len(list), short, b.buf); err != nil {
			return err
		}
	}
	clear(b.changed)
	return nil
}

// drop forgets what is in memory, after a transaction that failed.
func (b *blocks) drop() {
	clear(b.kept)
	clear(b.changed)
	b.order = b.order[:0]
}

// migrate brings an index of version 1 to the present one. What it has keeps
// its rows; it gets no facts, and filters look at its rows instead.
func (x *index) migrate(ctx context.Context) error {
	var last int64
	if err := x.conn.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM flows").Scan(&last); err != nil {
		return err
	}
	for _, statement := range []string{
		"BEGIN IMMEDIATE",
		blocksSchema,
		fmt.Sprintf("INSERT OR REPLACE INTO meta VALUES ('%s', %d)", metaPlain, last),
		fmt.Sprintf("PRAGMA user_version=%d", indexVersion),
		"COMMIT",
	} {
		if _, err := x.conn.ExecContext(ctx, statement); err != nil {
			x.conn.ExecContext(ctx, "ROLLBACK")
			return err
		}
	}
	return nil
}
