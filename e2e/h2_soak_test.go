package e2e

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// What a hundred streams cost that nobody reads, with 1 GiB offered on each, while
// one beside them is read: 80 MiB in all, and it has 0.8 of its speed through a
// midstream of its own, which is measured in turns with it. The client's windows are
// those of Go: 4 MiB a stream, 1 GiB a connection.
func TestSoakStalledStreams(t *testing.T) {
	if !soaking() {
		t.Skip("runs with make soak")
	}
	const (
		offered = 1 << 30
		stalled = 99 // with the one that is read, all that a connection takes
		read    = 256 << 20
		most    = 80 << 20
		least   = 0.8
	)
	proxies := [2]*proxy{start(t, "-q", "--set", "record=none"), start(t, "-q", "--set", "record=none")}
	var sent atomic.Int64
	base := h2Server(t, bothHTTP, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(offered))
		piece := make([]byte, 64<<10)
		for range offered / len(piece) {
			n, err := w.Write(piece)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	pull := func(c *http.Client) time.Duration {
		resp := get(t, c, base+"/read")
		defer resp.Body.Close()
		begin := time.Now()
		if _, err := io.CopyN(io.Discard, resp.Body, read); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	const lone, beside = 0, 1
	clients := [2]*http.Client{proxies[lone].speaking([]string{"h2"}), proxies[beside].speaking([]string{"h2"})}
	other := proxies[beside].speaking([]string{"h2"})
	for i := range stalled + 1 {
		c := clients[beside]
		if i == stalled {
			c = other
		}
		resp := get(t, c, base+"/stalled/"+strconv.Itoa(i))
		defer resp.Body.Close()
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	// All that nobody reads has come to a halt.
	for before := int64(-1); before != sent.Load(); {
		before = sent.Load()
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("%d MiB were sent to who does not read", sent.Load()>>20)
	// In turns, so that both have the same of a busy machine.
	took := [2]time.Duration{time.Hour, time.Hour}
	for i := range 12 {
		which := i % 2
		took[which] = min(took[which], pull(clients[which]))
	}
	v := proxies[beside].vitals()
	ratio := took[lone].Seconds() / took[beside].Seconds()
	t.Logf("alone %.0f MB/s, beside %d stalled streams %.2f of that; %s; the lone one's %s", read/took[lone].Seconds()/1e6, stalled+1, ratio, v, proxies[lone].vitals())
	if v.peak<<10 > most {
		t.Errorf("%d MiB were resident", v.peak>>10)
	}
	if ratio < least {
		t.Errorf("the stream that is read has %.2f of its speed alone", ratio)
	}
}
