package e2e

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// Of many messages some are asked for; the one that is looked at stays in sight
// when all are shown again.
func TestPageMessages(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 1000 {
			switch {
			case i%300 == 200:
				fmt.Fprintf(w, "event: odd\ndata: a needle, %d\n\n", i)
			case i%10 == 0:
				io.WriteString(w, ": ping\n\n")
			default:
				fmt.Fprintf(w, "data: hay %d\n\n", i)
			}
		}
	})
	p, url := startPage(t)
	send(t, p.client(), o.HTTP+"/stream")
	b := visit(t, url)
	loadAxe(b)
	openFlow(b, "/stream")
	grid := `document.querySelector('[data-testid=messages] [role=grid]')`
	shown := `[...document.querySelectorAll('[data-testid=messages] [data-index]')].map(r => r.dataset.index).join()`
	b.until("all messages", `document.querySelector('[data-testid=messages]').innerText.includes('hay 1')`)
	put(b, `[aria-label="Only messages with this text"]`, "NEEDLE")
	b.until("three of them", `%s === '200,500,800'`, shown)
	axe(b, "some messages")
	b.screenshot("view-messages-some.png")
	js[any](b, `(document.querySelector('[data-index="500"]').click(), 0)`)
	b.until("one of them", `document.querySelector('.one').innerText.includes('a needle, 500')`)
	put(b, `[aria-label="Only messages with this text"]`, " ")
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8}, nil)
	b.until("all of them, with that one in sight", `(r => r && r.getAttribute('aria-selected') === 'true' && r.getBoundingClientRect().top > %[1]s.getBoundingClientRect().top - 2 && r.getBoundingClientRect().bottom < %[1]s.getBoundingClientRect().bottom + 2 && document.querySelector('[data-index="499"]'))(document.querySelector('[data-index="500"]'))`, grid)
	js[any](b, `(%s.scrollTop = 0, [...document.querySelectorAll('[data-testid=messages] label')].find(l => l.innerText.includes('no pings')).querySelector('input').click(), 0)`, grid)
	b.until("no comments", `%s.startsWith('1,2,3,4,5,6,7,8,9,11,12')`, shown)
	if n := js[int](b, `document.querySelectorAll('[data-testid=messages] [data-index]').length`); n > 60 {
		t.Errorf("%d messages are on the page", n)
	}
}
