package e2e

import (
	"fmt"
	"io"
	"sync"
	"testing"
)

// Many flows at once are told of in bounded pieces: the list follows them without
// asking, and none is lost: neither at its end nor at its beginning.
func TestPageFollowsMany(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	b := visit(t, url)
	const clients, each = 16, 125
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			c := p.client()
			for n := range each {
				answer, err := c.Get(fmt.Sprintf("%s/hello?client=%d&n=%d", o.HTTP, i, n))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		})
	}
	all.Wait()
	// whole are the rows on the screen when all of them have ended, from the first on.
	const whole = `(rows => rows.length > 20 && rows.every(r => / 200\b/.test(r.getAttribute('aria-label'))) ? rows.map(r => Number(r.getAttribute('aria-label').split(',')[0])).join(' ') : '')([...document.querySelectorAll('[data-testid=list] [data-rank]')].sort((x, y) => x.dataset.rank - y.dataset.rank))`
	numbers := func(from, to int) (text string) {
		for n := from; n <= to; n++ {
			text += fmt.Sprint(n, " ")
		}
		return text[:len(text)-1]
	}
	const total = clients * each
	b.until("all are counted", `document.querySelector('[data-testid=status]').innerText.includes('2\u202f000 flows') && document.querySelector('[data-testid=list]').ariaRowCount === '%d'`, total+1)
	b.until("the newest, whole", `%s.endsWith(%q)`, whole, numbers(total-20, total))
	if n := b.requests("/window"); n > 5 {
		t.Errorf("while it followed the list told the core %d times where it is", n)
	}
	b.key("g")
	b.until("the first, whole", `%s.startsWith(%q)`, whole, numbers(1, 20))
	b.key("G")
	b.until("the newest again", `%s.endsWith(%q)`, whole, numbers(total-20, total))
}

// A list that new rows shift goes with them without asking for what it has, at its top
// and away from it, and shows what the core has.
func TestPageGoesWithWhatShifts(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	b := visit(t, url)
	c := p.client()
	sent := 0
	// more sends so many that go to places all over a list by path.
	more := func(n int) {
		for range n {
			send(t, c, fmt.Sprintf("%s/hello?of=%03d", o.HTTP, sent*367%1000))
			sent++
		}
	}
	more(150)
	const total = `Number(document.querySelector('[data-testid=list]').ariaRowCount) - 1`
	b.until("all", `%s === 150`, total)
	// shown are the flows on the screen; the core says which they should be.
	const shown = `[...document.querySelectorAll('[data-testid=list] [data-rank]')].sort((x, y) => x.dataset.rank - y.dataset.rank).map(r => r.dataset.rank + ':' + r.id.slice(4)).join(' ')`
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => {
		const ask = window.fetch
		window.fetch = async (u, i) => {
			const answer = await ask(u, i)
			if (/\/views(\?|$)/.test(u)) answer.clone().json().then(v => (window.view = v.id))
			return answer
		}
	})()`}, nil)
	for _, c := range []struct{ order, top string }{
		{"-number", ""}, {"-number", "2000"}, {"path", "1500"},
	} {
		b.open(url+"&order="+c.order, 1280, 800, "light")
		b.until("rows", `window.view && %s === %d && %s !== '' && !document.querySelector('.skeleton')`, total, sent, shown)
		if c.top != "" {
			b.until("scrolled", `(l => l.scrollTop === %s || (l.scrollTop = %[1]s, false))(document.querySelector('[data-testid=list]')) && !document.querySelector('.skeleton')`, c.top)
		}
		before := b.requests("/rows?")
		for range 10 {
			more(8)
			b.until("they are counted", `%s === %d`, total, sent)
		}
		b.until("every row is the one that the core has", `fetch('/api/v1/views/' + view + '/rows?from=0&n=1000').then(a => a.json()).then(a => (rows => rows.length > 20 && rows.every(r => a.rows[r.split(':')[0]].number === Number(r.split(':')[1])))((%s).split(' ')))`, shown)
		if n := b.requests("/rows?") - before; n > 6 {
			t.Errorf("%+v: while 10 times some flows came it asked for rows %d times", c, n)
		}
	}
}
