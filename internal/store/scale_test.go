//go:build unix

package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

// crowd records n flows with replies of 1 KiB: 500 hosts, some rare methods,
// statuses and types, one flow in a million that nothing else is like.
func crowd(t testing.TB, s *Store, n int) {
	body := make([]byte, 1024)
	f := answered(exchange(1), 1024)
	began := time.Now().Add(-time.Duration(n) * time.Millisecond)
	for i := range n {
		request, response := *f.Request, *f.Response
		request.Fields = flow.Fields{{Name: "Host", Value: "host" + strconv.Itoa(i%499) + ".example"}, {Name: "Accept", Value: "*/*"}}
		request.Method, request.Path = "GET", "/some/path/"+strconv.Itoa(i)
		response.Fields = flow.Fields{{Name: "Content-Type", Value: "application/json"}}
		switch {
		case i%1000 == 7:
			request.Method = "DELETE"
		case i%4 == 1:
			request.Method = "POST"
		}
		switch {
		case i%5000 == 9:
			response.Status = 503
		case i%10 == 3:
			response.Status = 404
		}
		if i%2000 == 11 {
			response.Fields[0].Value = "image/png"
		}
		if i == n/3 {
			request.Fields[0].Value, request.Method, response.Status, response.Fields[0].Value = "lonely.example", "PROPFIND", 418, "text/teapot"
		}
		request.Host = request.Fields[0].Value
		c := *f
		c.ID, c.Request, c.Response = flow.ID{byte(i), byte(i >> 8), byte(i >> 16)}, &request, &response
		c.Start = began.Add(time.Duration(i) * time.Millisecond)
		r := s.Start()
		r.Head(&c, flow.ToClient)
		r.Piece(flow.ToClient, body)
		r.End(completed(&c))
		if i%1000 == 999 {
			s.Flush()
		}
	}
	s.Flush()
}

// resident is what this process has in memory, in octets.
func resident(t testing.TB) int64 {
	t.Helper()
	debug.FreeOSMemory()
	p, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(p)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// pages are the questions that a person asks of a million flows; found is how
// many flows of n the filter means.
var pages = []struct {
	filter string
	found  func(n int) int
}{
	{"", func(n int) int { return n }},
	{"~d host7.example", nil},
	{"~d ^lonely", func(int) int { return 1 }},
	{"~d nowhere", func(int) int { return 0 }},
	{"~m DELETE", nil},
	{"~m propfind", func(int) int { return 1 }},
	{"~c 503", nil},
	{"~c 418", func(int) int { return 1 }},
	{"~c 5xx & ~d host3", nil},
	{"~t image", nil},
	{"~t teapot", func(int) int { return 1 }},
	{"~a", nil},
	{"~age >1h", nil},
	{"~age <10s", nil},
	{"!~c 2xx & !~c 404", nil},
}

// TestSoakScale makes a session of a million flows through the store, and of
// three, and says what it takes to look into it. It fails where a bound of
// memory is passed, or a search finds something else than there is.
func TestSoakScale(t *testing.T) {
	if os.Getenv("MIDSTREAM_SOAK") == "" {
		t.Skip("minutes: make soak runs it")
	}
	n := 1_000_000
	if v, err := strconv.Atoi(os.Getenv("MIDSTREAM_SOAK_FLOWS")); err == nil {
		n = v
	}
	dir := filepath.Join(t.TempDir(), "s")
	var before [2]int64 // while it is written, and after it was read
	for round, more := range []int{n, 2 * n} {
		if round == 1 && os.Getenv("MIDSTREAM_SOAK_FLOWS") != "" {
			break
		}
		began := time.Now()
		s, err := Open(dir, Config{Stall: -1}) // held by nothing else: it counts below
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("opened for writing in %v", time.Since(began))
		began = time.Now()
		crowd(t, s, more)
		written := resident(t)
		t.Logf("%d flows in %v, resident %d MiB", more, time.Since(began), written>>20)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			look(t, dir, n)
			before = [2]int64{written, resident(t)}
		} else {
			look(t, dir, 0)
			for i, after := range []int64{written, resident(t)} {
				t.Logf("resident with a million flows %d KiB, with three %d KiB", before[i]>>10, after>>10)
				// The buffers that are kept for the next batch differ by some MiB, with
				// what came in one batch: four octets a flow are more than that.
				if after > before[i]+int64(more)*4 {
					t.Errorf("memory grows with the number of flows")
				}
			}
		}
		if m := resident(t); m > 200<<20 || written > 200<<20 {
			t.Errorf("resident %d MiB", max(m, written)>>20)
		}
	}
}

