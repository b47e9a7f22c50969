package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestUIBench measures what depends on the machine; `make bench-ui` runs it and shows
// its report. What is sure on any machine other tests hold.
func TestUIBench(t *testing.T) {
	if os.Getenv("MIDSTREAM_BENCH_UI") == "" {
		t.Skip("it measures: make bench-ui")
	}
	t.Run("readers", benchReaders)
	t.Run("scroll", benchScroll)
	t.Run("json", benchJSON)
	t.Run("gigabyte", benchGigabyte)
	t.Run("event", benchEvent)
	t.Run("messages", benchManyMessages)
}

func report(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// benchReaders compares M2 and M3 without anybody who looks, with 20 readers of the
// feed and one that is frozen, and with the page, while 200 flows a second pass. The
// three take turns, so that what else the machine does meets all of them.
func benchReaders(t *testing.T) {
	p, page := startPage(t, "-q")
	l := &uiLoad{t: t, p: p, origin: smallOrigin(t)}
	defer l.background(200)()
	b := openTab(t)
	b.open("about:blank", 1280, 800, "light")
	// A browser that takes only what is left tells what the page costs the proxy, not
	// what it takes from a machine with few processors.
	idle := b
	kinds := []string{"nobody", "20 readers and a frozen one", "the page"}
	if chrt, err := exec.LookPath("chrt"); err == nil {
		idle = openTabBy(t, chrt, "-i", "0")
		idle.open("about:blank", 1280, 800, "light")
		kinds = append(kinds, "the page, in idle time")
	}
	const rounds = 5
	var rate, cpu, p50, p99, busy [4][]float64
	l.m3(time.Second) // what is set up once is
	for range rounds {
		for k := range kinds {
			stop := func() {}
			task := func() float64 { return 0 }
			switch k {
			case 1:
				stop = feedReaders(t, page, 20)
			case 2, 3:
				b := []*tab{b, idle}[k-2]
				b.open(page, 1280, 800, "light")
				b.until("the page is there", `document.querySelector('[data-testid=status]')?.innerText.includes('connected')`)
				stop = func() { b.open("about:blank", 1280, 800, "light") }
				task = b.task
			}
			before := task()
			r, c := l.m3(2 * time.Second)
			busy[k] = append(busy[k], (task()-before)/2)
			a, z := l.m2(400)
			stop()
			rate[k], cpu[k], p50[k], p99[k] = append(rate[k], r), append(cpu[k], c), append(p50[k], a), append(p99[k], z)
		}
	}
	fmt.Println("M2 and M3 at 200 flows a second (medians of", rounds, "rounds that take turns):")
	for k, name := range kinds {
		report("%-28s M2 p50 %.2f ms, p99 %.2f ms; M3 %.0f a second, %.0f us of CPU each", name, quantile(p50[k], 0.5), quantile(p99[k], 0.5), quantile(rate[k], 0.5), quantile(cpu[k], 0.5))
	}
	report("while as much passes as can, the page takes CPU of its thread %.0f %% of the time", quantile(busy[2], 0.5)*100)
	for k := 1; k < len(kinds); k++ {
		report("%-28s M2 p50 x %.2f; M3 x %.2f; CPU x %.2f", kinds[k], quantile(p50[k], 0.5)/quantile(p50[0], 0.5), quantile(rate[k], 0.5)/quantile(rate[0], 0.5), quantile(cpu[k], 0.5)/quantile(cpu[0], 0.5))
	}
}

// task is how many seconds the page's main thread has worked.
func (b *tab) task() float64 {
	b.t.Helper()
	b.call("Performance.enable", map[string]any{}, nil)
	var got struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	b.call("Performance.getMetrics", map[string]any{}, &got)
	for _, m := range got.Metrics {
		if m.Name == "ThreadTime" {
			return m.Value
		}
	}
	return 0
}

// benchScroll turns the wheel over a million rows for 300 frames.
func benchScroll(t *testing.T) {
	s := httptest.NewServer(&million{})
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	b := visit(t, s.URL)
	b.until("the last row", `%s`, rowText("/row/1000000"))
	b.key("g")
	b.until("the first row", `%s`, rowText("/row/1"))
	took := js[[]float64](b, `new Promise(done => {
		const list = document.querySelector('[data-testid=list]'), took = []
		let last = 0
		const frame = now => {
			if (last) took.push(now - last)
			last = now
			if (took.length === 300) return done(took)
			list.dispatchEvent(new WheelEvent('wheel', {deltaY: 240, bubbles: true, cancelable: true}))
			requestAnimationFrame(frame)
		}
		requestAnimationFrame(frame)
	})`)
	total, long := 0.0, 0
	for _, ms := range took {
		if total += ms; ms > 50 {
			long++
		}
	}
	fmt.Println("Scrolling a million flows by the wheel, ten rows a frame:")
	report("%.0f frames a second; a frame takes %.1f ms, 99 of 100 at most %.1f ms; %d of %d longer than 50 ms", float64(len(took))/total*1000, quantile(took, 0.5), quantile(took, 0.99), long, len(took))
	report("%d rows are in the document, %d MiB of heap", js[int](b, `document.querySelectorAll('[data-testid=list] [data-rank]').length`), js[int](b, `performance.memory?.usedJSHeapSize ?? 0`)>>20)
}

// firstPaint clicks the row of a flow and waits for the text of its response.
func firstPaint(b *tab, part string) float64 {
	b.t.Helper()
	b.until("the row "+part, `%s`, rowText(part))
	return js[float64](b, `new Promise(done => {
		const row = [...document.querySelectorAll('[data-testid=list] [data-rank]')].find(r => r.innerText.includes(%q))
		const begin = performance.now()
		row.querySelector('[role=gridcell]').click()
		const look = () => {
			const text = document.querySelector('[data-testid=body][data-side=response] .text')?.innerText ?? ''
			if (text.length > 20) requestAnimationFrame(() => done(performance.now() - begin))
			else if (performance.now() - begin > 30000) done(-1)
			else requestAnimationFrame(look)
		}
		look()
	})`, part)
}

func paints(b *tab, part string) (list []float64) {
	for range 5 {
		list = append(list, firstPaint(b, part))
		b.key("Escape")
		b.until("the list alone", `!document.querySelector('[data-testid=body][data-side=response] .text')`)
	}
	return list
}

// benchJSON shows a body of JSON of 24 MB in one line.
func benchJSON(t *testing.T) {
	o := newOrigin(t)
	const size = 24_000_000
	o.mux.HandleFunc("/line.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "[")
		for range size / (1000 * len(ballast)) {
			io.WriteString(w, strings.Repeat(ballast, 1000))
		}
		io.WriteString(w, "0]")
	})
	p, url := startPage(t, "-q")
	send(t, p.client(), o.HTTP+"/line.json")
	b := visit(t, url)
	list := paints(b, "/line.json")
	fmt.Println("First paint of 24 MB of JSON in one line:")
	report("%.0f ms at first, then %.0f ms; %d MiB of heap", list[0], quantile(list[1:], 0.5), js[int](b, `performance.memory?.usedJSHeapSize ?? 0`)>>20)
}

// benchGigabyte shows a body of 1 GiB.
func benchGigabyte(t *testing.T) {
	o := newOrigin(t)
	block := []byte(strings.Repeat("a line of a log that is long enough to be one\n", 1424)) // 64 KiB
	o.mux.HandleFunc("/gigabyte.log", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for sent := 0; sent < 1<<30; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
		io.WriteString(w, "the needle\n")
	})
	p, url := startPage(t, "-q")
	send(t, p.client(), o.HTTP+"/gigabyte.log")
	b := visit(t, url)
	list := paints(b, "/gigabyte.log")
	fmt.Println("First paint of a body of 1 GiB:")
	report("%.0f ms at first, then %.0f ms; %d MiB of heap", list[0], quantile(list[1:], 0.5), js[int](b, `performance.memory?.usedJSHeapSize ?? 0`)>>20)
	openFlow(b, "/gigabyte.log")
	b.until("the start", `document.querySelector('[data-testid=body][data-side=response] .text')?.innerText.includes('a line of a log')`)
	b.key("/")
	b.until("the find bar", `document.activeElement.getAttribute('aria-label') === 'Find in the body'`)
	b.write("THE NEEDLE")
	begin := time.Now()
	b.key("Enter")
	b.until("its last line", `document.querySelector('[data-testid=body][data-side=response] .text').innerText.includes('the needle')`)
	report("what is in its last line is found after %.1f s; %d MiB of heap", time.Since(begin).Seconds(), js[int](b, `performance.memory?.usedJSHeapSize ?? 0`)>>20)
}

