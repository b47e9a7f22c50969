package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// wordTable is the dictionary of an index, read as far as it is asked for. It
// may be used at once.
type wordTable struct {
	mu   sync.Mutex
	db   *sql.DB
	text []string // by number
}

const (
	// wordsAtOnce is how many are read in one go.
	wordsAtOnce = 16 << 10
	// keptWords bounds those that stay in memory.
	keptWords = 512 << 10
)

// get returns a word; "" for 0.
func (t *wordTable) get(ctx context.Context, id int64) (string, error) {
	if id <= 0 {
		return "", nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id >= int64(len(t.text)) && id < keptWords {
		if err := t.load(ctx, id); err != nil {
			return "", fmt.Errorf("read index: %w", err)
		}
	}
	if id < int64(len(t.text)) {
		return t.text[id], nil
	}
	var text string
	err := t.db.QueryRowContext(ctx, "SELECT text FROM words WHERE id = ?", id).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read index: %w", err)
	}
	return text, nil
}

// load reads on until id is there.
func (t *wordTable) load(ctx context.Context, id int64) error {
	for id >= int64(len(t.text)) {
		rows, err := t.db.QueryContext(ctx, "SELECT id, text FROM words WHERE id >= ? ORDER BY id LIMIT ?", len(t.text), wordsAtOnce)
		if err != nil {
			return err
		}
		n := 0
		for ; rows.Next(); n++ {
			var at int64
			var text string
			if err = rows.Scan(&at, &text); err != nil || at >= keptWords {
				break
			}
			for int64(len(t.text)) < at {
				t.text = append(t.text, "")
			}
			t.text = append(t.text, text)
		}
		if err == nil {
			err = rows.Err()
		}
		rows.Close()
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}
