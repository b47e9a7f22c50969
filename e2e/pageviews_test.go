package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Every view, in light and dark, at 1280 and 400 pixels: nothing for axe to
// find, and nothing wider than the page.
func TestPageViews(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	b := visit(t, url)
	loadAxe(b)
	b.until("the empty state", `document.querySelectorAll('main li code').length === 3`)
	axeEach(b, "empty")
	c := p.client()
	for i := range 30 {
		send(t, c, fmt.Sprintf("%s/hello?n=%d", o.HTTPS, i))
	}
	send(t, c, o.HTTP+"/nowhere")
	if answer, err := c.Get("http://127.0.0.1:1/refused"); err == nil {
		answer.Body.Close()
	}
	answer, err := c.Get(o.HTTP + "/events?id=views&n=5")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	go io.Copy(io.Discard, answer.Body)
	b.until("rows", `%s`, rowText("/events"))
	if over := js[int](b, `(l => l.scrollWidth - l.clientWidth)(document.querySelector('[data-testid=list]'))`); over > 0 {
		t.Errorf("the list is %d pixels wider than its place", over)
	}
	axeEach(b, "list")
	openFlow(b, "/events?id=views")
	b.until("an event", `document.querySelector('[data-testid=messages]').innerText.includes('event 0')`)
	js[any](b, `document.querySelector('[data-index="0"]').click()`)
	b.until("the message", `document.querySelector('.one').innerText.includes('event 0')`)
	axeEach(b, "events")
	openFlow(b, "/hello?n=29")
	for _, name := range []string{"exchange", "timing", "connection", "raw", "facts"} {
		tabOf(b, name)
		b.until(name, `!document.querySelector('#panel').innerText.includes('loading')`)
		axeEach(b, name)
	}
	b.key("Escape")
	for _, name := range []string{"Options", "Scripts", "Log", "Intercept"} {
		if !js[bool](b, `[...document.querySelectorAll('nav button')].some(x => x.innerText === %[1]q && (x.click(), true))`, name) {
			continue
		}
		b.until(name, `document.querySelector('nav [aria-current]').innerText === %q && document.querySelector('main h2')`, name)
		axeEach(b, strings.ToLower(name))
	}
	b.key("P")
	b.until("the list", `document.querySelector('[data-testid=list]')`)
	for key, title := range map[string]string{"?": "Keys and commands", "t": "Columns", "w": "Save and open"} {
		b.key(key)
		b.until(title, `document.querySelector('dialog[open] h2').innerText === %q`, title)
		axeEach(b, strings.ToLower(strings.Fields(title)[0]))
		b.key("Escape")
		b.until("it closes", `!document.querySelector('dialog[open]')`)
	}
	o.open("views")
}

// A request is held, changed in the page and goes on as it was changed; the
// queue takes no focus.
func TestPageIntercept(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	b := visit(t, url)
	b.until("what runs is known", `document.querySelector('.chip')`)
	b.until("what is intercepted can be said", `[...document.querySelectorAll('nav button')].some(x => x.innerText === 'Intercept')`)
	b.key("i")
	b.until("the field", `document.activeElement.id === 'intercept-filter'`)
	b.write("~m POST & ~q")
	b.key("Enter")
	b.until("it is on", `document.querySelector('[data-testid=intercept] input[type=checkbox]')?.checked`)
	b.key("Escape")
	js[any](b, `document.activeElement.blur()`)
	b.key("P", "f")
	b.until("the filter has the focus", `document.activeElement.id === 'filter'`)
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		answer, err := p.client().Post(o.HTTP+"/echo?held", "text/plain", strings.NewReader("one"))
		if err != nil {
			got <- result{err: err}
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		got <- result{string(text), err}
	}()
	b.until("it is parked", `document.querySelector('nav').innerText.includes('1 parked')`)
	if at := js[string](b, `document.activeElement.id`); at != "filter" {
		t.Errorf("the focus went to %q", at)
	}
	b.until("its row says so", `%s.includes('parked')`, rowText("/echo?held"))
	js[any](b, `[...document.querySelectorAll('nav button')].find(x => x.innerText.includes('parked')).click()`)
	b.until("what can be changed", `document.querySelector('textarea[aria-label=Body]')?.value === 'one'`)
	js[any](b, `(document.querySelector('textarea[aria-label=Body]').select(), 0)`)
	b.write("two, and <more>")
	js[any](b, `([...document.querySelectorAll('[data-testid=intercept] button')].find(x => x.innerText === '+ field').click(), 0)`)
	b.until("a new field", `[...document.querySelectorAll('[aria-label^="Name of field"]')].at(-1).value === ''`)
	js[any](b, `([...document.querySelectorAll('[aria-label^="Name of field"]')].at(-1).focus(), 0)`)
	b.write("X-Added")
	js[any](b, `([...document.querySelectorAll('[aria-label^="Value of field"]')].at(-1).focus(), 0)`)
	b.write("by hand")
	b.screenshot("intercept.png")
	loadAxe(b)
	axeEach(b, "intercept-held")
	js[any](b, `([...document.querySelectorAll('[data-testid=intercept] button')].find(x => x.innerText === 'Go on with the changes').click(), 0)`)
	r := <-got
	if r.err != nil || r.text != "two, and <more>" {
		t.Errorf("the client got %q, %v", r.text, r.err)
	}
	if a := o.asked("/echo?held"); a.Header.Get("X-Added") != "by hand" {
		t.Errorf("the server got %v", http.Header(a.Header))
	}
	b.until("the queue is empty", `document.querySelector('[data-testid=intercept]').innerText.includes('Nothing is parked')`)
}

