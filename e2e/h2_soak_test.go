package e2e

import (
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// What a hundred streams cost that nobody reads, with 1 GiB offered on each, while
// one beside them is read. The goal is 80 MiB in all and 0.8 of its speed alone;
// the test fails where it is missed by far. The client's windows are those of Go:
// 4 MiB a stream, 1 GiB a connection.
func TestSoakStalledStreams(t *testing.T) {
	if !soaking() {
		t.Skip("runs with make soak")
	}
	const (
		offered = 1 << 30
		stalled = 99 // with the one that is read, all that a connection takes
		read    = 256 << 20
		most    = 96 << 20
		least   = 0.5
	)
	p := start(t, "-q", "--set", "record=none")
	base := h2Server(t, bothHTTP, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(offered))
		piece := make([]byte, 64<<10)
		for range offered / len(piece) {
			if _, err := w.Write(piece); err != nil {
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
	alone := p.speaking([]string{"h2"})
	pull(alone) // warm
	lone := min(pull(alone), pull(alone))
	alone.CloseIdleConnections()
	beside, other := p.speaking([]string{"h2"}), p.speaking([]string{"h2"})
	for i := range stalled + 1 {
		c := beside
		if i == stalled {
			c = other
		}
		resp := get(t, c, base+"/stalled/"+strconv.Itoa(i))
		defer resp.Body.Close()
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	took := min(pull(beside), pull(beside))
	v := p.vitals()
	ratio := lone.Seconds() / took.Seconds()
	t.Logf("alone %.0f MB/s, beside %d stalled streams %.2f of that; %s", read/lone.Seconds()/1e6, stalled+1, ratio, v)
	if v.peak<<10 > most {
		t.Errorf("%d MiB were resident", v.peak>>10)
	}
	if ratio < least {
		t.Errorf("the stream that is read has %.2f of its speed alone", ratio)
	}
}
