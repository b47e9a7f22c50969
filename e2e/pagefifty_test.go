package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Fifty flows that are parked take neither the focus nor the place of what is looked
// at; they go on by keys, with what was edited.
func TestPageFiftyParked(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t, "--intercept", "~q & ~u parked", "--set", "intercept_timeout=30m")
	c := p.client()
	for i := range 200 {
		send(t, c, fmt.Sprintf("%s/hello?row=%d", o.HTTP, i))
	}
	b := visit(t, url)
	const first = `(() => { const g = document.querySelector('[data-testid=list]'), h = g.querySelector('.head').getBoundingClientRect().bottom; const r = [...g.querySelectorAll('[data-rank]')].map(r => [Math.round(r.getBoundingClientRect().top - h), r.id]).filter(x => x[0] > -24 && x[0] <= 0)[0]; return r ? r[1] + ' ' + r[0] : '' })()`
	b.until("the newest row", `%s`, rowText("row=199"))
	b.until("rows in the middle", `(l => l.scrollTop === 1211 || (l.scrollTop = 1211, false))(document.querySelector('[data-testid=list]')) && !document.querySelector('[data-testid=list] .skeleton') && /^row-\d+ -11$/.test(%s)`, first)
	was := js[string](b, `%s`, first)
	b.key("f")
	b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
	const total = 50
	type result struct {
		text string
		err  error
	}
	got := make([]chan result, total)
	for i := range got {
		got[i] = make(chan result, 1)
		go func() {
			answer, err := p.client().Post(fmt.Sprintf("%s/echo?parked=%02d.", o.HTTP, i), "text/plain", strings.NewReader(fmt.Sprintf("body %d", i)))
			if err != nil {
				got[i] <- result{err: err}
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			got[i] <- result{string(text), err}
		}()
	}
	b.until("all are parked", `document.querySelector('nav').innerText.includes('%d parked')`, total)
	b.until("all rows are known", `Number(document.querySelector('[data-testid=list]').getAttribute('aria-rowcount')) === %d`, 201+total)
	if at := js[string](b, `document.activeElement.id`); at != "filter" {
		t.Errorf("the focus is at %q", at)
	}
	if now := js[string](b, `%s`, first); now != was {
		t.Errorf("the first row was %s and is %s", was, now)
	}
	if at := js[string](b, `location.search + document.querySelector('nav [aria-current]').innerText`); at != "Flows" {
		t.Errorf("the page went to %q", at)
	}
	b.key("Escape", "G")
	b.until("they count down in the list", `/parked \d+ min/.test(%s)`, rowText("parked="))
	b.screenshot("fifty.png")

	const item = `[...document.querySelectorAll('.queue .item')]`
	const field = `[...document.querySelectorAll('textarea[aria-label=Body]')].find(x => x.checkVisibility())`
	choose := func(i int) {
		t.Helper()
		b.until("the queue", `(x => x && (x.click(), true))(%s.find(x => x.innerText.includes('parked=%02d.')))`, item, i)
		b.until("its body", `%s?.value.endsWith('body %d')`, field, i)
	}
	press(b, "nav", "‖ 50 parked")
	b.until("all of them, and until when they wait", `%s.length === %d && %[1]s.every(x => /goes on in \d+ min/.test(x.innerText))`, item, total)
	for _, i := range []int{7, 31} {
		choose(i)
		js[any](b, `(x => (x.focus(), x.setSelectionRange(0, 0), 0))(%s)`, field)
		b.write("edited ")
		b.until("who edits has all the time", `%s.find(x => x.innerText.includes('parked=%02d.')).innerText.includes('waits while it is edited')`, item, i)
	}
	choose(3)
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.screenshot("fifty-queue.png")
	b.key("X")
	if r := <-got[3]; r.err == nil {
		t.Errorf("what was ended got %q", r.text)
	}
	b.until("one less", `document.querySelector('nav').innerText.includes('49 parked')`)
	choose(5)
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.key("a")
	if r := <-got[5]; r.err != nil || r.text != "body 5" {
		t.Errorf("what went on got %q, %v", r.text, r.err)
	}
	b.until("one less", `document.querySelector('nav').innerText.includes('48 parked')`)
	b.key("A")
	for i, c := range got {
		want := fmt.Sprintf("body %d", i)
		switch i {
		case 3, 5:
			continue
		case 7, 31:
			want = "edited " + want
		}
		if r := <-c; r.err != nil || r.text != want {
			t.Errorf("%d got %q, %v", i, r.text, r.err)
		}
	}
	b.until("the queue is empty", `document.querySelector('[data-testid=intercept]').innerText.includes('Nothing is parked')`)
}