// benchEvent is how long an event takes from its server to the screen.
func benchEvent(t *testing.T) {
	o := newOrigin(t)
	o.mux.HandleFunc("/clock", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			fmt.Fprintf(w, "data: at %d\n\n", time.Now().UnixMicro())
			w.(http.Flusher).Flush()
			<-tick.C
		}
	})
	p, url := startPage(t, "-q")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", o.HTTP+"/clock", nil)
	resp, err := p.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	go io.Copy(io.Discard, resp.Body)
	b := visit(t, url)
	openFlow(b, "/clock")
	b.until("events", `document.querySelector('[data-testid=messages]')?.innerText.includes('at ')`)
	late := js[[]float64](b, `new Promise(done => {
		const seen = new Set(), late = [], begin = performance.now()
		const look = () => {
			const now = performance.timeOrigin + performance.now()
			for (const [, us] of document.querySelector('[data-testid=messages]').innerText.matchAll(/at (\d{16})/g)) {
				if (seen.has(us)) continue
				seen.add(us)
				if (performance.now() - begin > 500) late.push(now - us / 1000)
			}
			if (late.length >= 100 || performance.now() - begin > 20000) done(late)
			else requestAnimationFrame(look)
		}
		look()
	})`)
	fmt.Println("From the server of an event to the screen:")
	report("%.0f ms, 99 of 100 within %.0f ms (%d events)", quantile(late, 0.5), quantile(late, 0.99), len(late))
}

