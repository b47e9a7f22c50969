package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/instance"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Bounds of what is kept for front ends.
const (
	maxViews   = 16
	maxEntries = 8 << 20  // of all views
	maxPending = 64 << 10 // pictures that wait for the next batch
	maxNotes   = 10_000   // flows that run and are to be marked when they have ended
)

// How often things are told.
const (
	batchEvery    = 50 * time.Millisecond
	batchSlowest  = 250 * time.Millisecond
	progressEvery = 250 * time.Millisecond
	viewIdle      = 60 * time.Second
)

// Hub takes what changes from the engine and keeps the views. Make it with NewHub,
// give it to the instance as a Watcher, and Run it.
type Hub struct {
	watching atomic.Bool
	noting   atomic.Bool // there are notes
	resyncs  atomic.Int64

	mu        sync.Mutex // guards what follows; held for moments only
	pending   []*flow.Flow
	seen      []uint64 // flows that have changed, and of which nobody needs a picture
	recent    recent
	gone      map[uint64]bool // removed flows
	awaited   map[uint64]chan struct{}
	lost      bool // more came than is kept
	views     map[string]*view
	interests []interest
	wake      chan struct{}

	notesMu sync.Mutex // guards notes; mu may be held, the mutex of a view too
	notes   map[uint64]note

	control instance.Control
	reader  *store.Reader
	log     *slog.Logger
	held    func(number uint64) string // where a flow is held, "" where it is not
	builds  sync.WaitGroup
	ctx     context.Context
}

// note is what a flow that runs is to be given when it has ended.
type note struct{ marker, comment *string }

// NewHub returns a hub that nobody looks at yet.
func NewHub() *Hub {
	return &Hub{
		gone: make(map[uint64]bool), awaited: make(map[uint64]chan struct{}), notes: make(map[uint64]note),
		views: make(map[string]*view), wake: make(chan struct{}, 1), held: func(uint64) string { return "" },
	}
}

// Watch notes a picture. It implements engine.Watcher.
func (h *Hub) Watch(f *flow.Flow) {
	if !h.watching.Load() || f.Number == 0 {
		return
	}
	h.mu.Lock()
	if seen, there := h.awaited[f.Number]; there {
		close(seen)
		delete(h.awaited, f.Number)
	}
	first := len(h.pending)+len(h.seen)+len(h.recent.list) == 0
	switch need := h.need(f.Number); {
	case len(h.pending)+len(h.seen) >= maxPending:
		h.lost = true
	case need == needed:
		h.pending = append(h.pending, f.Light())
	case need == newest:
		if gone := h.recent.put(f.Light()); gone != 0 {
			h.seen = append(h.seen, gone)
		}
	default:
		h.seen = append(h.seen, f.Number)
	}
	h.mu.Unlock()
	if first {
		h.stir()
	}
}

func (h *Hub) stir() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run tells readers what has changed, until ctx ends.
func (h *Hub) run(ctx context.Context) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	defer h.builds.Wait()
	defer h.endAll()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.progress(ctx)
			h.expire(time.Now())
		case <-h.wake:
			pause := time.NewTimer(pace(h.batch(ctx)))
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return
			}
		}
	}
}

// pace is the pause behind a batch of so many pictures: the more passes, the less
// often is it told, so that what passes has the machine.
func pace(pictures int) time.Duration {
	return min(max(batchEvery, time.Duration(pictures)*time.Millisecond/2), batchSlowest)
}

// batch brings the views up to date, and returns how many pictures there were.
func (h *Hub) batch(ctx context.Context) int {
	h.mu.Lock()
	pending, seen, lost := h.recent.take(h.pending), h.seen, h.lost
	h.pending, h.seen = nil, nil
	// An empty map stays the hub's: it is filled as soon as the lock is given up.
	var gone map[uint64]bool
	if len(h.gone) > 0 {
		gone, h.gone = h.gone, make(map[uint64]bool)
	}
	h.lost = false
	views := h.viewList()
	h.mu.Unlock()
	count := len(pending) + len(seen)
	n := newsOf(pending, seen, gone)
	for _, v := range views {
		if lost {
			h.rebuild(v)
			continue
		}
		h.update(ctx, v, n)
	}
	h.wishAnew()
	h.applyNotes(n)
	return count
}

func (h *Hub) viewList() []*view {
	list := make([]*view, 0, len(h.views))
	for _, v := range h.views {
		list = append(list, v)
	}
	return list
}

// update brings one view up to date and tells its readers.
func (h *Hub) update(ctx context.Context, v *view, n *news) {
	if v.filter == nil {
		v.take(h, n, nil)
		return
	}
	now := time.Now()
	unwanted := make([]bool, len(n.flows))
	for i, f := range n.flows {
		unwanted[i] = !h.wants(ctx, v, f, now)
	}
	v.take(h, n, unwanted)
}

