package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

type discard struct{}

func (*discard) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// A person opens the page, connects a client by what it says, and watches.
func TestPage(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	b := visit(t, url)

	// The first request has swapped the token for a cookie.
	if at := js[string](b, `location.href`); strings.Contains(at, "token") {
		t.Errorf("the address still has the token: %s", at)
	}
	b.until("three lines that say how to connect", `[...document.querySelectorAll('main li code')].length === 3 && document.querySelector('main').innerText.includes(%q)`, p.Addr)
	b.screenshot("empty.png")

	c := p.client()
	send(t, c, o.HTTPS+"/hello?first")
	b.until("its row", `/GET/.test(%[1]s) && /200/.test(%[1]s)`, rowText("/hello?first"))

	// A stream shows its events while they pass, and says that its client left.
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	req, _ := http.NewRequestWithContext(ctx, "GET", o.HTTP+"/events?id=page1&n=50", nil)
	answer, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	go io.Copy(io.Discard, answer.Body)
	openFlow(b, "/events?id=page1")
	b.until("the first event, while the stream lives", `document.querySelector('[data-testid=messages]')?.innerText.includes('event 0') && /live/.test(%s)`, rowText("/events?id=page1"))
	for i := 1; i < 4; i++ {
		o.open("page1")
		b.until(fmt.Sprintf("event %d", i), `document.querySelector('[data-testid=messages]').innerText.includes('event %d')`, i)
	}
	b.until("the gap before it", `/[+≈]\d/.test(document.querySelector('[data-testid=messages] [data-index="3"]').innerText)`)
	b.screenshot("stream.png")
	tabOf(b, "exchange")
	b.until("the body as it grows", `document.querySelector('[data-testid=body][data-side=response] .text').innerText.includes('data: event 3')`)
	o.open("page1")
	b.until("the body goes on", `document.querySelector('[data-testid=body][data-side=response] .text').innerText.includes('data: event 4')`)
	leave()
	b.until("that the client left, and that it is no error", `%s.includes('client left') && !document.querySelector('[data-testid=list] [aria-selected=true] .failed')`, rowText("/events?id=page1"))
	b.until("the same in the summary", `document.querySelector('.summary').innerText.includes('client left')`)

	// A failure is one, and says where.
	if answer, err := c.Get("http://127.0.0.1:1/refused"); err == nil {
		answer.Body.Close()
	}
	b.until("the failure", `document.querySelector('[data-testid=list] .failed') && %s.includes('connect')`, rowText("/refused"))
	b.key("Escape")

	// The tabs of a flow.
	send(t, c, o.HTTPS+"/trailers?tabs")
	openFlow(b, "/trailers?tabs")
	b.until("fields and trailers", `document.querySelector('#panel').innerText.includes('X-Sum') && document.querySelector('#panel').innerText.includes('body with trailers')`)
	b.screenshot("exchange.png")
	for name, want := range map[string]string{"timing": "wait", "connection": "TLS 1.3", "raw": "HTTP/1.1 200", "facts": "recorded as it passes"} {
		tabOf(b, name)
		b.until(name, `document.querySelector('#panel').innerText.includes(%q)`, want)
		b.screenshot(name + ".png")
	}

	// Marks and comments are in the record.
	b.key("m")
	b.until("the mark", `%s.includes('★')`, rowText("/trailers?tabs"))
	if out := p.midstream("flows", "list", "--session", p.Session, "~marked"); !strings.Contains(out, "/trailers?tabs") {
		t.Errorf("the mark is not in the record:\n%s", out)
	}
	// What is looked at stands in the URL: a reload shows the same.
	b.call("Page.reload", nil, nil)
	b.until("the same flow after a reload", `document.querySelector('[data-testid=detail] h2')?.innerText.includes('/trailers?tabs')`)
}

