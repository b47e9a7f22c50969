package engine

import (
	"bytes"
	"io"
	"sync"
	"time"

	"midstream/flow"
)

// memory is a recorder that keeps everything in memory.
type memory struct {
	mu    sync.Mutex
	flows []*memoryRecord
	room  int
}

type memoryRecord struct {
	mu      sync.Mutex
	n       uint64
	heads   []flow.Side
	interim int
	body    [2]bytes.Buffer
	begun   [2]bool
	dropped [2]bool
	marks   [2][]flow.Mark
	times   [2][]time.Time // of pieces
	room    int            // bytes of a body that are kept; 0 for all
	cut     [2]bool
	end     *flow.Flow
	ended   chan struct{}
}

func (m *memory) Start() Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &memoryRecord{room: m.room, n: uint64(len(m.flows) + 1), ended: make(chan struct{})}
	m.flows = append(m.flows, r)
	return r
}

func (m *memory) only() *memoryRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.flows) != 1 {
		panic("not one flow")
	}
	return m.flows[0]
}

func (r *memoryRecord) Number() uint64 { return r.n }
func (r *memoryRecord) Head(f *flow.Flow, side flow.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads = append(r.heads, side)
}
func (r *memoryRecord) Interim(*flow.Response) { r.interim++ }
func (r *memoryRecord) PieceAt(side flow.Side, p []byte, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[side] = true
	r.times[side] = append(r.times[side], at)
	if left := r.room - r.body[side].Len(); r.room > 0 && len(p) > left {
		p, r.cut[side] = p[:left], true
	}
	r.body[side].Write(p)
}
func (r *memoryRecord) Mark(side flow.Side, m flow.Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks[side] = append(r.marks[side], m)
}
func (r *memoryRecord) Drop(side flow.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped[side] = true
	r.body[side].Reset()
}
func (r *memoryRecord) State(side flow.Side) (flow.Record, int64, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped[side] || !r.begun[side] {
		return flow.Unrecorded, 0, ""
	}
	if r.cut[side] {
		return flow.Cut, int64(r.body[side].Len()), "no room"
	}
	return flow.Recording, int64(r.body[side].Len()), ""
}
func (r *memoryRecord) Open(side flow.Side) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(r.body[side].Bytes()))), nil
}
func (r *memoryRecord) End(f *flow.Flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = f
	close(r.ended)
}
