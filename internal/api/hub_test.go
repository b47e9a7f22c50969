package api

import (
	"sync"
	"testing"

	"midstream/flow"
)

// Flows come while a batch is told that has none. The race detector judges.
func TestFlowsComeWhileABatchIsTold(t *testing.T) {
	h := NewHub()
	h.watching.Store(true)
	const n = 2000
	var coming sync.WaitGroup
	coming.Go(func() {
		for i := range n {
			h.Watch(&flow.Flow{Number: uint64(i + 1)})
		}
	})
	for range n {
		h.batch(t.Context())
	}
	coming.Wait()
}