// The filter bar says at once what it makes of what is typed.
func TestPageFilter(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	for i := range 12 {
		send(t, c, fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	send(t, c, o.HTTP+"/nowhere")
	b := visit(t, url)
	b.until("all rows", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 13`)
	b.key("f")
	b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
	b.write("~c")
	b.until("completions", `document.querySelector('#words').innerText.includes('status')`)
	b.write(" 4")
	b.until("values", `document.querySelector('#words').innerText.includes('4xx')`)
	b.screenshot("completion.png")
	b.key("ArrowDown", "Enter")
	b.until("one row", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 1 && document.querySelector('#verdict').innerText.includes('1 of 13')`)
	b.until("the filter in the URL", `new URLSearchParams(location.search).get('filter') === '~c 4xx'`)
	js[any](b, `document.querySelector('#filter').select()`)
	b.write("~c 20x")
	b.until("the place that is wrong", `document.querySelector('#filter').getAttribute('aria-invalid') === 'true' && document.querySelector('#verdict mark')`)
	b.screenshot("wrong.png")
	// A letter in a field is a letter, and no key.
	b.write("mdX")
	if n := b.requests("/flows/"); n != 0 {
		t.Errorf("letters in the field asked for %d things", n)
	}
	js[any](b, `document.querySelector('#filter').select()`)
	b.write("~c 4xx")
	b.until("the filter again", `document.querySelector('#verdict').innerText.includes('1 of 13')`)
	b.key("Escape", "~")
	b.until("the filter off", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 13`)
	b.key("~")
	b.until("and on", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 1`)
	// A new flow that matches joins; one that does not stays away.
	send(t, c, o.HTTP+"/nowhere?2")
	send(t, c, o.HTTP+"/hello?again")
	b.until("the second", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 2 && document.querySelector('#verdict').innerText.includes('2 of 15')`)
	// A cell makes a filter.
	b.key("~")
	b.until("all of them", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 15`)
	b.key("g")
	b.until("a row has the focus", `document.querySelector('[data-testid=list] [aria-selected=true]') || (document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true})), false)`)
	b.key("l", "l", "l", "l", ">")
	b.until("rows of that status alone", `/~c (200|404)/.test(new URLSearchParams(location.search).get('filter'))`)
	// With Alt the filter waits in its field; who leaves without Enter leaves it.
	used := js[string](b, `document.querySelector('#filter').value`)
	alt := func(key string) {
		b.until("the row", `document.querySelector('[data-testid=list] [aria-selected=true]')`)
		js[any](b, `(document.querySelector('[data-testid=list]').dispatchEvent(new KeyboardEvent('keydown', {key: %q, altKey: true, bubbles: true})), 0)`, key)
		b.until("the field", `document.activeElement.id === 'filter' && document.querySelector('#filter').value.startsWith('(')`)
	}
	alt("<")
	b.key("Escape")
	b.until("the filter in use", `document.querySelector('#filter').value === %q && new URLSearchParams(location.search).get('filter') === %[1]q`, used)
	alt("<")
	b.key("Enter")
	b.until("none", `document.querySelector('#verdict').innerText.startsWith('0 of 15')`)
	// What was asked before is walked through, both ways; leaving uses none of it.
	b.key("Escape")
	press(b, "[data-testid=filter]", "~ off")
	b.until("no filter", `document.querySelector('#verdict').innerText.startsWith('all ')`)
	b.key("f")
	b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
	b.key("ArrowUp", "ArrowUp")
	b.until("the one before the last", `document.querySelector('#filter').value === %q`, used)
	b.key("ArrowDown")
	b.until("the last", `document.querySelector('#filter').value.startsWith('(')`)
	b.key("Escape")
	b.until("what is in use", `document.activeElement.id !== 'filter' && document.querySelector('#filter').value === ''`)
	// Each layout keeps its own share, for the next visit too.
	openFlow(b, "/hello?again")
	js[any](b, `(document.querySelector('.splitter').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true})), 0)`)
	b.until("a larger list", `document.querySelector('.splitter').ariaValueNow === '55'`)
	b.key("\\")
	b.until("half of the width", `document.querySelector('.splitter').ariaOrientation === 'vertical' && document.querySelector('.splitter').ariaValueNow === '50'`)
	b.key("\\", "_")
	b.until("as it was left", `document.querySelector('.splitter').ariaValueNow === '55'`)
	b.open(js[string](b, `location.href`), 1280, 800, "light")
	b.until("the next visit", `document.querySelector('.splitter').ariaValueNow === '55'`)
}

// A new window begins with the filter that midstream was started with; who takes it
// away is rid of it.
func TestPageBeginsWithAFilter(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t, "--set", "view_filter=~c 404")
	send(t, p.client(), o.HTTP+"/hello")
	send(t, p.client(), o.HTTP+"/nowhere")
	b := visit(t, url)
	const rows = `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	b.until("the filter", `%s === 1 && document.querySelector('#filter').value === '~c 404' && new URLSearchParams(location.search).get('filter') === '~c 404'`, rows)
	b.key("~")
	b.until("all", `%s === 2 && location.search === ''`, rows)
	b.call("Page.reload", nil, nil)
	b.until("all, still", `performance.getEntriesByType('navigation')[0].type === 'reload' && %s === 2 && document.querySelector('#filter').value === ''`, rows)
}

// What comes moves nothing of what is looked at, and rows on the page are as
// many as fit, however many there are.
func TestPageListStaysPut(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	for i := range 400 {
		send(t, c, fmt.Sprintf("%s/hello?row=%d", o.HTTP, i))
	}
	b := visit(t, url)
	// The first row on the screen, and how far it is from the head of the list.
	first := `(() => { const g = document.querySelector('[data-testid=list]'), h = g.querySelector('.head').getBoundingClientRect().bottom; const r = [...g.querySelectorAll('[data-rank]')].map(r => [Math.round(r.getBoundingClientRect().top - h), r.id]).filter(x => x[0] > -24 && x[0] <= 0)[0]; return r ? r[1] + ' ' + r[0] : '' })()`
	rows := `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	b.until("the newest row, for the list follows", `%s`, rowText("row=399"))
	send(t, c, o.HTTP+"/hello?row=400")
	b.until("it still follows", `%s`, rowText("row=400"))
	for _, order := range []string{"ascending", "newest first", "by size"} {
		switch order {
		case "newest first":
			js[any](b, `document.querySelectorAll('[role=columnheader] button')[0].click()`)
			b.until("the newest row is first", `document.querySelector('[aria-sort=descending]') && %s.startsWith('row-441 ')`, first)
		case "by size":
			js[any](b, `[...document.querySelectorAll('[role=columnheader] button')].find(x => x.innerText.startsWith('Size')).click()`)
			b.until("another order", `document.querySelector('[aria-sort]').innerText.startsWith('Size')`)
		}
		// A list that is put in order begins anew: it is scrolled when it has.
		b.until("rows there", `(l => l.scrollTop === 3011 || (l.scrollTop = 3011, false))(document.querySelector('[data-testid=list]')) && %s > 10 && !document.querySelector('[data-testid=list] .skeleton') && /^row-\d+ -11$/.test(%s) && document.querySelector('[data-rank="125"]')`, rows, first)
		was := js[string](b, `%s`, first)
		total := js[int](b, `Number(document.querySelector('[data-testid=list]').getAttribute('aria-rowcount'))`)
		for i := range 40 {
			send(t, c, fmt.Sprintf("%s/hello?%s=%d", o.HTTP, strings.ReplaceAll(order, " ", ""), i))
		}
		b.until("all have come", `Number(document.querySelector('[data-testid=list]').getAttribute('aria-rowcount')) === %d`, total+40)
		if now := js[string](b, `%s`, first); now != was {
			t.Errorf("%s: the first row was %s and is %s", order, was, now)
		}
		if n := js[int](b, `%s`, rows); n > 60 {
			t.Errorf("%s: %d rows are on the page", order, n)
		}
		b.until("how many are newer", `document.querySelector('.pill')?.innerText.includes('40 newer')`)
		if order != "newest first" {
			b.screenshot("newer.png")
			b.key("G")
			b.until("the newest", `%s && !document.querySelector('.pill')`, rowText(strings.ReplaceAll(order, " ", "")+"=39"))
		}
	}
	// The list can be held; traffic goes on.
	js[any](b, `[...document.querySelectorAll('button')].find(x => x.innerText === 'Hold list').click()`)
	send(t, c, o.HTTP+"/hello?held")
	b.until("what is held back is counted", `document.querySelector('[data-testid=filter]').innerText.includes('Release 1 held')`)
	js[any](b, `[...document.querySelectorAll('button')].find(x => x.innerText.startsWith('Release')).click()`)
	b.until("it is in the list", `document.querySelector('[data-testid=status]').innerText.includes('522')`)
	// A scroll over the whole list asks for what it shows, once.
	before := b.requests("/rows?")
	for i := range 20 {
		js[any](b, `document.querySelector('[data-testid=list]').scrollTop = %d`, i*600)
	}
	b.until("rows there", `!document.querySelector('[data-testid=list] .skeleton')`)
	if n := b.requests("/rows?") - before; n > 12 {
		t.Errorf("one scroll over 522 rows asked %d times", n)
	}
}

// A page that nobody sees is told of no rows and draws none, and has them all when it
// is looked at again.
func TestPageSleepsWhileHidden(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	send(t, c, o.HTTP+"/hello?row=before")
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => {
		const Real = window.EventSource
		window.told = {rows: 0, window: '', asking: 0}
		const ask = window.fetch
		window.fetch = async (u, i) => {
			window.told.asking++
			try {
				const answer = await ask(u, i)
				if (String(u).endsWith('/window')) window.told.window = i.body
				return answer
			} finally {
				window.told.asking--
			}
		}
		window.EventSource = class extends Real {
			constructor(...a) {
				super(...a)
				this.addEventListener('batch', e => window.told.rows += (JSON.parse(e.data).rows ?? []).length)
			}
		}
	})()`}, nil)
	b.open(url, 1280, 800, "light")
	b.until("the row", `%s`, rowText("row=before"))
	look := func(state string) {
		t.Helper()
		js[any](b, `(Object.defineProperty(document, 'visibilityState', {value: %q, configurable: true}), document.dispatchEvent(new Event('visibilitychange')), 0)`, state)
	}
	b.until("the core knows what is on the screen", `window.told.window !== '' && JSON.parse(window.told.window).n > 0`)
	look("hidden")
	b.until("the core knows that nothing is", `JSON.parse(window.told.window).n === 0 && window.told.asking === 0`)
	before := js[int](b, `window.told.rows`)
	for i := range 30 {
		send(t, c, fmt.Sprintf("%s/hello?row=%d", o.HTTP, i))
	}
	drawn := `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	b.until("it was told that there are more", `fetch('/api/v1/stats').then(a => a.json()).then(s => s.ended >= 31)`)
	if n := js[int](b, `%s`, drawn); n != 1 {
		t.Errorf("%d rows were drawn while nobody looked", n)
	}
	if rows := js[int](b, `window.told.rows`) - before; rows != 0 {
		t.Errorf("%d rows were told of while nobody looked", rows)
	}
	const said = `document.querySelector('[data-testid=status]').innerText`
	if text := js[string](b, said); !strings.Contains(text, "1 flow\n") {
		t.Errorf("what is said was changed while nobody looked: %q", text)
	}
	look("visible")
	b.until("all of them", `%s && %s === 31`, rowText("row=29"), drawn)
	b.until("how many there are", `%s.includes('31 flows')`, said)
}

