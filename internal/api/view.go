package api

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/flowview"
	"midstream/internal/query"
	"midstream/internal/store"
)

// maxRows is how many rows are given out at a time.
const maxRows = 1000

// View is how far a view is.
type View struct {
	ID         string     `json:"id"`
	Filter     string     `json:"filter"`
	Order      string     `json:"order"`
	Descending bool       `json:"descending"`
	State      string     `json:"state"` // running or ready
	Seq        uint64     `json:"seq"`
	Total      int        `json:"total"`
	Of         uint64     `json:"of"`
	Seen       uint64     `json:"seen"`
	Undecided  *undecided `json:"undecided,omitempty"`
}

// undecided are flows of which a filter could not be told.
type undecided struct {
	Flows uint64 `json:"flows"`
	Text  string `json:"text"`
}

// Row is one row of a view.
type Row struct {
	Rank *int   `json:"rank,omitempty"`
	Held string `json:"held,omitempty"`
	// Gone tells that the flow has been removed since.
	Gone bool `json:"gone,omitempty"`
	// Facts are there for who asks.
	Facts *Facts `json:"facts,omitempty"`
	flowview.Row
}

// Batch is what has changed in a view.
type Batch struct {
	Seq      uint64 `json:"seq"`
	Total    int    `json:"total"`
	Of       uint64 `json:"of"`
	Seen     uint64 `json:"seen"`
	State    string `json:"state"`
	Appended int    `json:"appended"`
	Shifted  bool   `json:"shifted"`
	First    int    `json:"first,omitempty"` // where Shifted: ranks below it are what they were
	// Where Shifted, unless they are too many: the ranks that flows had which left, and
	// those that flows have which came, but for the Appended. Each is a run: its first
	// rank, and how many.
	Left [][2]int `json:"left,omitempty"`
	Came [][2]int `json:"came,omitempty"`
	Rows []Row    `json:"rows"`
}

// view is a filtered and ordered list of flows that is kept up to date.
type view struct {
	filter *query.Filter // nil has all
	hide   bool          // credentials in rows
	cancel context.CancelFunc
	feed   feed

	mu       sync.Mutex // guards the rest
	ranks    ranks
	facts    View // but Total
	from, n  int  // the window; below 0 it begins so many rows before the end
	whole    bool // rows in the window are told with their facts
	used     time.Time
	touched  map[uint64]bool // while past flows are searched: those that are decided on
	progress map[uint64][2]int64
	build    int // counts the searches; an older one adds nothing
}

func (v *view) touch() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used = time.Now()
}

func (v *view) idle(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.feed.count() == 0 && now.Sub(v.used) > viewIdle
}

func (v *view) stop() {
	v.mu.Lock()
	cancel := v.cancel
	v.mu.Unlock()
	cancel()
	v.feed.close()
}

func (v *view) readerCount() int { return v.feed.count() }

// now is how far the view is. mu is held.
func (v *view) now() View {
	f := v.facts
	f.Total = v.ranks.len()
	return f
}

func (v *view) state() View {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now()
}

func (v *view) setWindow(w window) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.from, v.n, v.whole, v.used = w.From, w.N, w.Facts, time.Now()
}

// window is from which rank to which, that not among them, rows are looked at. mu is
// held.
func (v *view) window() (from, end int) {
	if from = v.from; from < 0 {
		from = max(0, v.ranks.len()+from)
	}
	return from, from + v.n
}

// take brings flows into the view that it has, and takes others away: those that
// are unwanted, nil for none, and those that are gone.
func (v *view) take(h *Hub, n *news, unwanted []bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var added []entry
	left := make(map[uint64]bool)
	for number := range n.gone {
		if v.touched != nil {
			v.touched[number] = true
		}
		if v.ranks.has(number) {
			left[number] = true
		}
	}
	of := v.facts.Of
	v.facts.Of = max(of, n.last()) // most of the unwanted are not in the view, and in the session all the same
	if v.touched != nil {
		for _, number := range n.numbers {
			v.touched[number] = true
		}
	}
	wanted := false
	if v.filter == nil && v.ranks.key == nil {
		wanted = len(n.numbers) > 0
		for _, number := range n.numbers {
			if !v.ranks.has(number) {
				added = append(added, entry{number: number})
			}
		}
	} else {
		added, wanted = v.sort(n, unwanted, left)
	}
	m := v.ranks.change(left, added)
	if v.ranks.key != nil {
		for _, e := range added {
			i, _ := n.find(e.number)
			v.ranks.loosen(e, n.flows[i].Live())
		}
	}
	if !wanted && !m.shifted && v.facts.Of == of {
		return
	}
	v.tell(h, m, n.row)
}

