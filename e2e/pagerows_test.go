package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"midstream/internal/web"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples are rows of every kind that a list may have to show.
func samples() []map[string]any {
	var list []map[string]any
	add := func(method, url string, status int, more map[string]any) {
		scheme, rest, _ := strings.Cut(url, "://")
		host, path, _ := strings.Cut(rest, "/")
		n := len(list) + 1
		row := map[string]any{"number": n, "id": fmt.Sprint(n), "kind": "http", "start": fmt.Sprintf("2026-01-02T03:04:%02d.500Z", n), "duration_seconds": 0.081,
			"method": method, "url": url, "host": host, "path": "/" + path, "status": status, "type": "application/json", "answered": 0,
			"request_body": map[string]any{"disposition": "none", "size": 0, "record": "complete"}, "response_body": map[string]any{"disposition": "tee", "size": 12_400, "record": "complete"},
			"outcome": "completed", "error": "", "marker": "",
			"facts": map[string]any{"first_byte_seconds": 0.0123, "client": "127.0.0.1", "agent": "curl/8.14.1", "replayed": false, "version": "HTTP/1.1", "reason": http.StatusText(status)}}
		if scheme == "" || status == 0 {
			row["facts"].(map[string]any)["first_byte_seconds"] = nil
		}
		for key, v := range more {
			if facts, ok := v.(map[string]any); ok && key == "facts" {
				for k, v := range facts {
					row["facts"].(map[string]any)[k] = v
				}
				continue
			}
			row[key] = v
		}
		list = append(list, row)
	}
	type m = map[string]any
	h2 := m{"facts": m{"version": "HTTP/2.0", "reason": ""}}
	add("GET", "https://api.shop.example/v2/cart?id=77&sort=name", 200, nil)
	add("POST", "https://api.shop.example/v2/cart/items", 201, h2)
	add("DELETE", "https://api.shop.example/v2/cart/items/3", 204, m{"response_body": m{"disposition": "none", "size": 0, "record": "complete"}})
	add("GET", "http://shop.example:8080/", 301, m{"type": "text/html; charset=utf-8"})
	add("GET", "https://cdn.shop.example/img/hero.avif", 304, m{"type": "image/avif"})
	add("GET", "https://cdn.shop.example/app.wasm", 200, m{"type": "application/wasm", "response_body": m{"disposition": "tee", "size": 1 << 30, "record": "cut"}})
	add("GET", "https://shop.example/nowhere", 404, h2)
	add("GET", "https://shop.example/teapot", 418, nil)
	add("GET", "https://shop.example/limits", 429, m{"facts": m{"version": "HTTP/3", "reason": ""}})
	add("GET", "https://shop.example/broken", 500, m{"facts": m{"reason": "Everything Is Lost"}})
	add("GET", "https://shop.example/upstream", 502, m{"answered": 502, "outcome": "failed", "status": 0, "error": "connect to shop.example:443: connection refused"})
	add("GET", "https://auth.shop.example/token", 0, m{"outcome": "failed", "error": "TLS handshake with auth.shop.example:443: certificate has expired"})
	add("GET", "https://no.such.example/", 0, m{"outcome": "failed", "error": "look up no.such.example: no such host"})
	add("GET", "https://shop.example/slow", 0, m{"outcome": "running", "duration_seconds": nil, "type": ""})
	add("POST", "https://api.llm.example/v1/messages", 200, m{"outcome": "running", "duration_seconds": nil, "type": "text/event-stream", "facts": m{"agent": "node", "first_byte_seconds": 0.61}})
	add("PUT", "https://api.shop.example/v2/cart/items/3", 0, m{"outcome": "running", "duration_seconds": nil, "held": "request"})
	add("GET", "https://api.shop.example/v2/events", 200, m{"outcome": "client left after 2000000 bytes", "type": "text/event-stream", "duration_seconds": 61.234})
	add("GET", "https://shop.example/cut", 200, m{"outcome": "server cut after 100 bytes", "error": "the body of the response ended early"})
	add("GET", "https://shop.example/mute", 0, m{"outcome": "server cut"})
	add("GET", "https://shop.example/reset", 0, m{"outcome": "reset", "error": "connection reset by peer"})
	add("GET", "https://shop.example/reset/later", 200, m{"outcome": "reset after 10 bytes"})
	add("GET", "https://shop.example/timeout", 0, m{"outcome": "timeout"})
	add("GET", "https://shop.example/killed", 0, m{"outcome": "killed"})
	add("GET", "https://ads.example/", 0, m{"outcome": "refused", "answered": 403})
	add("GET", "https://shop.example/stopped", 200, m{"outcome": "interrupted after 5 bytes"})
	add("GET", "https://shop.example/marked", 200, m{"marker": ":star:"})
	add("GET", "https://shop.example/again", 200, m{"facts": m{"replayed": true, "client": "", "agent": "curl/8.14.1"}})
	add("", "tcp://db.example:5432/", 0, m{"kind": "tcp", "url": "db.example:5432", "path": "", "type": "", "facts": m{"agent": "", "client": "10.0.0.7", "version": ""}})
	add("", "dns://example.com/", 0, m{"kind": "dns", "url": "example.com", "path": "", "type": "", "facts": m{"agent": "", "client": "::1", "version": ""}})
	add("GET", "https://shop.example/<b>&\"q\"?"+strings.Repeat("a=1&", 14)+"last=x", 200, m{"duration_seconds": 3700.5, "request_body": m{"disposition": "hold", "size": 999, "record": "complete"}})
	return list
}

