package e2e

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// A filter that matches nothing says which part of it is to blame, and offers what to
// do.
func TestPageSaysWhyNothingMatches(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	for i := range 6 {
		send(t, c, fmt.Sprintf("%s/hello?n=%d", o.HTTP, i))
	}
	send(t, c, o.HTTP+"/nowhere")
	b := visit(t, url)
	const rows = `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	const said = `document.querySelector('[data-testid=nothing]')?.innerText ?? ''`
	b.until("all rows", `%s === 7`, rows)
	ask := func(filter string) {
		b.key("f")
		b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
		js[any](b, `document.querySelector('#filter').select()`)
		b.write(filter)
		b.key("Enter")
		b.until("the filter", `new URLSearchParams(location.search).get('filter') === %q`, filter)
	}
	ask("~u hello & ~c 4xx & ~m GET")
	b.until("the reason", `(x => x.includes('0 of 7') && x.includes('~u hello alone matches 6') && x.includes('~c 4xx alone matches 1') && x.includes('~m GET alone matches 7') && x.includes('Most are left out by ~c 4xx: without it 6 match'))(%s)`, said)
	loadAxe(b)
	axeEach(b, "nothing")
	press(b, "[data-testid=nothing]", "Drop ~c 4xx")
	b.until("the rest", `%s === 6 && new URLSearchParams(location.search).get('filter') === '~u hello & ~m GET'`, rows)
	ask("~hq X-Sum")
	b.until("no reason but that nothing has it", `(%s).includes('No flow has this, here or elsewhere')`, said)
	ask("~hq Content-Type")
	b.until("the other side", `(%s).includes('~hs Content-Type matches 7')`, said)
	press(b, "[data-testid=nothing]", "Undo")
	b.until("the filter before", `new URLSearchParams(location.search).get('filter') === '~hq X-Sum'`)
	ask("~hq Content-Type")
	b.until("the offer", `(%s).includes('~hs Content-Type')`, said)
	press(b, "[data-testid=nothing]", "Use ~hs Content-Type")
	b.until("all of them", `%s === 7`, rows)
}

// What is looked at in a flow makes a filter too: a field, a value of JSON, what is
// known of a connection.
func TestPageFiltersFromWhatIsSeen(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	for _, name := range []string{"one", "two"} {
		o.mux.HandleFunc("/json/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Name", "the "+name+" (1)")
			io.WriteString(w, `{"sku":"A-`+name+`","count":1,"more":[1,2]}`)
		})
	}
	p, url := startPage(t)
	c := p.client()
	send(t, c, o.HTTP+"/json/one")
	send(t, c, o.HTTPS+"/json/two")
	send(t, c, o.HTTP+"/hello")
	b := visit(t, url)
	const rows = `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	press1 := func(target, key string, alt bool) {
		t.Helper()
		b.until("it", `(x => x && (x.focus(), x.dispatchEvent(new KeyboardEvent('keydown', {key: %q, altKey: %v, bubbles: true, cancelable: true})), true))(%s)`, key, alt, target)
	}
	filtered := func(what string, n int, part string) {
		t.Helper()
		b.until(what, `%s === %d && (new URLSearchParams(location.search).get('filter') ?? '').includes(%q)`, rows, n, part)
		b.until("the filter is on", `[...document.querySelectorAll('[data-testid=filter] button')].some(x => x.innerText === '~ off')`)
		press(b, "[data-testid=filter]", "~ off")
		b.until("all of them", `%s === 3 && !location.search.includes('filter=') && document.querySelector('#filter').value === ''`, rows)
	}
	row := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll('#panel [data-term]')].find(x => x.innerText.includes(%q))`, text)
	}
	openFlow(b, "/json/one")
	tabOf(b, "exchange")
	press1(row("X-Name"), ">", false)
	filtered("flows with that field", 1, `~hs "^X-Name: the one \\(1\\)`)
	press1(row("X-Name"), "<", false)
	filtered("flows without it", 2, `!~hs "^X-Name`)
	press1(row("application/json"), ">", true)
	b.until("it waits in the field", `document.activeElement.id === 'filter' && document.querySelector('#filter').value.startsWith('~hs "^Content-Type: application/json')`)
	b.key("Enter")
	filtered("flows of that type", 2, `~hs "^Content-Type`)
	// The arrows go through the fields.
	b.until("a field", `(x => x && (x.focus(), document.activeElement === x))(document.querySelector('#panel section[aria-label=response] [data-term]'))`)
	b.key("ArrowDown")
	b.until("the next field", `document.activeElement === document.querySelectorAll('#panel section[aria-label=response] [data-term]')[1]`)

	const lines = `document.querySelector('[data-testid=body][data-side=response] .text')`
	b.until("the body", `%s?.innerText.includes('"sku": "A-one"')`, lines)
	at := func(text string) string {
		return fmt.Sprintf(`(box => { const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT); while (walk.nextNode()) { const i = walk.currentNode.data.indexOf(%q); if (i >= 0) { getSelection().collapse(walk.currentNode, i); return box } } })(%s)`, text, lines)
	}
	press1(at(`"sku"`), ">", false)
	filtered("flows with that value", 1, `A-one`)
	press1(at(`"count"`), ">", false)
	filtered("flows with that number", 2, `count`)
	js[any](b, `(getSelection().removeAllRanges(), 0)`)

	openFlow(b, "/json/two")
	tabOf(b, "connection")
	press1(row("TLS 1.3"), ">", false)
	filtered("flows with that TLS", 1, `~tls "^client version: TLS 1\\.3$"`)
	defer func() {
		if t.Failed() {
			t.Log(js[string](b, `location.search + ' ' + document.querySelector('#filter').value + ' ' + document.activeElement.outerHTML.slice(0, 300)`))
		}
	}()
	press1(row("from"), ">", false)
	filtered("flows of that client", 3, `~src "^127\\.0\\.0\\.1:"`)
	loadAxe(b)
	axeEach(b, "terms")
	tabOf(b, "exchange")
	b.until("fields", `%s`, row("X-Name"))
	axeEach(b, "terms-fields")
}

// A client that leaves is no error: what is said of it is not in the colour of one.
func TestPageSaysThatAClientLeft(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/runs", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	p, url := startPage(t)
	answer, err := p.client().Get(o.HTTP + "/runs")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	b := visit(t, url)
	b.until("that it left", `%s?.includes('client left')`, rowText("/runs"))
	openFlow(b, "/runs")
	b.until("what became of it", `document.querySelector('[data-testid=detail] .why')?.innerText`)
	if wrong := js[string](b, `document.querySelector('[data-testid=detail] .why.failed')?.innerText ?? ''`); wrong != "" {
		t.Errorf("as an error it says %q", wrong)
	}
}
