package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"midstream/internal/web"
)

// million answers as a core with a million flows would, so that the page can be
// held to that many without recording them.
type million struct {
	mu    sync.Mutex
	rows  int // that were asked for
	asked int
	most  int // rows of one request
}

const flows = 1_000_000

func (m *million) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	view := map[string]any{"id": "v", "filter": "", "order": "number", "state": "ready", "seq": 0, "total": flows, "of": flows, "seen": flows}
	switch r.URL.Path {
	case "/api/v1/views":
		answer(view)
	case "/api/v1/views/v/rows":
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if from < 0 {
			from += flows
		}
		n = min(n, flows-from)
		m.mu.Lock()
		m.asked, m.rows, m.most = m.asked+1, m.rows+n, max(m.most, n)
		m.mu.Unlock()
		rows := make([]map[string]any, n)
		for i := range rows {
			body := map[string]any{"disposition": "tee", "size": 10, "record": "complete"}
			rows[i] = map[string]any{"number": from + i + 1, "id": fmt.Sprint(from + i), "kind": "http", "start": "2026-01-02T03:04:05Z", "duration_seconds": 0.1,
				"method": "GET", "url": "http://example.com/", "host": "example.com", "path": fmt.Sprintf("/row/%d", from+i+1), "status": 200, "type": "text/plain",
				"request_body": body, "response_body": body, "outcome": "completed", "error": "", "marker": ""}
		}
		answer(map[string]any{"seq": 0, "total": flows, "from": from, "rows": rows})
	case "/api/v1/views/v/feed":
		w.Header().Set("Content-Type", "text/event-stream")
		text, _ := json.Marshal(view)
		fmt.Fprintf(w, "event: position\ndata: %s\n\n", text)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/api/v1/state":
		answer(map[string]any{"version": "test", "proxies": []string{"127.0.0.1:1"}, "capture": true})
	default:
		if len(r.URL.Path) > 5 && r.URL.Path[:5] == "/api/" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.FileServerFS(web.Files()).ServeHTTP(w, r)
	}
}

// A list of a million rows has few of them on the page, fetches what it shows,
// and is true at both ends, in the middle and to the row.
func TestPageMillionRows(t *testing.T) {
	t.Parallel()
	m := &million{}
	s := httptest.NewServer(m)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	b := visit(t, s.URL)
	grid := `document.querySelector('[data-testid=list]')`
	onScreen := `[...document.querySelectorAll('[data-testid=list] [data-rank]')]`
	numbers := onScreen + `.filter(r => { const a = r.getBoundingClientRect(), g = ` + grid + `.getBoundingClientRect(); return a.top >= g.top + 24 && a.bottom <= g.bottom }).map(r => Number(r.dataset.rank) + 1).sort((x, y) => x - y)`
	b.until("the last row", `(%s).at(-1) === 1000000 && %s`, numbers, rowText("/row/1000000"))
	if n := js[int](b, `%s.length`, onScreen); n > 60 {
		t.Errorf("%d rows are on the page", n)
	}
	if h := js[int](b, `%s.scrollHeight`, grid); h > 10_000_000 {
		t.Errorf("the list is %d pixels high: browsers end there", h)
	}
	b.key("g")
	b.until("the first row", `(%s)[0] === 1 && %s`, numbers, rowText("/row/1"))
	// The wheel moves rows, not parts of the scroll bar.
	wheel := func(by int) {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": 600, "y": 400, "deltaX": 0, "deltaY": by}, nil)
	}
	wheel(240)
	b.until("ten rows further", `(%s)[0] === 11`, numbers)
	// The bar goes anywhere at once.
	js[any](b, `%s.scrollTop = (%s.scrollHeight - %s.clientHeight) / 2`, grid, grid, grid)
	b.until("the middle", `Math.abs((%s)[0] - 500000) < 60 && !document.querySelector('.skeleton')`, numbers)
	at := js[int](b, `(%s)[0]`, numbers)
	wheel(-24)
	b.until("a row back", `(%s)[0] === %d`, numbers, at-1)
	m.mu.Lock()
	before := m.asked
	m.mu.Unlock()
	// What flies by is not fetched.
	js[any](b, `new Promise(done => { let i = 0; const step = () => { %s.scrollTop = 1e5 + i * 2e5; if (++i < 30) requestAnimationFrame(step); else done() }; step() })`, grid)
	b.until("rows where it rests", `!document.querySelector('.skeleton') && (%s).length > 10`, numbers)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.asked - before; n > 30 {
		t.Errorf("a flight over the list asked %d times", n)
	}
	if m.most > 1000 {
		t.Errorf("one request asked for %d rows", m.most)
	}
	if heap := js[int](b, `performance.memory?.usedJSHeapSize ?? 0`); heap > 150<<20 {
		t.Errorf("the page holds %d octets", heap)
	}
}
