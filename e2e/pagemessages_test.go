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
	axeEach(b, "messages-some")
	js[any](b, `(document.querySelector('[data-index="500"]').click(), 0)`)
	b.until("one of them", `document.querySelector('.one').innerText.includes('a needle, 500')`)
	// Which of the messages before it are pings is told only after it has been shown.
	js[any](b, `(() => { const real = window.fetch; const gate = new Promise(open => window.openGate = open); window.fetch = async (u, i) => { if (/messages\?from=\d+&n=100/.test(u)) await gate; return real(u, i) } })()`)
	put(b, `[aria-label="Only messages with this text"]`, " ")
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8}, nil)
	inSight := fmt.Sprintf(`(r => r && r.getAttribute('aria-selected') === 'true' && r.getBoundingClientRect().top > %[1]s.getBoundingClientRect().top - 2 && r.getBoundingClientRect().bottom < %[1]s.getBoundingClientRect().bottom + 2 && document.querySelector('[data-index="499"]'))(document.querySelector('[data-index="500"]'))`, grid)
	b.until("all of them, with that one in sight", `%s`, inSight)
	js[any](b, `(window.openGate(), 0)`)
	b.until("the pings are known, and it is in sight still", `%s.includes('499,500,501') && /501,[\d,]*509,511/.test(%[1]s) && %s`, shown, inSight)
	js[any](b, `(%s.scrollTop = 0, 0)`, grid)
	b.until("no comments", `%s.startsWith('1,2,3,4,5,6,7,8,9,11,12')`, shown)
	js[any](b, `(%s.scrollTop = 1e9, 0)`, grid)
	b.until("the last ones", `%s.endsWith('997,998,999') && %[1]s.includes('989,991')`, shown)
	js[any](b, `([...document.querySelectorAll('[data-testid=messages] label')].find(l => l.innerText.includes('pings')).querySelector('input').click(), 0)`)
	b.until("the one that is looked at, among all", `%s.includes('500,501') && %[1]s.includes('509,510,511')`, shown)
	js[any](b, `(%s.scrollTop = 0, 0)`, grid)
	b.until("the comments, too", `%s.startsWith('0,1,2,3,4,5,6,7,8,9,10,11,12')`, shown)
	if n := js[int](b, `document.querySelectorAll('[data-testid=messages] [data-index]').length`); n > 60 {
		t.Errorf("%d messages are on the page", n)
	}
}

// A binary message that is held is edited as octets.
func TestPageEditsABinaryMessage(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.webSocket(t, "/socket", "", echo)
	p, url := startPage(t, "--intercept", "~websocket")
	b := visit(t, url)
	loadAxe(b)
	connected := make(chan *wsEnd, 1)
	go func() {
		defer close(connected)
		connected <- dialWebSocket(t, p, o.HTTP, "/socket")
	}()
	js[any](b, `([...document.querySelectorAll('nav button')].find(x => x.innerText.includes('Intercept') || x.innerText.includes('parked')).click(), 0)`)
	js[any](b, `(window.letting = setInterval(() => [...document.querySelectorAll('button')].find(e => e.innerText === 'Let all go on')?.click(), 50), 0)`)
	e := <-connected
	js[any](b, `(clearInterval(window.letting), 0)`)
	if e == nil {
		t.FailNow()
	}
	e.send(0x82, "\x00\x01\xfe\xff")
	field := `document.querySelector('[aria-label="Octets of the message"]')`
	b.until("its octets", `%s?.value.includes('00 01 fe ff')`, field)
	axeEach(b, "intercept-binary")
	set := func(text string) {
		t.Helper()
		js[any](b, `(e => (e.value = %q, e.dispatchEvent(new Event('input', {bubbles: true})), 0))(%s)`, text, field)
		js[any](b, `([...document.querySelectorAll('button')].find(e => e.innerText === 'Go on with the changes').click(), 0)`)
	}
	set("00 0")
	b.until("what is wrong with it", `document.querySelector('[data-testid=intercept] form [role=alert]')?.innerText.length > 0`)
	set("00 02 fe ff 41")
	b.until("what comes back is parked", `document.querySelector('[data-testid=intercept] .item')?.innerText.includes('message 1')`)
	b.until("its octets", `%s?.value.includes('00 02 fe ff 41')`, field)
	js[any](b, `([...document.querySelectorAll('button')].find(e => e.innerText === 'Let all go on').click(), 0)`)
	e.want(0x82, "\x00\x02\xfe\xffA")
}

// A message of octets is shown as these are, not as the base64 that the core sends.
func TestPageShowsBinaryMessages(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.webSocket(t, "/ws", "", echo)
	p, url := startPage(t)
	e := dialWebSocket(t, p, o.HTTP, "/ws")
	e.send(0x82, "\x00\xff{A}")
	e.want(0x82, "\x00\xff{A}")
	b := visit(t, url)
	openFlow(b, "/ws")
	tabOf(b, "events")
	b.until("the octets", `[...document.querySelectorAll('[data-testid=messages] [data-index]')].filter(r => r.innerText.includes('00 ff 7b 41 7d')).length === 2`)
	js[any](b, `(document.querySelector('[data-index="0"]').click(), 0)`)
	b.until("where they stand", `document.querySelector('.one pre')?.innerText.startsWith('00000000  00 ff 7b 41 7d') && document.querySelector('.one pre').innerText.includes('..{A}')`)
}
