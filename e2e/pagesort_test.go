package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// A column's head is a button where the list can be ordered by it, and does that; where
// it cannot, there is no button, and the key says so.
func TestPageSorts(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	for i := range 3 {
		send(t, p.client(), fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `localStorage.setItem('midstream.columns', '["number","method","host","path","status","type","size","duration","first_byte","request_size","start","after","sender","reason","url","outcome","disposition","waterfall","error"]')`}, nil)
	b.open(url, 1280, 800, "light")
	b.until("rows", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 3 && !document.querySelector('.skeleton')`)
	const heads = `[...document.querySelectorAll('[role=columnheader]')].slice(1)`
	if n := js[int](b, `%s.length`, heads); n != 19 {
		t.Errorf("there are %d columns", n)
	}
	const word = `x.innerText.replace(/ [▴▾]$/, '')`
	none := js[[]string](b, `%s.filter(x => !x.querySelector('button')).map(x => %s)`, heads, word)
	if want := []string{"First byte", "Sent by", "Reason", "Body", "Error"}; !slices.Equal(none, want) {
		t.Errorf("no buttons have %q, not %q", none, want)
	}
	if dead := js[[]string](b, `%s.filter(x => !x.querySelector('button')).filter(x => x.ariaSort || x.querySelector('[tabindex], [title], a') || getComputedStyle(x.firstElementChild).cursor === 'pointer').map(x => %s)`, heads, word); len(dead) > 0 {
		t.Errorf("they look as if they did something: %q", dead)
	}
	for _, title := range js[[]string](b, `%s.filter(x => x.querySelector('button')).map(x => %s)`, heads, word) {
		head := fmt.Sprintf(`%s.find(x => %s === %q)`, heads, word, title)
		was := js[string](b, `%s.ariaSort ?? ''`, head)
		js[any](b, `(%s.querySelector('button').click(), 0)`, head)
		b.until("an order by "+title, `%s.ariaSort && %[1]s.ariaSort !== %q && !document.querySelector('.skeleton')`, head, was)
	}
	// The same by its key.
	b.key("g")
	b.until("a row has the focus", `document.querySelector('[data-testid=list] [aria-selected=true]') || (document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true})), false)`)
	for range 8 {
		b.key("l")
	}
	order := js[string](b, `new URLSearchParams(location.search).get('order') ?? ''`)
	b.key("o")
	b.until("that there is none", `document.querySelector('[data-testid=status]').innerText.includes('the list has no order by First byte')`)
	b.key("h", "o")
	b.until("the one by time", `%s.find(x => %s === 'Time').ariaSort && new URLSearchParams(location.search).get('order') !== %q`, heads, word, order)
}
