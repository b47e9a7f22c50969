package store

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strconv"
)

// marked returns the flows with a marker that have ended and may have something
// in a segment, in the order of their numbers.
func (x *index) marked(stream uint8, segment uint32, after uint64, limit int) ([]markedFlow, error) {
	where, from := "bodies >= ? AND bodies < ?", Pos(0)
	if stream == headsStream {
		where, from = "head >= ? AND head < ?", posOf(segment, 0)
	}
	rows, err := x.conn.QueryContext(context.Background(), "SELECT number, head FROM flows WHERE marker <> '' AND outcome <> 0 AND number > ? AND "+
		where+" ORDER BY number LIMIT ?", int64(after), int64(from), int64(posOf(segment+1, 0)), limit)
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	var list []markedFlow
	for rows.Next() {
		var number, head int64
		if err := rows.Scan(&number, &head); err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		list = append(list, markedFlow{uint64(number), Pos(head)})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	return list, nil
}

// trim removes the rows of flows without a marker whose heads stand before a
// position.
func (x *index) trim(before Pos) error {
	return x.remove("head < ? AND marker = ''", int64(before))
}

// removedAtOnce is how many rows go in one transaction.
const removedAtOnce = 8 << 10

// remove removes rows and what is known of them.
func (x *index) remove(where string, args ...any) error {
	ctx := context.Background()
	for {
		numbers, err := x.numbers(ctx, "SELECT number FROM flows WHERE "+where+" ORDER BY number LIMIT "+strconv.Itoa(removedAtOnce), args...)
		if err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		if len(numbers) == 0 {
			return nil
		}
		if _, err := x.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		_, err = x.conn.ExecContext(ctx, "DELETE FROM flows WHERE number <= ? AND "+where, append([]any{int64(numbers[len(numbers)-1])}, args...)...)
		if err == nil {
			err = x.forget(ctx, numbers)
		}
		if err == nil {
			_, err = x.conn.ExecContext(ctx, "COMMIT")
		}
		if err != nil {
			x.conn.ExecContext(ctx, "ROLLBACK")
			x.blocks.drop()
			return fmt.Errorf("write index: %w", err)
		}
	}
}

func (x *index) numbers(ctx context.Context, query string, args ...any) ([]uint64, error) {
	rows, err := x.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []uint64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		list = append(list, uint64(n))
	}
	return list, rows.Err()
}

// indexVersionOf reads the version of an index.
func indexVersionOf(ctx context.Context, c *sql.Conn) (int, error) {
	var version int
	err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// upgrade copies the index and migrates it. The copy stays beside it, as
// flows.db.v1 for version 1.
func (x *index) upgrade(ctx context.Context, dir string, version int) error {
	// All that is in the log comes into the file first.
	if _, err := x.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	if err := copyFile(indexPath(dir)+".v"+strconv.Itoa(version), indexPath(dir)); err != nil {
		return fmt.Errorf("copy it first: %w", err)
	}
	return x.migrate(ctx)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := openPrivate(to)
	if err != nil {
		return err
	}
	if err = out.Truncate(0); err == nil {
		_, err = io.Copy(out, in)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