// With the next one only, one flow is caught and what comes behind it passes.
func TestPageCatchesTheNext(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t, "--intercept", "~u hello")
	b := visit(t, url)
	const box = `[...document.querySelectorAll('[data-testid=intercept] label')].find(x => x.innerText.includes('the next one only'))?.querySelector('input')`
	press(b, "nav", "Intercept")
	b.until("the choice", `%s && !%[1]s.checked`, box)
	js[any](b, `(%s.click(), 0)`, box)
	b.until("it waits for one", `fetch('/api/v1/state').then(a => a.json()).then(s => s.intercept.next === 'waiting' && s.intercept.active)`)
	b.until("the page knows", `%s.checked`, box)
	catch := func() {
		t.Helper()
		caught := make(chan error, 1)
		go func() {
			answer, err := p.client().Get(o.HTTP + "/hello?caught")
			if err == nil {
				answer.Body.Close()
			}
			caught <- err
		}()
		defer func() {
			if t.Failed() {
				t.Log(js[string](b, `fetch('/api/v1/state').then(a => a.text())`))
			}
		}()
		b.until("it is parked, and the page says that others pass", `document.querySelector('nav').innerText.includes('1 parked') && document.querySelector('[data-testid=intercept]').innerText.includes('One was caught')`)
		send(t, p.client(), o.HTTP+"/hello?passes") // request and response
		b.key("A")
		if err := <-caught; err != nil { // its response passes too
			t.Error(err)
		}
		b.until("the queue is empty", `document.querySelector('[data-testid=intercept]').innerText.includes('Nothing is parked')`)
	}
	catch()
	loadAxe(b)
	axeEach(b, "caught")
	send(t, p.client(), o.HTTP+"/hello?passes")
	press(b, "[data-testid=intercept]", "Catch the next")
	b.until("it waits again", `!document.querySelector('[data-testid=intercept]').innerText.includes('One was caught') && fetch('/api/v1/state').then(a => a.json()).then(s => s.intercept.next === 'waiting')`)
	catch()
	js[any](b, `(%s.click(), 0)`, box)
	b.until("all are held", `fetch('/api/v1/state').then(a => a.json()).then(s => s.intercept.next === '' && s.intercept.active)`)
}

// A stream is held at the event that a person names; those before it have passed.
func TestPageHoldsAStreamAtAnEvent(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 6 {
			fmt.Fprintf(w, "data: event %d\n\n", i)
		}
	})
	p, url := startPage(t, "--intercept", "~u feed & ~s")
	b := visit(t, url)
	b.until("it is attached", `fetch('/api/v1/intercept').then(a => a.json()).then(q => q.attached)`)
	got := make(chan string, 1)
	go func() {
		answer, err := p.client().Get(o.HTTP + "/feed")
		if err != nil {
			got <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		got <- fmt.Sprint(string(text), err)
	}()
	press(b, "nav", "‖ 1 parked")
	goTo := func(n string) {
		t.Helper()
		put(b, "input[aria-label='Message to go on to']", n)
		press(b, "[data-testid=intercept]", "Go on to message")
	}
	const pane = `document.querySelector('[data-testid=intercept]').innerText`
	b.until("the head", `%s.includes('Held at the response')`, pane)
	goTo("3")
	b.until("the event", `%s.includes('Held at the message 3 of the response') && document.querySelector('[aria-label="Content of the message"]')?.value === 'event 3'`, pane)
	loadAxe(b)
	axeEach(b, "held-event")
	goTo("2")
	b.until("what is wrong", `document.querySelector('[data-testid=status]').innerText.includes('above 3')`)
	put(b, `[aria-label="Content of the message"]`, "changed")
	goTo("5")
	b.until("the next", `%s.includes('Held at the message 5 of the response')`, pane)
	b.key("Escape")
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.key("A")
	want := "data: event 0\n\ndata: event 1\n\ndata: event 2\n\ndata: changed\n\ndata: event 4\n\ndata: event 5\n\n<nil>"
	if text := <-got; text != want {
		t.Errorf("the client got %q, want %q", text, want)
	}
}
