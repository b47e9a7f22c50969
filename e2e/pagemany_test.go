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
