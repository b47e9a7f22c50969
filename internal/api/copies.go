package api

import (
	"context"
	"io"
	"net/http"
	"strings"

	"midstream/flow"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/store"
)

// maxCopies bounds the flows that are copied by one request.
const maxCopies = 1000

// item reads one flow; done lets go of its bodies.
func (s *Server) item(ctx context.Context, n uint64) (it *format.Item, done func(), err error) {
	f, err := s.reader.Get(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	if f.Live() {
		return nil, nil, conflict("flow %d runs: wait until it has ended", n)
	}
	src := capture.FromReader(ctx, s.reader, func(yield func(store.Summary, error) bool) { yield(store.Summary{Number: n}, nil) })
	it, err = src.Next()
	if err != nil {
		src.Close()
		if err == io.EOF {
			err = store.ErrNotFound
		}
		return nil, nil, err
	}
	return it, func() { src.Close() }, nil
}

// copyFlow records a copy of a flow, changed as d says, and returns it.
func (s *Server) copyFlow(ctx context.Context, n uint64, d Draft) (*flow.Flow, error) {
	it, done, err := s.item(ctx, n)
	if err != nil {
		return nil, err
	}
	defer done()
	c := copyOf(it)
	parts, err := d.applied(c)
	if err != nil {
		return nil, err
	}
	if parts != "" {
		c.Flow.Metadata[EditedParts] = parts
	}
	seen, let, err := s.control.Seen(c)
	if err != nil {
		return nil, err
	}
	defer let()
	f, _, err := capture.Into(s.control.Store()).Record(seen)
	return f, err
}

// applied changes a copy, and names what of it; "" is nothing.
func (d Draft) applied(it *format.Item) (string, error) {
	if d == (Draft{}) {
		return "", nil
	}
	parts, err := d.apply(it)
	return strings.Join(parts, ", "), err
}

// postDuplicate is POST /flows/duplicate.
func (s *Server) postDuplicate(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	if len(numbers) > maxCopies {
		return badRequest("%d flows are more than %d, which can be copied at a time", len(numbers), maxCopies)
	}
	s.control.Store().Flush()
	made := []uint64{}
	d := each(r.Context(), numbers, func(n uint64) error {
		f, err := s.copyFlow(r.Context(), n, Draft{})
		if err == nil {
			made = append(made, f.Number)
		}
		return err
	})
	d.Numbers = made
	s.tellNew(r.Context(), made)
	writeJSON(w, http.StatusOK, d)
	return nil
}

// tellNew tells views of flows that were recorded without having passed.
func (s *Server) tellNew(ctx context.Context, numbers []uint64) {
	s.control.Store().Flush()
	s.hub.changed(ctx, numbers)
}

// Made is a flow that was made.
type Made struct {
	Number uint64 `json:"number"`
	ID     string `json:"id,omitempty"`
}

// postEdit is POST /flows/{id}/edit: what passed stays as it is, and a copy is
// what is changed.
func (s *Server) postEdit(w http.ResponseWriter, r *http.Request) error {
	var d Draft
	if err := readJSON(w, r, &d); err != nil {
		return err
	}
	if d == (Draft{}) {
		return badRequest("say what is to be changed: request, request_body, response, response_body")
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	f, err := s.copyFlow(r.Context(), n, d)
	if err != nil {
		return err
	}
	s.tellNew(r.Context(), []uint64{f.Number})
	writeJSON(w, http.StatusCreated, Made{f.Number, f.ID.String()})
	return nil
}

// postRevert is POST /flows/revert: edited copies go, and what they were made of
// is what is left.
func (s *Server) postRevert(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	s.control.Store().Flush()
	var copies []uint64
	before := []uint64{}
	d := each(r.Context(), numbers, func(n uint64) error {
		f, err := s.reader.Get(r.Context(), n)
		if err != nil {
			return err
		}
		if f.Metadata[EditedParts] == "" {
			return conflict("flow %d is as it passed: there is nothing to revert", n)
		}
		was, err := s.reader.Find(r.Context(), f.Metadata[CopyOf])
		if err != nil {
			return conflict("flow %d was made of %s, which is not there any more", n, f.Metadata[CopyOf])
		}
		copies, before = append(copies, n), append(before, was)
		return nil
	})
	if err := s.control.Store().Delete(r.Context(), copies); err != nil {
		return err
	}
	s.hub.removed(copies)
	d.Numbers = before
	writeJSON(w, http.StatusOK, d)
	return nil
}
