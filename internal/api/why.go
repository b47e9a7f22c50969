package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"midstream/internal/query"
	"midstream/internal/store"
)

// Why is why a filter matches what it matches.
type Why struct {
	// Flows are how many the filter matches, null where the time was not enough.
	Flows *uint64 `json:"flows"`
	Terms []Term  `json:"terms"`
	Kin   []Term  `json:"kin"`
}

// Term is a part of a filter, or another filter.
type Term struct {
	Text string `json:"text"`
	// Alone is how many flows it matches by itself.
	Alone *uint64 `json:"alone"`
	// Rest is the filter without it, which matches Without.
	Rest    string  `json:"rest,omitempty"`
	Without *uint64 `json:"without,omitempty"`
}

// Bounds of a reason.
const (
	whyTime  = 5 * time.Second
	maxTerms = 8
)

// getWhy is GET /filter/why.
func (s *Server) getWhy(w http.ResponseWriter, r *http.Request) error {
	filter, err := s.parse(r.URL.Query().Get("filter"))
	if err != nil {
		return err
	}
	if filter == nil {
		return badRequest("give a filter: an empty one matches all")
	}
	s.control.Store().Flush()
	ctx, cancel := context.WithTimeout(r.Context(), whyTime)
	defer cancel()
	out := Why{Flows: s.matches(ctx, filter), Terms: []Term{}, Kin: []Term{}}
	terms := filter.Terms()
	for i, text := range terms[:min(len(terms), maxTerms)] {
		t := Term{Text: text, Alone: out.Flows}
		if len(terms) > 1 {
			t.Alone = s.counted(ctx, text)
			t.Rest = strings.Join(append(append([]string{}, terms[:i]...), terms[i+1:]...), " & ")
			t.Without = s.counted(ctx, t.Rest)
		}
		out.Terms = append(out.Terms, t)
	}
	for _, text := range filter.Kin() {
		if n := s.counted(ctx, text); n != nil && *n > 0 {
			out.Kin = append(out.Kin, Term{Text: text, Alone: n})
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) counted(ctx context.Context, text string) *uint64 {
	filter, err := s.parse(text)
	if err != nil {
		return nil
	}
	return s.matches(ctx, filter)
}

// matches counts flows, nil where the time was not enough.
func (s *Server) matches(ctx context.Context, filter *query.Filter) *uint64 {
	n, err := s.reader.Count(ctx, store.SearchOptions{Filter: filter})
	if _, some := store.Undecided(err); err != nil && !some {
		return nil
	}
	return &n
}
