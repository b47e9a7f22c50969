package e2e

import (
	"fmt"
	"testing"
)

// The keyboard goes round the parts of the page, also out of a field, and to the tab of
// a number; it stays where it is when the list is another one.
func TestPageByKeyboard(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	for i := range 3 {
		send(t, p.client(), fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": late}, nil)
	b.open(url, 1280, 800, "light")
	openFlow(b, "n=1")
	const part = `document.activeElement.closest('[data-region]')?.dataset.region`
	b.key("f")
	b.until("the filter", `document.activeElement.id === 'filter'`)
	for _, step := range [][2]string{{"F6", "list"}, {"F6", "detail"}, {"Shift+F6", "list"}, {"Shift+F6", "filter"}, {"Shift+F6", "top"}, {"Shift+F6", "detail"}, {"F6", "top"}, {"F6", "filter"}, {"F6", "list"}} {
		b.key(step[0])
		b.until(step[0]+" to the "+step[1], `%s === %q`, part, step[1])
	}
	for n, tab := range map[string]string{"2": "timing", "5": "facts", "1": "exchange"} {
		b.key(n)
		b.until("the tab "+tab, `document.querySelector('#tab-%s').ariaSelected === 'true'`, tab)
	}
	b.key("Escape")
	b.until("the flow is closed", `!document.querySelector('[data-testid=detail]') && %s === 'list'`, part)
	// Another filter, while the list of it is not known to the end.
	js[any](b, `(window.screens = seen(() => document.querySelector('.empty') ? 'empty' : 'list'), 0)`)
	b.key("l", ">")
	b.until("rows like the cell", `document.querySelector('#filter').value !== '' && document.querySelector('#verdict').innerText.includes(' of 3')`)
	b.key("~")
	b.until("all again", `document.querySelector('#verdict').innerText === 'all 3'`)
	if at := js[string](b, part); at != "list" {
		t.Errorf("the focus is in %q", at)
	}
	if got := js[[]string](b, `screens`); len(got) > 1 || len(got) == 1 && got[0] != "list" {
		t.Errorf("what was shown: %q", got)
	}
	// Who asks for the comment types it, whenever its field comes: no letter is a verb.
	b.until("a row has the focus", `document.querySelector('[data-testid=list] [aria-selected=true]')?.id === 'row-2'`)
	js[any](b, `stop('GET /api/v1/flows/2?')`)
	b.key(";", "d", "m", "q")
	b.until("the flow is asked for", `waits('GET /api/v1/flows/2?') > 0`)
	js[any](b, `pass('GET /api/v1/flows/2?')`)
	b.until("the field of the comment", `document.activeElement.id === 'comment'`)
	if js[bool](b, `!!document.querySelector('[data-testid=doomed], [data-testid=list] .marked')`) {
		t.Error("letters of a comment were taken for verbs")
	}
}

// Aloud the page says what comes into the list, and not that the list is another one.
func TestPageSaysWhatComes(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	for i := range 5 {
		send(t, p.client(), fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	send(t, p.client(), o.HTTP+"/nowhere")
	b := openTab(t)
	// The page speaks when it is told to, and not every five seconds.
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => {
		const real = window.setInterval
		window.setInterval = (f, ms, ...more) => ms === 5000 ? (window.speak = f, 0) : real(f, ms, ...more)
	})()`}, nil)
	b.open(url+"&filter=~c%20404", 1280, 800, "light")
	const there = `Number(document.querySelector('[data-testid=list]').ariaRowCount) - 1`
	const said = `document.querySelector('[aria-label=News]').textContent`
	b.until("one of them", `%s === 1 && window.speak`, there)
	js[any](b, `(speak(), 0)`)
	b.key("~")
	b.until("all", `%s === 6`, there)
	js[any](b, `(speak(), 0)`)
	send(t, p.client(), o.HTTP+"/hello?more=1")
	send(t, p.client(), o.HTTP+"/hello?more=2")
	b.until("two more", `%s === 8`, there)
	if text := js[string](b, said); text != "" {
		t.Errorf("of another list it says %q", text)
	}
	js[any](b, `(speak(), 0)`)
	b.until("what has come", `%s === '2 new flows'`, said)
}