// sort finds which of the flows come, and notes which leave. mu is held.
func (v *view) sort(n *news, unwanted []bool, left map[uint64]bool) (added []entry, wanted bool) {
	for i, f := range n.flows {
		there := v.ranks.has(f.Number)
		if unwanted != nil && unwanted[i] {
			if there {
				left[f.Number] = true
			}
			continue
		}
		wanted = true
		e := v.ranks.entryOf(n.sum(i))
		if there {
			if v.ranks.key == nil {
				continue
			}
			if rank, ok := v.ranks.find(f.Number); ok && v.ranks.list[rank] == e {
				v.ranks.loosen(e, f.Live())
				continue
			}
			left[f.Number] = true // it moves
		}
		added = append(added, e)
	}
	return added, wanted
}

// tell sends a batch to the readers; news has what is new of a flow, nil nothing. mu
// is held.
func (v *view) tell(h *Hub, m moved, news func(number uint64) (*store.Summary, *flow.Flow, bool)) {
	v.facts.Seq++
	now := v.now()
	b := Batch{Seq: now.Seq, Total: now.Total, Of: now.Of, Seen: now.Seen, State: now.State, Appended: m.appended, Shifted: m.shifted, First: m.first, Left: m.left, Came: m.came, Rows: []Row{}}
	if v.feed.count() == 0 {
		return
	}
	total := v.ranks.len()
	tell := func(from, end int) {
		for rank := from; rank < end; rank++ {
			if s, f, ok := news(v.ranks.at(rank)); ok {
				row := h.row(s)
				row.Rank = &rank
				if v.whole && f != nil {
					row.Facts = factsOf(f)
				}
				b.Rows = append(b.Rows, row)
			}
		}
	}
	if from, end := v.window(); news != nil && v.n > 0 {
		tell(from, min(end, total))
		if end >= total-m.appended { // who follows goes on from there
			tell(max(end, total-mostNew), total)
		}
	}
	data, err := json.Marshal(b)
	if err != nil {
		return
	}
	v.send(&told{name: "batch", data: data})
}

func (v *view) send(message *told) {
	if v.hide && v.feed.count() > 0 {
		message = &told{name: message.name, data: veil.JSON(message.data)}
	}
	v.feed.send(message)
}