// look asks the questions of pages and says how long each took, the best of
// three.
func look(t *testing.T, dir string, n int) {
	began := time.Now()
	r := openRead(t, dir)
	if _, err := r.Last(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("opened for reading in %v", time.Since(began))
	for _, page := range pages {
		o := SearchOptions{Limit: 50}
		if page.filter != "" {
			o.Filter = filter(t, page.filter)
		}
		// The best of five, by the clock and by the processor: others use the
		// machine, too.
		best := func(f func()) string {
			least, cpu := time.Hour, time.Hour
			for range 5 {
				began, used := time.Now(), cpuSeconds()
				f()
				least, cpu = min(least, time.Since(began)), min(cpu, time.Duration((cpuSeconds()-used)*1e9))
			}
			return fmt.Sprintf("%v (cpu %v)", least.Round(time.Microsecond), cpu.Round(100*time.Microsecond))
		}
		rows := 0
		first := best(func() {
			rows = 0
			for _, err := range r.Search(context.Background(), o) {
				if err != nil {
					t.Fatal(err)
				}
				rows++
			}
		})
		var found uint64
		count := best(func() {
			var err error
			if found, err = r.Count(context.Background(), o); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%-22s first %2d in %-26s counted %7d in %s", page.filter, rows, first, found, count)
		if page.found != nil && n > 0 && found != uint64(page.found(n)) || rows != min(50, int(found)) {
			t.Errorf("%s: %d flows, first page %d", page.filter, found, rows)
		}
	}
	for _, deep := range []string{"~u /some/path/7$", "~hs teapot", "~hq 'accept: \\*/\\*' & ~c 418", "~b nowhere"} {
		began, used := time.Now(), cpuSeconds()
		found, err := r.Count(context.Background(), SearchOptions{Filter: filter(t, deep)})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-22s counted %d in %v (cpu %.1f s)", deep, found, time.Since(began).Round(time.Millisecond), cpuSeconds()-used)
		if want := map[bool]uint64{true: 0, false: 1}[deep == "~b nowhere"]; n > 0 && found != want {
			t.Errorf("%s: %d flows", deep, found)
		}
	}
	skip := SearchOptions{Skip: n / 2, Limit: 50}
	began = time.Now()
	for s, err := range r.Search(context.Background(), skip) {
		if err != nil || n > 0 && s.Number > uint64(n-n/2) {
			t.Fatal(s.Number, err)
		}
	}
	t.Logf("row %d in %v", n/2, time.Since(began))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestSoakBodies records bodies of a GiB in all, and then of twenty, and says what is
// held meanwhile.
func TestSoakBodies(t *testing.T) {
	if os.Getenv("MIDSTREAM_SOAK") == "" {
		t.Skip("minutes and 22 GiB of disk: make soak runs it")
	}
	most := 20
	if v, err := strconv.Atoi(os.Getenv("MIDSTREAM_SOAK_GIB")); err == nil {
		most = v
	}
	dir := t.TempDir()
	if free, err := freeSpace(dir); err != nil || free < int64(most+2)<<30 {
		t.Skipf("the disk has no room for %d GiB: %v", most, err)
	}
	s, err := Open(filepath.Join(dir, "s"), Config{Stall: -1})
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 64<<10)
	var before int64
	for gib := 1; gib <= most; gib++ {
		f := answered(exchange(1), 64<<20)
		for i := range 16 {
			c := *f
			c.ID = flow.ID{byte(i), byte(gib)}
			r := s.Start()
			r.Head(&c, flow.ToClient)
			for range 64 << 20 / len(piece) {
				r.Piece(flow.ToClient, piece)
			}
			r.End(completed(&c))
		}
		s.Flush()
		if gib == 1 {
			before = resident(t)
		}
	}
	after := resident(t)
	t.Logf("resident with 1 GiB of bodies %d KiB, with %d GiB %d KiB", before>>10, most, after>>10)
	if after > before+before/20+1<<20 {
		t.Error("memory grows with the bodies")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
