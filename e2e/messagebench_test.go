package e2e

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// oneHook is a script that hears every message and leaves it alone.
const oneHook = `
let n = 0;
export function sse_event(flow, event) { n += event.data.length; }
export function grpc_message(flow, message) { n += message.index; }
`

// median reports the half-way time of what was measured, and how much more that is
// than it was without a proxy.
func median(b *testing.B, all []time.Duration, direct *time.Duration) {
	slices.Sort(all)
	p50 := all[len(all)/2]
	b.ReportMetric(float64(p50.Nanoseconds())/1000, "µs-p50")
	if *direct == 0 {
		*direct = p50
		return
	}
	b.ReportMetric(float64((p50-*direct).Nanoseconds())/1000, "µs-added-p50")
}

// BenchmarkEventLatency is the time from a server's write of an event to the
// client's having read it; one event is on its way at a time.
func BenchmarkEventLatency(b *testing.B) {
	o := newOrigin(b)
	next, sent := make(chan bool), make(chan time.Time, 1)
	o.mux.HandleFunc("/ticks", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for <-next {
			sent <- time.Now()
			io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n")
			w.(http.Flusher).Flush()
		}
	})
	var direct time.Duration
	run := func(name string, client func(b *testing.B) *http.Client) {
		b.Run(name, func(b *testing.B) {
			resp, err := client(b).Get(o.HTTP + "/ticks")
			if err != nil {
				b.Fatal(err)
			}
			defer resp.Body.Close()
			in := bufio.NewReader(resp.Body)
			var all []time.Duration
			for b.Loop() {
				next <- true
				begin := <-sent
				for line := " "; line != "\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						b.Fatal(err)
					}
				}
				all = append(all, time.Since(begin))
			}
			next <- false
			median(b, all, &direct)
		})
	}
	run("direct", func(b *testing.B) *http.Client { return &http.Client{Transport: &http.Transport{}} })
	run("recorded", func(b *testing.B) *http.Client { return start(b).client() })
	run("hook", func(b *testing.B) *http.Client { return start(b, "-s", scriptFile(b, oneHook)).client() })
}

// BenchmarkGRPCLatency is half the round trip of a message and its answer on one
// stream, so the time of one message.
func BenchmarkGRPCLatency(b *testing.B) {
	s := newRPC(b)
	var direct time.Duration
	run := func(name string, client func(b *testing.B) *grpc.ClientConn) {
		b.Run(name, func(b *testing.B) {
			st, err := client(b).NewStream(b.Context(), &bothWays, "/tests.Words/Talk")
			if err != nil {
				b.Fatal(err)
			}
			var all []time.Duration
			for b.Loop() {
				begin := time.Now()
				st.SendMsg(reply("a word"))
				if _, err := read(st.RecvMsg); err != nil {
					b.Fatal(err)
				}
				all = append(all, time.Since(begin)/2)
			}
			st.CloseSend()
			median(b, all, &direct)
		})
	}
	run("direct", func(b *testing.B) *grpc.ClientConn {
		c, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(credentials.NewTLS(trusting(b, authorityFile(b)))),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{})))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	})
	run("recorded", func(b *testing.B) *grpc.ClientConn { return s.dialThrough(b, start(b)) })
	run("hook", func(b *testing.B) *grpc.ClientConn { return s.dialThrough(b, start(b, "-s", scriptFile(b, oneHook))) })
}
