package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/engine"
	"midstream/internal/flowview"
	"midstream/internal/query"
	"midstream/internal/store"
)

// defaultRows is how many rows are given out where nothing else is asked for.
const defaultRows = 200

// number reads a whole number of the query, def where it is not there.
func number(r *http.Request, name string, def int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badRequest("%s=%q: give a whole number", name, text)
	}
	return n, nil
}

// count reads how many of something are wanted.
func count(r *http.Request, name string) (int, error) {
	n, err := number(r, name, defaultRows)
	if err != nil {
		return 0, err
	}
	if n < 1 || n > maxRows {
		return 0, badRequest("%s=%d: give a number from 1 to %d", name, n, maxRows)
	}
	return int(n), nil
}

// parse reads a filter; "" is nil, which has all.
func (s *Server) parse(text string) (*query.Filter, error) {
	if text == "" {
		return nil, nil
	}
	return query.Parse(text, s.cfg.Case)
}

// getFlows is GET /flows.
func (s *Server) getFlows(w http.ResponseWriter, r *http.Request) error {
	filter, err := s.parse(r.URL.Query().Get("filter"))
	if err != nil {
		return err
	}
	limit, err := count(r, "limit")
	if err != nil {
		return err
	}
	after, err := number(r, "after", 0)
	if err != nil {
		return err
	}
	before, err := number(r, "before", 0)
	if err != nil {
		return err
	}
	if after < 0 || before < 0 {
		return badRequest("after and before are numbers of flows, from 1")
	}
	o := store.SearchOptions{Filter: filter, After: uint64(after), Before: uint64(before), Limit: limit}
	switch order := r.URL.Query().Get("order"); order {
	case "", "newest":
	case "oldest":
		o.Oldest = true
	default:
		return badRequest("order=%q: give oldest or newest", order)
	}
	s.control.Store().Flush()
	var out struct {
		Rows      []Row      `json:"rows"`
		Undecided *undecided `json:"undecided,omitempty"`
	}
	out.Rows = []Row{}
	for sum, err := range s.reader.Search(r.Context(), o) {
		if u, some := store.Undecided(err); some {
			out.Undecided = &undecided{u.Flows, u.Error()}
			break
		}
		if err != nil {
			return err
		}
		out.Rows = append(out.Rows, s.hub.row(&sum))
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// flowNumber finds the flow that the path names.
func (s *Server) flowNumber(r *http.Request) (uint64, error) {
	s.control.Store().Flush()
	return flowview.Resolve(r.Context(), s.reader, r.PathValue("id"))
}

// getFlow is GET /flows/{id}.
func (s *Server) getFlow(w http.ResponseWriter, r *http.Request) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	f, err := s.reader.Get(r.Context(), n)
	if err != nil {
		return err
	}
	if f.Live() {
		copied := *f
		if up, down, live := s.control.Passed(n); live {
			copied.RequestBody.Sent, copied.ResponseBody.Sent = up, down
		}
		s.hub.noted(n).apply(&copied)
		f = &copied
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(dump.Object{Certificates: true}.Append(nil, f), '\n')) // the client has left
	return nil
}

// Which says which flows are meant: by their numbers, or by a filter.
type Which struct {
	Numbers []uint64 `json:"numbers,omitempty"`
	Filter  *string  `json:"filter,omitempty"`
	// Last is the newest flow that the filter means, 0 for none: who asks for what was
	// seen leaves alone what has come since.
	Last uint64 `json:"last,omitempty"`
}

// maxNumbers bounds the flows of one request that are named one by one.
const maxNumbers = 100_000

// numbers finds them.
func (s *Server) numbers(ctx context.Context, which Which) ([]uint64, error) {
	switch {
	case which.Filter == nil && which.Numbers == nil:
		return nil, badRequest("say which flows: numbers or filter")
	case which.Numbers != nil && which.Last != 0:
		return nil, badRequest("last is for a filter: numbers mean what they say")
	case which.Filter != nil && which.Numbers != nil:
		return nil, badRequest("numbers and filter exclude each other")
	case len(which.Numbers) > maxNumbers:
		return nil, badRequest("%d numbers are more than %d: give a filter", len(which.Numbers), maxNumbers)
	case which.Numbers != nil:
		return which.Numbers, nil
	}
	filter, err := s.parse(*which.Filter)
	if err != nil {
		return nil, err
	}
	s.control.Store().Flush()
	o := store.SearchOptions{Filter: filter, Oldest: true, Numbers: true}
	if which.Last != 0 && which.Last < math.MaxInt64 {
		o.Before = which.Last + 1
	}
	var list []uint64
	for sum, err := range s.reader.Search(ctx, o) {
		if err != nil {
			return nil, err
		}
		list = append(list, sum.Number)
	}
	return list, nil
}

// Done is what was done to flows.
type Done struct {
	Done   int      `json:"done"`
	Failed []Failed `json:"failed"`
	// Numbers are the flows that were made, or that are left, where that is what was
	// asked for.
	Numbers []uint64 `json:"numbers,omitempty"`
}

// Failed is a flow to which something could not be done.
type Failed struct {
	Number uint64 `json:"number"`
	Text   string `json:"text"`
}

// maxFailed bounds those that are named.
const maxFailed = 100

// each does something to every flow.
func each(ctx context.Context, numbers []uint64, do func(uint64) error) Done {
	d := Done{Failed: []Failed{}}
	for _, n := range numbers {
		err := ctx.Err()
		if err == nil {
			err = do(n)
		}
		if err == nil {
			d.Done++
		} else if len(d.Failed) < maxFailed {
			d.Failed = append(d.Failed, Failed{n, asError(err).Text})
		}
	}
	return d
}

// edit marks or comments flows; those that run get it when they have ended.
func (s *Server) edit(w http.ResponseWriter, r *http.Request, which Which, n note) error {
	numbers, err := s.numbers(r.Context(), which)
	if err != nil {
		return err
	}
	s.control.Store().Flush()
	d := each(r.Context(), numbers, func(number uint64) error {
		err := s.control.Store().Edit(number, n.apply)
		if !errors.Is(err, store.ErrRunning) {
			return err
		}
		if err := s.hub.noteLater(number, n); err != nil {
			return err
		}
		if err := s.control.Store().Edit(number, n.apply); !errors.Is(err, store.ErrRunning) {
			return err // it has ended meanwhile
		}
		return nil
	})
	s.control.Store().Flush()
	s.hub.changed(r.Context(), numbers)
	writeJSON(w, http.StatusOK, d)
	return nil
}

// maxText bounds markers and comments, in octets.
const maxText = 64 << 10

// postMark is POST /flows/mark.
func (s *Server) postMark(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Which
		Marker *string `json:"marker"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Marker == nil || len(*in.Marker) > maxText {
		return badRequest("marker is missing, or larger than %d octets", maxText)
	}
	return s.edit(w, r, in.Which, note{marker: in.Marker})
}

// postComment is POST /flows/comment.
func (s *Server) postComment(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Which
		Comment *string `json:"comment"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Comment == nil || len(*in.Comment) > maxText {
		return badRequest("comment is missing, or larger than %d octets", maxText)
	}
	if by := s.control.Redactor(); by != nil {
		in.Comment = new(by.Text(*in.Comment))
	}
	return s.edit(w, r, in.Which, note{comment: in.Comment})
}

// postDelete is POST /flows/delete. Flows that run stay.
func (s *Server) postDelete(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	s.control.Store().Flush()
	var ended []uint64
	d := each(r.Context(), numbers, func(n uint64) error {
		if _, _, live := s.control.Passed(n); live {
			return conflict("flow %d runs: it can be deleted when it has ended", n)
		}
		ended = append(ended, n)
		return nil
	})
	if err := s.control.Store().Delete(r.Context(), ended); err != nil {
		return err
	}
	s.hub.removed(ended)
	writeJSON(w, http.StatusOK, d)
	return nil
}

// postKill is POST /flows/kill.
func (s *Server) postKill(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, each(r.Context(), numbers, func(n uint64) error {
		err := s.control.Kill(n)
		if errors.Is(err, engine.ErrNotLive) {
			return conflict("%s", err)
		}
		return err
	}))
	return nil
}

// which reads a request that says no more than which flows.
func (s *Server) which(w http.ResponseWriter, r *http.Request) ([]uint64, error) {
	var in Which
	if err := readJSON(w, r, &in); err != nil {
		return nil, err
	}
	return s.numbers(r.Context(), in)
}

// sideOf reads the side in the path.
func sideOf(r *http.Request) (flow.Side, error) {
	switch side := r.PathValue("side"); side {
	case "request":
		return flow.ToServer, nil
	case "response":
		return flow.ToClient, nil
	default:
		return 0, notFound("a flow has no %q, only request and response", side)
	}
}