// wants tells whether a view has a flow. What only its body tells is found when it
// has ended.
func (h *Hub) wants(ctx context.Context, v *view, f *flow.Flow, now time.Time) bool {
	if v.filter == nil {
		return true
	}
	switch t := v.filter.Heads(f, now); {
	case t == query.Yes:
		return true
	case t == query.No || f.Live():
		return false
	}
	h.control.Store().Flush()
	for _, err := range h.reader.Search(ctx, store.SearchOptions{Filter: v.filter, After: f.Number - 1, Before: f.Number + 1}) {
		return err == nil
	}
	return false
}

// progress tells how far the flows are that run and are looked at.
func (h *Hub) progress(ctx context.Context) {
	h.mu.Lock()
	views := h.viewList()
	h.mu.Unlock()
	for _, v := range views {
		v.tellProgress(ctx, h)
	}
}

// expire ends the views that nobody wants any more.
func (h *Hub) expire(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, v := range h.views {
		if v.idle(now) {
			v.stop()
			delete(h.views, id)
		}
	}
	h.setWatching()
}

// setWatching notes whether pictures are wanted. mu is held.
func (h *Hub) setWatching() {
	h.notesMu.Lock()
	defer h.notesMu.Unlock()
	h.noting.Store(len(h.notes) > 0)
	h.watching.Store(len(h.views) > 0 || len(h.notes) > 0 || len(h.awaited) > 0)
}

// await returns what is closed when the flow of a number, which has no picture yet,
// has one: it is in the record then. forget ends it.
func (h *Hub) await(number uint64) (seen <-chan struct{}, forget func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan struct{})
	h.awaited[number] = c
	h.setWatching()
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.awaited, number)
		h.setWatching()
	}
}

func (h *Hub) endAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, v := range h.views {
		v.stop()
		delete(h.views, id)
	}
	h.setWatching()
}

// find returns a view.
func (h *Hub) find(id string) (*view, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.views[id]
	if !ok {
		return nil, notFound("there is no view %q any more: begin a new one", id)
	}
	v.touch()
	return v, nil
}

// end ends a view.
func (h *Hub) end(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, ok := h.views[id]; ok {
		v.stop()
		delete(h.views, id)
	}
	h.setWatching()
}

// removed tells views that flows are not there any more.
func (h *Hub) removed(numbers []uint64) {
	if !h.watching.Load() {
		return
	}
	h.mu.Lock()
	for _, n := range numbers {
		h.gone[n] = true
	}
	h.mu.Unlock()
	h.stir()
}

// mostAgain is how many flows that were changed are looked at one by one.
const mostAgain = 1000

// changed has views look again at flows whose marks were changed.
func (h *Hub) changed(ctx context.Context, numbers []uint64) {
	if !h.watching.Load() {
		return
	}
	if len(numbers) > mostAgain {
		h.again()
		return
	}
	for _, n := range numbers {
		if f, err := h.reader.Get(ctx, n); err == nil {
			h.Watch(f)
		}
	}
}

// again has all views begin anew.
func (h *Hub) again() {
	h.mu.Lock()
	h.lost = true
	h.mu.Unlock()
	h.stir()
}

// tellAll tells all readers of something that is of no view.
func (h *Hub) tellAll(event string, v any) {
	if !h.watching.Load() {
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	message := &told{name: event, data: data}
	h.mu.Lock()
	views := h.viewList()
	h.mu.Unlock()
	for _, v := range views {
		v.send(message)
	}
}

// readers are how many feeds are read.
func (h *Hub) readers() (views, readers int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.views {
		readers += v.readerCount()
	}
	return len(h.views), readers
}

// noteLater keeps what flows that run are to be given when they have ended.
func (h *Hub) noteLater(number uint64, n note) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.setWatching()
	h.notesMu.Lock()
	defer h.notesMu.Unlock()
	old, there := h.notes[number]
	if !there && len(h.notes) == maxNotes {
		return fault(429, "too-many", "%d flows that run are marked or commented: wait until some of them have ended", maxNotes)
	}
	if n.marker == nil {
		n.marker = old.marker
	}
	if n.comment == nil {
		n.comment = old.comment
	}
	h.notes[number] = n
	return nil
}

// noted is what a flow that runs is to be given.
func (h *Hub) noted(number uint64) note {
	h.notesMu.Lock()
	defer h.notesMu.Unlock()
	return h.notes[number]
}

// applyNotes changes the flows that have ended since.
func (h *Hub) applyNotes(news *news) {
	if !h.noting.Load() {
		return
	}
	for _, f := range news.flows {
		number := f.Number
		n := h.noted(number)
		if f.Live() || n == (note{}) {
			continue
		}
		h.mu.Lock()
		h.notesMu.Lock()
		delete(h.notes, number)
		h.notesMu.Unlock()
		h.setWatching()
		h.mu.Unlock()
		h.control.Store().Flush()
		if err := h.control.Store().Edit(number, n.apply); err != nil && !errors.Is(err, store.ErrNotFound) {
			h.log.Warn("mark a flow that has ended", "flow", number, "err", err)
		}
	}
}

func (n note) apply(f *flow.Flow) {
	if n.marker != nil {
		f.Marker = *n.marker
	}
	if n.comment != nil {
		f.Comment = *n.comment
	}
}