// tellProgress tells how far the flows in the window are that run.
func (v *view) tellProgress(ctx context.Context, h *Hub) {
	v.mu.Lock()
	if v.feed.count() == 0 || v.n == 0 {
		v.mu.Unlock()
		return
	}
	var changed []uint64
	seen := make(map[uint64][2]int64)
	from, end := v.window()
	for rank := from; rank < min(end, v.ranks.len()); rank++ {
		number := v.ranks.at(rank)
		up, down, live := h.control.Passed(number)
		if !live {
			continue
		}
		seen[number] = [2]int64{up, down}
		if v.progress[number] != seen[number] {
			changed = append(changed, number)
		}
	}
	v.progress = seen
	v.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	rows, err := h.reader.Rows(ctx, changed)
	if err != nil {
		return
	}
	for number, s := range rows {
		if s.Outcome.Kind != flow.Running {
			delete(rows, number) // its end is told of
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tell(h, moved{}, func(number uint64) (*store.Summary, *flow.Flow, bool) {
		s, ok := rows[number]
		return &s, nil, ok // what else there is has been told
	})
}

// row is a flow as front ends show it.
func (h *Hub) row(s *store.Summary) Row {
	if s.Outcome.Kind == flow.Running {
		if up, down, live := h.control.Passed(s.Number); live {
			s.Request.Size, s.Response.Size = up, down
		}
	}
	r := Row{Row: flowview.RowOf(s), Held: h.held(s.Number)}
	if n := h.noted(s.Number); n.marker != nil {
		r.Marker = *n.marker
	}
	return r
}

// page is which rows are wanted.
type page struct {
	from, n               int
	around, after, before *uint64
	facts                 bool
}

// Rows are some rows of a view.
type Rows struct {
	Seq   uint64 `json:"seq"`
	Total int    `json:"total"`
	From  int    `json:"from"`
	Rank  *int   `json:"rank,omitempty"`
	Rows  []Row  `json:"rows"`
}

// choose finds the numbers of a page.
func (v *view) choose(p page) (Rows, []uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	total := v.ranks.len()
	out := Rows{Seq: v.facts.Seq, Total: total, Rows: []Row{}}
	find := func(number uint64) (int, bool) {
		i, there := v.ranks.find(number)
		rank := i
		if !there {
			rank = -1
		}
		out.Rank = &rank
		return i, there
	}
	from := p.from
	switch {
	case p.around != nil:
		i, _ := find(*p.around)
		from = min(i-p.n/2, total-p.n)
	case p.after != nil:
		i, there := find(*p.after)
		if from = i; there {
			from++
		}
	case p.before != nil:
		i, _ := find(*p.before)
		from = i - p.n
		p.n = min(p.n, i)
	case from < 0:
		from += total
	}
	out.From = min(max(from, 0), total)
	var numbers []uint64
	for rank := out.From; rank < min(total, out.From+p.n); rank++ {
		numbers = append(numbers, v.ranks.at(rank))
	}
	return out, numbers
}

// rows reads a page.
func (h *Hub) rows(ctx context.Context, v *view, p page) (Rows, error) {
	out, numbers := v.choose(p)
	if len(numbers) == 0 {
		return out, nil
	}
	h.control.Store().Flush()
	found, err := h.reader.Rows(ctx, numbers)
	if err != nil {
		return out, err
	}
	var gone []uint64
	for _, number := range numbers {
		s, ok := found[number]
		if !ok {
			gone = append(gone, number)
			out.Rows = append(out.Rows, Row{Gone: true, Row: flowview.Row{Number: number}})
			continue
		}
		out.Rows = append(out.Rows, h.row(&s))
	}
	if gone != nil {
		h.removed(gone) // session_max_age has taken them
	}
	if p.facts {
		h.complete(ctx, out.Rows)
	}
	return out, nil
}

// rebuild searches the past anew.
func (h *Hub) rebuild(v *view) {
	v.mu.Lock()
	ctx, cancel := context.WithCancel(h.ctx)
	if v.cancel != nil {
		v.cancel()
	}
	v.cancel = cancel
	v.ranks.clear()
	v.touched = make(map[uint64]bool)
	v.facts.State, v.facts.Seen, v.facts.Undecided = "running", 0, nil
	v.facts.Seq++
	v.build++
	build := v.build
	v.mu.Unlock()
	v.feed.resync()
	h.builds.Go(func() {
		defer cancel()
		h.control.Store().Flush()
		h.search(ctx, v, build)
	})
}

// buildAtATime is how many flows a search adds at once.
const buildAtATime = 4096

// search finds the past flows of a view.
func (h *Hub) search(ctx context.Context, v *view, build int) {
	o := store.SearchOptions{Filter: v.filter, Oldest: true, Numbers: v.ranks.key == nil}
	o.Progress = func(p store.Progress) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.build == build {
			v.facts.Seen, v.facts.Of = p.Seen, max(v.facts.Of, p.Of)
		}
	}
	var chunk []store.Summary
	var failed error
	for s, err := range h.reader.Search(ctx, o) {
		if err != nil {
			failed = err
			break
		}
		if chunk = append(chunk, s); len(chunk) == buildAtATime {
			if !v.adopt(h, build, chunk) {
				return
			}
			chunk = chunk[:0]
		}
	}
	v.adopt(h, build, chunk)
	u, some := store.Undecided(failed)
	if failed != nil && !some && !errors.Is(failed, context.Canceled) {
		h.log.Error("search the flows of a view", "err", failed)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.build != build {
		return
	}
	if some {
		v.facts.Undecided = &undecided{u.Flows, u.Error()}
	}
	v.touched = nil
	v.facts.State, v.facts.Seen = "ready", v.facts.Of
	v.tell(h, moved{}, nil)
	h.stir() // what pictures are needed is another
}

// adopt adds flows that a search has found, unless a newer search runs.
func (v *view) adopt(h *Hub, build int, found []store.Summary) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.build != build {
		return false
	}
	added := make([]entry, 0, len(found))
	for i := range found {
		s := &found[i]
		v.facts.Of = max(v.facts.Of, s.Number)
		if v.touched[s.Number] {
			continue
		}
		e := v.ranks.entryOf(s)
		added = append(added, e)
		v.ranks.loosen(e, s.Outcome.Kind == flow.Running)
	}
	m := v.ranks.change(nil, added)
	v.tell(h, m, nil)
	return v.ranks.len() <= maxEntries
}