// A flow that ends after its row was asked for, and before the core knows that it is
// on the screen, is not left running there.
func TestPageLearnsOfAnEndThatNobodyTold(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	end := make(chan struct{})
	o.mux.HandleFunc("/runs", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-end
	})
	p, url := startPage(t)
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		answer, err := p.client().Get(o.HTTP + "/runs")
		close(begun)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		ended <- err
	}()
	<-begun
	b := openTab(t)
	// The window is not told of before the flow has ended.
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => {
		const ask = window.fetch
		const opened = new Promise(done => (window.open_ = done))
		window.fetch = async (u, i) => {
			if (String(u).endsWith('/window')) await opened
			return ask(u, i)
		}
	})()`}, nil)
	b.open(url, 1280, 800, "light")
	b.until("the row, running", `%s?.includes('live')`, rowText("/runs"))
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.until("the flow has ended", `fetch('/api/v1/stats').then(a => a.json()).then(s => s.ended === 1)`)
	// Every batch that tells of it has gone out.
	send(t, p.client(), o.HTTP+"/hello")
	b.until("the row of the next", `fetch('/api/v1/flows?limit=1').then(a => a.json()).then(s => s.rows[0].number === 2)`)
	js[any](b, `(window.open_(), 0)`)
	b.until("the end", `(t => t && !t.includes('live'))(%s)`, rowText("/runs"))
}
