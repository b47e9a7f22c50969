package api

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"midstream/flow"
)

// BenchmarkFlowsThatAreLookedAt is what one flow costs while four views have readers.
func BenchmarkFlowsThatAreLookedAt(b *testing.B) {
	h := NewHub()
	h.ctx = b.Context()
	for i := range 4 {
		v := &view{cancel: func() {}, from: 0, n: 50, facts: View{ID: fmt.Sprint(i), State: "ready"}}
		h.views[v.facts.ID] = v
		mine, _ := v.feed.open()
		go func() {
			for {
				select {
				case m := <-mine.queue:
					m.asText()
				case <-mine.ended:
					return
				}
			}
		}()
		defer v.feed.close()
	}
	h.watching.Store(true)
	h.wishAnew()
	now := time.Now()
	var number uint64
	b.ReportAllocs()
	for b.Loop() {
		number++
		f := &flow.Flow{Number: number, ID: flow.NewID(), Start: now, Request: &flow.Request{Method: http.MethodGet, Scheme: "http", Host: "example.com", Port: 80, Path: "/small"}}
		h.Watch(f)
		g := *f
		g.Response, g.End, g.Outcome = &flow.Response{Status: 200}, now, flow.Outcome{Kind: flow.Completed}
		h.Watch(&g)
		if number%850 == 0 {
			h.batch(b.Context())
		}
	}
}
