package replay

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/store"
)

// Shelf keeps flows on disk, so that any of them can be taken at any time. Take may
// be called at once.
type Shelf struct {
	store  *store.Store // nil where nothing is put
	reader *store.Reader
	own    string // the folder that goes with the shelf, "" for none
}

// NewShelf makes an empty shelf in a folder of its own, which Close removes.
func NewShelf(dir string) (*Shelf, error) {
	s, err := store.Open(dir, store.Config{Stall: -1})
	if err != nil {
		return nil, fmt.Errorf("keep the flows that are replayed: %w", err)
	}
	shelf, err := ShelfIn(s)
	if err != nil {
		s.Close()
		return nil, err
	}
	shelf.own = dir
	return shelf, nil
}

// ShelfIn keeps flows in a session that is open for writing, and somebody else's.
func ShelfIn(s *store.Store) (*Shelf, error) {
	s.Flush()
	r, err := store.OpenReader(s.Dir())
	if err != nil {
		return nil, err
	}
	return &Shelf{store: s, reader: r}, nil
}

// shelfOf is a session on disk as a shelf, on which nothing is put.
func shelfOf(dir string) (*Shelf, error) {
	r, err := store.OpenReader(dir)
	if err != nil {
		return nil, err
	}
	return &Shelf{reader: r}, nil
}

// Put keeps an Item, and returns its number.
func (s *Shelf) Put(it *format.Item) (uint64, error) {
	f, _, err := capture.Into(s.store).Record(it)
	if err != nil {
		return 0, err
	}
	return f.Number, nil
}

// Take opens a flow; done lets go of it.
func (s *Shelf) Take(ctx context.Context, number uint64) (it *format.Item, done func(), err error) {
	if s.store != nil {
		s.store.Flush()
	}
	src := capture.FromReader(ctx, s.reader, one(number))
	it, err = src.Next()
	if err != nil {
		src.Close()
		if err == io.EOF {
			err = store.ErrNotFound
		}
		return nil, nil, fmt.Errorf("take flow %d: %w", number, err)
	}
	return it, func() { src.Close() }, nil
}

func one(number uint64) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) { yield(store.Summary{Number: number}, nil) }
}

// Close lets go of the shelf, and removes what is its own.
func (s *Shelf) Close() error {
	err := s.reader.Close()
	if s.own == "" {
		return err
	}
	if cerr := s.store.Close(); err == nil {
		err = cerr
	}
	if rerr := os.RemoveAll(s.own); err == nil {
		err = rerr
	}
	return err
}
