package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// UndecidedError says that a filter asks for what is not there any more: the
// flows of which it could not be told are left out.
type UndecidedError struct {
	Flows uint64
	First error
}

func (e *UndecidedError) Error() string {
	if e.Flows == 1 {
		return "of one flow it cannot be told whether the filter means it: " + e.First.Error()
	}
	return fmt.Sprintf("of %d flows it cannot be told whether the filter means them; the first: %v", e.Flows, e.First)
}

func (e *UndecidedError) Unwrap() error { return e.First }

// matching asks a filter of recorded flows, rows before heads and heads before
// bodies. It belongs to one goroutine.
type matching struct {
	r         *Reader
	filter    *query.Filter
	now       time.Time
	live      bool // a process writes the session
	undecided UndecidedError
	heads     headShelf
}

func (r *Reader) matching(filter *query.Filter) *matching {
	return &matching{r: r, filter: filter, now: time.Now(), live: r.Live()}
}

// wants tells whether the filter means the flow of a row; at is where its end
// record is, 0 where that is not known.
func (m *matching) wants(ctx context.Context, s *Summary, at Pos) (bool, error) {
	if m.filter == nil {
		return true, nil
	}
	if t := m.filter.Eval(func(a *query.Atom) query.Truth { return m.row(a, s) }); t != query.Unknown {
		return t == query.Yes, nil
	}
	var f *flow.Flow
	var from query.Bodies = bodies{m.r}
	var err error
	if pic := m.heads.picture(m.r.dir, at, s.Number); pic != nil {
		f, from = pic.flow, extents{m.r.dir, pic}
	} else if f, err = m.r.Get(ctx, s.Number); err != nil {
		return false, m.undecidable(ctx, err)
	}
	yes, err := m.filter.Match(ctx, f, from, m.now)
	if err != nil {
		return false, m.undecidable(ctx, err)
	}
	return yes, nil
}

// undecidable counts a flow that cannot be told of, and returns what ends the
// search.
func (m *matching) undecidable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if m.undecided.Flows++; m.undecided.First == nil {
		m.undecided.First = err
	}
	return nil
}

// rest is the error of a search that is over.
func (m *matching) rest() error {
	if m.undecided.Flows == 0 {
		return nil
	}
	return &m.undecided
}

// row answers from a row of the index.
func (m *matching) row(a *query.Atom, s *Summary) query.Truth {
	http := s.Kind == flow.HTTP
	switch a.Op {
	case query.All:
		return query.Yes
	case query.HTTP, query.TCP, query.UDP, query.DNS:
		return query.TruthOf("~"+s.Kind.String() == a.Name)
	case query.Failed:
		return query.TruthOf(s.Outcome.Kind != flow.Running && s.Outcome.Kind != flow.Completed || s.Outcome.Kind == flow.Running && !m.live)
	case query.Ended:
		kind := s.Outcome.Kind
		if kind == flow.Running && !m.live {
			kind = flow.Interrupt
		}
		return query.TruthOf(a.MatchesOutcome(kind))
	case query.Marked:
		return query.TruthOf(s.Marker != "")
	case query.Marker:
		return query.TruthOf(a.Matches(s.Marker))
	case query.Size:
		if s.Outcome.Kind == flow.Running {
			return query.Unknown
		}
		return query.TruthOf(a.Within(s.Request.Size + s.Response.Size))
	case query.Age:
		return query.TruthOf(a.Within(m.now.Sub(s.Start).Microseconds()))
	case query.Duration:
		if s.Outcome.Kind == flow.Running {
			return query.Unknown
		}
		return query.TruthOf(a.Within(s.Duration.Microseconds()))
	case query.Disposed:
		return query.TruthOf(a.Has(s.Request.Disposition.Word()) || a.Has(s.Response.Disposition.Word()))
	case query.Method, query.Status, query.Asset, query.WebSocket, query.Protocol,
		query.Type, query.RequestType, query.ResponseType, query.Head, query.RequestHead, query.ResponseHead, query.Domain:
		if !http || s.Method == "" {
			return query.No
		}
	}
	switch a.Op {
	case query.Method:
		return query.TruthOf(a.Matches(s.Method))
	case query.Status:
		return query.TruthOf(s.Status != 0 && a.Within(int64(s.Status)))
	case query.Answered, query.Unanswered:
		if http && s.Method != "" {
			return query.TruthOf((a.Op == query.Answered) == (s.Status != 0))
		}
	case query.URL:
		if http && s.Method != "" && s.Path != "*" && len(s.Path) < maxSummaryText && len(s.Host) < maxSummaryText {
			return query.TruthOf(a.Matches(s.URL()))
		}
	}
	return query.Unknown
}

// bodies opens recorded bodies for a filter.
type bodies struct{ r *Reader }

// Open opens what is left of one side of f.
func (b bodies) Open(ctx context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	return readBody(b.r.Body(ctx, f.Number, side))
}

// extents opens the bodies of one flow that has ended.
type extents struct {
	dir string
	pic *picture
}

// Open opens what is left of one side.
func (e extents) Open(_ context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	return readBody(openExtents(e.dir, f.Number, sideOf(side), e.pic.extents[side&1], e.pic.base))
}

func readBody(body *Body, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	if first := body.First(); first > 0 {
		body.Close()
		return nil, fmt.Errorf("bytes 0-%d were %w", first-1, ErrEvicted)
	}
	return &bodyReader{io.NewSectionReader(body, 0, body.Size()), body}, nil
}

type bodyReader struct {
	io.Reader
	body *Body
}

func (b *bodyReader) Close() error { return b.body.Close() }

// Undecided finds what a filter could not tell in the error of a search.
func Undecided(err error) (*UndecidedError, bool) {
	return errors.AsType[*UndecidedError](err)
}