// benchManyMessages shows a stream of 50,000 messages.
func benchManyMessages(t *testing.T) {
	o := newOrigin(t)
	o.mux.HandleFunc("/many", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 50_000 {
			fmt.Fprintf(w, "event: tick\ndata: message %d of many\n\n", i)
		}
	})
	p, url := startPage(t, "-q")
	send(t, p.client(), o.HTTP+"/many")
	b := visit(t, url)
	b.until("the row", `%s`, rowText("/many"))
	first := js[float64](b, `new Promise(done => {
		const row = [...document.querySelectorAll('[data-testid=list] [data-rank]')].find(r => r.innerText.includes('/many'))
		const begin = performance.now()
		row.querySelector('[role=gridcell]').click()
		const look = () => {
			if (/message \d+ of many/.test(document.querySelector('[data-testid=messages]')?.innerText ?? '')) requestAnimationFrame(() => done(performance.now() - begin))
			else if (performance.now() - begin > 30000) done(-1)
			else { document.querySelector('#tab-events')?.click(); requestAnimationFrame(look) }
		}
		look()
	})`)
	last := js[float64](b, `new Promise(done => {
		const begin = performance.now()
		const look = () => {
			const box = document.querySelector('[data-testid=messages]')
			for (const e of [box, ...box.querySelectorAll('*')]) if (e.scrollHeight > e.clientHeight + 50) e.scrollTop = e.scrollHeight
			if (box.innerText.includes('message 49999 of many')) requestAnimationFrame(() => done(performance.now() - begin))
			else if (performance.now() - begin > 60000) done(-1)
			else requestAnimationFrame(look)
		}
		look()
	})`)
	fmt.Println("A stream of 50,000 messages:")
	report("the first are there in %.0f ms, the last in %.0f ms; %d rows are in the document, %d MiB of heap", first, last,
		js[int](b, `document.querySelectorAll('[data-testid=messages] [data-index]').length`), js[int](b, `performance.memory?.usedJSHeapSize ?? 0`)>>20)
}