// sampled answers as a core whose list has the samples alone would.
func sampled(w http.ResponseWriter, r *http.Request) {
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	rows := samples()
	view := map[string]any{"id": "v", "filter": "", "order": "number", "state": "ready", "seq": 0, "total": len(rows), "of": len(rows), "seen": len(rows)}
	switch {
	case r.URL.Path == "/api/v1/views":
		answer(view)
	case r.URL.Path == "/api/v1/views/v/rows":
		if r.URL.Query().Get("facts") != "1" {
			for _, row := range rows {
				delete(row, "facts")
			}
		}
		answer(map[string]any{"seq": 0, "total": len(rows), "from": 0, "rows": rows})
	case r.URL.Path == "/api/v1/views/v/feed":
		w.Header().Set("Content-Type", "text/event-stream")
		text, _ := json.Marshal(view)
		fmt.Fprintf(w, "event: position\ndata: %s\n\n", text)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case r.URL.Path == "/api/v1/flows":
		answer(map[string]any{"rows": rows[:1]})
	case r.URL.Path == "/api/v1/state":
		answer(map[string]any{"version": "test", "proxies": []string{"127.0.0.1:1"}, "capture": true})
	case strings.HasPrefix(r.URL.Path, "/api/"):
		w.WriteHeader(http.StatusNoContent)
	default:
		http.FileServerFS(web.Files()).ServeHTTP(w, r)
	}
}

// Thirty flows of every kind: what their rows say, and in which role of colour.
func TestPageRows(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(sampled))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => {
		const now = Date.parse('2026-01-02T03:05:00Z')
		Date.now = () => now
		localStorage.setItem('midstream.columns', '["number","method","url","path","status","reason","type","size","duration","first_byte","after","sender"]')
	})()`}, nil)
	b.open(s.URL, 1900, 1000, "light")
	const rows = `[...document.querySelectorAll('[data-testid=list] [data-rank]')]`
	b.until("all rows", `%s.length === 30 && !document.querySelector('.skeleton')`, rows)
	got := js[string](b, `%s.sort((x, y) => x.dataset.rank - y.dataset.rank).map(r => [...r.querySelectorAll('[role=gridcell]')].map(c => {
		const say = n => n.nodeType === 3 ? n.data : n.nodeType === 1 ? (n.className && n.textContent ? '{' + n.className.split(' ').filter(x => !x.startsWith('s-')).join('.') + ' ' + [...n.childNodes].map(say).join('') + '}' : [...n.childNodes].map(say).join('')) : ''
		return [...c.childNodes].map(say).join('').trim()
	}).join(' | ')).join('\n')`, rows) + "\n"
	loadAxe(b)
	axe(b, "rows of every kind")
	b.screenshot("rows.png")
	const golden = "testdata/rows.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the rows are not those of %s; -update writes it anew:\n%s", golden, got)
	}
	b.open(s.URL, 1900, 1000, "dark")
	b.until("all rows", `%s.length === 30 && !document.querySelector('.skeleton')`, rows)
	loadAxe(b)
	axe(b, "rows of every kind, dark")
	b.screenshot("rows-dark.png")
}

// A click means the row that was under the mouse when it was pressed, also where the
// list has moved on before it is let go.
func TestPageClicksOnWhatMoves(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	for i := range 60 {
		send(t, c, fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	b := visit(t, url)
	b.until("the newest", `%s`, rowText("n=59"))
	const under = `Number(document.elementFromPoint(500, 400)?.closest('[data-rank]')?.id.slice(4))`
	meant := js[int](b, under)
	mouse := func(what string) {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": what, "x": 500, "y": 400, "button": "left", "clickCount": 1}, nil)
	}
	mouse("mousePressed")
	for i := range 7 {
		send(t, c, fmt.Sprintf("%s/hello?later=%d", o.HTTP, i))
	}
	b.until("the list has moved", `%s === %d`, under, meant+7)
	mouse("mouseReleased")
	b.until("the flow that was meant", `document.querySelector('[data-testid=detail] h2')?.innerText.startsWith('#%d ')`, meant)
}
