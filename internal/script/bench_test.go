package script

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

func BenchmarkIdentityChunk(b *testing.B) {
	for _, c := range []struct{ name, expr string }{
		{"identity", "c => c"},
		{"upper", "c => c.subarray(0)"},
		{"async", "async c => c"},
		{"generator", "async function* (chunks) { for await (const c of chunks) yield c }"},
		{"replace", "stream.replace('needle', 'pin')"},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, "s.js", setStreamTo(c.expr))
			x, _ := r.exchange()
			answer(x, 200)
			r.must(r.set.ResponseHeaders(context.Background(), x))
			t := x.Response.Stream.Transform()
			p := make([]byte, 32<<10)
			emit := func([]byte) error { return nil }
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Chunk(context.Background(), p, emit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeadHook(b *testing.B) {
	for _, c := range []struct{ name, body string }{
		{"empty", ""},
		{"header set", `flow.request.headers["X-A"] = "b"`},
		{"look", `if (flow.request.pretty_host === "x" && flow.request.path.startsWith("/a")) flow.kill()`},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, "s.js", "function requestheaders(flow) { "+c.body+" }")
			b.ReportAllocs()
			for b.Loop() {
				x, _ := r.exchange()
				if err := r.set.RequestHeaders(context.Background(), x); err != nil {
					b.Fatal(err)
				}
				r.set.Finished(x)
			}
		})
	}
}

// BenchmarkHundredStreams has 100 event streams, an event each millisecond, go
// through one function, and tells how long an event takes.
func BenchmarkHundredStreams(b *testing.B) {
	r := newRig(b, "s.js", setStreamTo("c => c"))
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				x, _ := r.exchange()
				answer(x, 200)
				if err := r.set.ResponseHeaders(context.Background(), x); err != nil {
					b.Error(err)
					return
				}
				t := x.Response.Stream.Transform()
				event := []byte("data: sixty bytes of an event, as a token stream sends them\n\n")
				own := make([]time.Duration, 0, 100)
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for range 100 {
					<-tick.C
					start := time.Now()
					if err := t.Chunk(context.Background(), event, func([]byte) error { return nil }); err != nil {
						b.Error(err)
						return
					}
					own = append(own, time.Since(start))
				}
				mu.Lock()
				took = append(took, own...)
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	slices.Sort(took)
	if n := len(took); n > 0 {
		b.ReportMetric(float64(took[n/2].Nanoseconds())/1e3, "p50-us")
		b.ReportMetric(float64(took[n*99/100].Nanoseconds())/1e3, "p99-us")
	}
}