// The keys mean the parked flow that is shown, and what was edited is kept until it
// goes on.
func TestPageQueue(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t, "--intercept", "~q & ~u parked")
	send(t, p.client(), o.HTTP+"/hello")
	b := visit(t, url)
	openFlow(b, "/hello")
	type result struct {
		text string
		err  error
	}
	var got []chan result
	for i := range 4 {
		c := make(chan result, 1)
		got = append(got, c)
		go func() {
			answer, err := p.client().Post(fmt.Sprintf("%s/echo?parked=%d", o.HTTP, i), "text/plain", strings.NewReader(fmt.Sprintf("body %d", i)))
			if err != nil {
				c <- result{err: err}
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			c <- result{string(text), err}
		}()
		b.until("it is parked", `document.querySelector('nav').innerText.includes('%d parked')`, i+1)
	}
	const field = `[...document.querySelectorAll('textarea[aria-label=Body]')].find(x => x.checkVisibility())`
	choose := func(i int, body string) {
		t.Helper()
		b.until("the queue", `(x => x && (x.click(), true))([...document.querySelectorAll('.queue .item')].find(x => x.innerText.includes('parked=%d')))`, i)
		b.until("its body", `%s?.value === %q`, field, body)
	}
	press(b, "nav", "‖ 4 parked")
	choose(0, "body 0")
	js[any](b, `(x => (x.focus(), x.setSelectionRange(0, 0), 0))(%s)`, field)
	b.write("edited ")
	b.until("it says so", `document.querySelector('.queue .item').innerText.startsWith('✎')`)
	choose(1, "body 1")
	choose(0, "edited body 0")
	choose(2, "body 2")
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.key("a")
	if r := <-got[2]; r.err != nil || r.text != "body 2" {
		t.Errorf("the one that was shown is not the one that went on: %q, %v", r.text, r.err)
	}
	b.until("three", `document.querySelector('nav').innerText.includes('3 parked')`)
	choose(3, "body 3")
	b.key("P")
	b.until("the flows", `document.querySelector('[data-testid=list]') && document.querySelector('[data-testid=intercept]').hidden`)
	press(b, "nav", "‖ 3 parked")
	b.until("the same as before", `%s?.value === 'body 3'`, field)
	b.key("d") // no row of the list is on the page
	b.key("X")
	if r := <-got[3]; r.err == nil {
		t.Errorf("the one that was shown is not the one that was ended: %q", r.text)
	}
	b.until("two", `document.querySelector('nav').innerText.includes('2 parked')`)
	b.key("A")
	for i, want := range []string{"edited body 0", "body 1"} {
		if r := <-got[i]; r.err != nil || r.text != want {
			t.Errorf("%d: the client got %q, %v", i, r.text, r.err)
		}
	}
	b.until("the queue is empty", `document.querySelector('[data-testid=intercept]').innerText.includes('Nothing is parked')`)
	b.key("P")
	b.until("the row stays", `%s && !document.querySelector('[data-testid=doomed]')`, rowText("/hello"))
}
