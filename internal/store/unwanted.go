package store

import (
	"os"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// unwanted tells whether the filter of the session keeps a flow out.
func (r *Record) unwanted(f *flow.Flow) bool {
	filter := r.s.cfg.Filter
	return filter != nil && filter.SoFar(f, time.Now()) == query.No
}

// leaveOut drops all that was taken of a flow, and what comes. The writer gives
// back what is on disk.
func (r *Record) leaveOut() {
	r.mu.Lock()
	r.unwelcome = true
	r.mu.Unlock()
	r.Drop(flow.ToServer)
	r.Drop(flow.ToClient)
	r.mu.Lock()
	put := false
	if !r.ended {
		r.ended, r.subject = true, nil
		if r.picture == nil {
			r.picture = &flow.Flow{} // nothing of it is written
		}
		put = r.enqueue()
	}
	r.mu.Unlock()
	if put {
		r.s.q.put(r)
	}
}

// discard makes what was written of a flow zeros, and forgets it. The caller
// holds its mu.
func (w *writer) discard(r *Record) {
	if r.size > 0 {
		w.s.q.releasePicture(r.size)
		r.size = 0
	}
	r.picture, r.fresh = nil, false
	w.s.forget(r)
	spans := make(map[uint8][]Pos)
	spans[headsStream] = r.heads
	for i := range r.out {
		for mapped, l := range map[Kind]extentList{kindMap: r.out[i], kindMarkMap: r.marks[i]} {
			all, err := allExtents(w.s.dir, r.number, Side(i), mapped, l)
			if err != nil {
				continue // what cannot be found stays until its segment goes
			}
			for _, x := range all.items {
				spans[bodiesStream] = append(spans[bodiesStream], x.at)
			}
			spans[bodiesStream] = append(spans[bodiesStream], all.maps...)
		}
	}
	if len(r.heads) == 0 && len(spans[bodiesStream]) == 0 {
		return
	}
	w.flushBody()
	w.flushHead()
	if w.s.failed() != nil {
		return
	}
	for stream, list := range spans {
		for _, at := range list {
			w.blank(stream, at, r.number)
		}
	}
	if r.indexed {
		// A failure of the index is told by the indexer.
		_ = w.ask(func(x *index) error { return x.remove("number = ?", int64(r.number)) })
	}
}

// blank makes one record zeros. What cannot be read is left as it is.
func (w *writer) blank(stream uint8, at Pos, number uint64) {
	f, err := os.OpenFile(segmentPath(w.s.dir, stream, at.Segment()), os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	var p [maxHeader]byte
	n, _ := f.ReadAt(p[:], at.Offset())
	h, err := parseHeader(p[:n])
	if err != nil || h.flow != number {
		return
	}
	if err := zero(f, span{at.Offset(), at.Offset() + h.total()}); err != nil {
		w.s.cfg.Log.Warn("a flow that session_filter leaves out could not be erased", "session", w.s.dir, "flow", number, "err", err)
	}
}
