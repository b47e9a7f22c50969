package store

import (
	"context"

	"midstream/internal/query"
)

// Rows returns the lines of flows by their numbers, in any order; those that are
// not there are left out. A live flow is shown as far as it is on disk.
func (r *Reader) Rows(ctx context.Context, numbers []uint64) (map[uint64]Summary, error) {
	s, err := r.search(ctx, SearchOptions{})
	if err != nil {
		return nil, err
	}
	all := make(map[uint64]Summary, len(numbers))
	list := make([]candidate, 0, rowsTogether)
	for len(numbers) > 0 {
		n := min(len(numbers), rowsTogether)
		list = list[:0]
		for _, number := range numbers[:n] {
			list = append(list, candidate{number, query.Yes})
		}
		numbers = numbers[n:]
		rows, err := s.rows(list)
		if err != nil {
			return nil, causeOf(ctx, err)
		}
		for number, row := range rows {
			all[number] = row
		}
	}
	return all, nil
}
