package e2e

import (
	"fmt"
	"testing"
)

// late has the page's fetches whose address has the part answered by the core at once,
// and given to the page only when they are let go: window.waits of a part are how many
// do, window.pass lets them go and all that come behind.
const late = `(() => {
	const real = window.fetch
	const gates = new Map()
	window.waits = part => gates.get(part)?.n ?? 0
	window.stop = part => { const g = {n: 0}; g.open = new Promise(go => (g.go = go)); gates.set(part, g); return 0 }
	window.pass = part => { const g = gates.get(part); gates.delete(part); g.go(); return 0 }
	window.fetch = async (u, i) => {
		const answer = await real(u, i)
		for (const [part, g] of [...gates]) if (((i?.method ?? 'GET') + ' ' + u).includes(part)) { g.n++; await g.open }
		return answer
	}
	window.seen = (of) => { const all = []; new MutationObserver(() => { const now = of(); if (now !== all.at(-1)) all.push(now) }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true}); return all }
})()`

// An answer that comes late takes nothing back that was told since.
func TestPageLateAnswers(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	for i := range 3 {
		send(t, p.client(), fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	send(t, p.client(), o.HTTP+"/nowhere")
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": late}, nil)
	b.open(url, 1280, 800, "light")
	const rows = `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	b.until("all rows", `%s === 4 && !document.querySelector('.skeleton')`, rows)

	// The state of before a click.
	const chip = `document.querySelector('.chip').innerText.split(' ')[1]`
	b.until("the state is known", `%s === 'Recording'`, chip)
	js[any](b, `stop('GET /api/v1/state')`)
	b.until("the page asks, as it does from time to time", `waits('GET /api/v1/state') > 0`)
	js[any](b, `(document.querySelector('.chip').click(), 0)`)
	b.until("what was told", `%s !== 'Recording'`, chip)
	js[any](b, `(window.chips = seen(() => %s), pass('GET /api/v1/state'), stop('GET /api/v1/state'))`, chip)
	b.until("the next answer", `waits('GET /api/v1/state') > 0`)
	if got := js[[]string](b, `chips`); len(got) > 1 || len(got) == 1 && got[0] == "Recording" {
		t.Errorf("the old state was shown: %q", got)
	}
	js[any](b, `pass('GET /api/v1/state')`)

	// Rows of the list of before a filter.
	js[any](b, `stop('POST /api/v1/views')`)
	b.key("f")
	b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
	b.write("~c 404")
	b.key("Enter")
	b.until("the list is made", `waits('POST /api/v1/views') > 0`)
	js[any](b, `stop('/rows?')`)
	press(b, "[data-testid=filter]", "Hold list")
	press(b, "[data-testid=filter]", "Release 0 held rows")
	b.until("rows of the old one are asked for", `waits('/rows?') > 0`)
	js[any](b, `pass('POST /api/v1/views')`)
	b.until("the new one", `%s === 1`, rows)
	js[any](b, `(window.counts = seen(() => %s), pass('/rows?'))`, rows)
	b.until("its row", `%s`, rowText("/nowhere"))
	if got := js[[]int](b, `counts`); len(got) > 1 || len(got) == 1 && got[0] != 1 {
		t.Errorf("rows of the old list were shown: %v", got)
	}

	// The list of a filter that is typed on.
	js[any](b, `(stop('POST /api/v1/views'), document.querySelector('#filter').focus(), document.querySelector('#filter').select(), 0)`)
	b.write("~m GE")
	b.until("it is asked for", `waits('POST /api/v1/views') > 0`)
	b.write("T")
	js[any](b, `pass('POST /api/v1/views')`)
	b.until("all that was typed", `new URLSearchParams(location.search).get('filter') === '~m GET'`)
	if got := js[string](b, `document.querySelector('#filter').value`); got != "~m GET" {
		t.Errorf("what was typed is %q", got)
	}
}
