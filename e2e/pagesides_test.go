package e2e

import (
	"strings"
	"testing"
)

// Request and response stand side by side where there is room, else one alone; a key
// and a button have them otherwise, and each way keeps how the place is divided.
func TestPageSides(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	answer, err := p.client().Post(o.HTTP+"/echo?sides", "application/json", strings.NewReader(`{"sku":"A-77","count":[1,2,3]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&discard{}).ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	b := visit(t, url)
	loadAxe(b)
	b.look(1100, 800, "light")
	openFlow(b, "/echo?sides")
	tabOf(b, "exchange")
	const bar = `document.querySelector('[data-sides] [role=separator]')`
	// Where they are is measured, not read from a name.
	stands := func(want string) {
		t.Helper()
		b.until("they stand "+want, `(all => all.length === 1 ? 'single' : all.length === 2 && (([a, b]) => a.top === b.top && a.right < b.left ? 'side' : a.left === b.left && a.bottom < b.top ? 'stacked' : '')(all.map(x => x.getBoundingClientRect())))([...document.querySelectorAll('#panel section[aria-label=request], #panel section[aria-label=response]')]) === %q`, want)
		b.until("both are as wide as their place", `[...document.querySelectorAll('#panel section')].every(x => x.scrollWidth <= x.clientWidth)`)
		b.until("a bar between two", `(%s?.ariaOrientation ?? '') === %q`, bar, map[string]string{"side": "vertical", "stacked": "horizontal"}[want])
	}
	divided := func(want string) {
		t.Helper()
		b.until("divided at "+want, `%s.ariaValueNow === %q && (([a, b]) => Math.abs(a / (a + b) - %[2]s / 100) < 0.03)([...document.querySelectorAll('#panel section')].map(x => %[1]s.ariaOrientation === 'vertical' ? x.offsetWidth : x.offsetHeight))`, bar, want)
	}
	stands("single")
	b.look(1280, 800, "light")
	stands("side")
	b.until("both bodies", `[...document.querySelectorAll('#panel section')].every(x => x.innerText.includes('A-77'))`)
	axeEach(b, "sides-side")
	b.look(1700, 1000, "light")
	stands("side")
	b.screenshot("view-sides-1700.png")
	b.look(1280, 800, "light")
	b.until("the bar moves", `(x => x && (x.focus(), document.activeElement === x))(%s)`, bar)
	b.key("ArrowRight", "ArrowRight")
	divided("60")
	b.key("-")
	stands("stacked")
	divided("50")
	axeEach(b, "sides-stacked")
	place := js[[]float64](b, `(r => [r.left + r.width / 2, r.top + r.height / 2, %s.parentElement.getBoundingClientRect().height])(%[1]s.getBoundingClientRect())`, bar)
	for i, kind := range []string{"mousePressed", "mouseMoved", "mouseReleased"} {
		y := place[1]
		if i > 0 {
			y -= place[2] / 5
		}
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": place[0], "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
	}
	b.until("it was dragged", `(n => n >= 27 && n <= 33)(+%s.ariaValueNow)`, bar)
	b.key("-")
	stands("single")
	press(b, "[data-sides]", "▭ one alone")
	stands("side")
	divided("60")
	// It is kept for the next visit, and where the list stands beside the flow.
	b.call("Page.reload", nil, nil)
	b.until("it is loaded anew", `performance.getEntriesByType('navigation')[0].type === 'reload' && document.querySelector('[data-sides]')`)
	divided("60")
	b.key("\\")
	b.until("the list beside the flow", `document.querySelector('[aria-label="Size of the list"]').ariaOrientation === 'vertical'`)
	stands("side")
	// A narrow screen has no place for both in a line.
	b.look(400, 800, "light")
	stands("single")
	b.key("-")
	stands("stacked")
	b.key("-")
	stands("single")
	b.key("-")
	stands("stacked")
}
