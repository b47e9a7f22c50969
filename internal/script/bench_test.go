package script

import (
	"context"
	"testing"
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
