package api

import (
	"crypto/rand"
	"net/http"
	"time"
)

// ViewWish is which flows a view has, and in which order.
type ViewWish struct {
	Filter     string `json:"filter"`
	Order      string `json:"order"`
	Descending bool   `json:"descending"`
}

// postView is POST /views.
func (s *Server) postView(w http.ResponseWriter, r *http.Request) error {
	var in ViewWish
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	filter, err := s.parse(in.Filter)
	if err != nil {
		return err
	}
	if in.Order == "" {
		in.Order = "number"
	}
	key, ok := orders[in.Order]
	if !ok {
		return badRequest("order %q: docs/openapi.yaml has those that there are", in.Order)
	}
	v := &view{filter: filter, hide: behind(w) != nil, used: time.Now(), ranks: ranks{key: key, desc: in.Descending}}
	v.facts = View{ID: rand.Text(), Filter: in.Filter, Order: in.Order, Descending: in.Descending, State: "running"}
	h := s.hub
	h.mu.Lock()
	if len(h.views) >= maxViews {
		h.mu.Unlock()
		return fault(http.StatusTooManyRequests, "too-many", "there are %d views already: end one of them, or wait until one that nobody looks at has ended", maxViews)
	}
	v.cancel = func() {}
	h.views[v.facts.ID] = v
	h.setWatching()
	h.wish()
	h.mu.Unlock()
	h.rebuild(v)
	writeJSON(w, http.StatusCreated, v.state())
	return nil
}

// getView is GET /views/{view}.
func (s *Server) getView(w http.ResponseWriter, r *http.Request) error {
	v, err := s.hub.find(r.PathValue("view"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v.state())
	return nil
}

// deleteView is DELETE /views/{view}.
func (s *Server) deleteView(w http.ResponseWriter, r *http.Request) error {
	s.hub.end(r.PathValue("view"))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// getRows is GET /views/{view}/rows.
func (s *Server) getRows(w http.ResponseWriter, r *http.Request) error {
	v, err := s.hub.find(r.PathValue("view"))
	if err != nil {
		return err
	}
	var p page
	if p.n, err = count(r, "n"); err != nil {
		return err
	}
	from, err := number(r, "from", 0)
	if err != nil {
		return err
	}
	p.from = int(min(max(from, -1<<40), 1<<40))
	p.facts = r.URL.Query().Get("facts") == "1"
	for name, at := range map[string]**uint64{"around": &p.around, "after": &p.after, "before": &p.before} {
		if !r.URL.Query().Has(name) {
			continue
		}
		n, err := number(r, name, 0)
		if err != nil {
			return err
		}
		flow := uint64(max(n, 0))
		*at = &flow
	}
	rows, err := s.hub.rows(r.Context(), v, p)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

// window is which rows are on a screen. One that begins below 0 is at the end, also as
// more comes: it begins so many rows before it.
type window struct {
	From  int  `json:"from"`
	N     int  `json:"n"`
	Facts bool `json:"facts"`
}

func (w window) check() error {
	if w.N < 0 || w.N > maxRows || w.From > 1<<40 {
		return badRequest("a window has at most %d rows, and begins at a rank from 0", maxRows)
	}
	if w.From < -w.N {
		return badRequest("a window that begins %d rows before the end has at least as many: n is %d", -w.From, w.N)
	}
	return nil
}

// putWindow is PUT /views/{view}/window.
func (s *Server) putWindow(w http.ResponseWriter, r *http.Request) error {
	v, err := s.hub.find(r.PathValue("view"))
	if err != nil {
		return err
	}
	var in window
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	v.setWindow(in)
	s.hub.wishAnew()
	w.WriteHeader(http.StatusNoContent)
	return nil
}
