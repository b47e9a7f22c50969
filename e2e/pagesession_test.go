package e2e

import (
	"fmt"
	"net/url"
	"testing"
)

// Where midstream was started anew, with another session, an open page goes on with
// that; nothing of what was chosen means a flow of it.
func TestPageOutlivesASession(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, at := startPage(t, "--set", "web_password=open sesame")
	for i := range 5 {
		send(t, p.client(), fmt.Sprintf("%s/hello?before=%d", o.HTTP, i))
	}
	where, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	b := visit(t, where.Scheme+"://"+where.Host+"/?token=open%20sesame")
	openFlow(b, "before=2")
	b.key("s", "j", "s")
	b.until("two are selected", `document.querySelector('[data-testid=picked]')?.innerText.includes('2 selected')`)
	b.key("d")
	b.until("they are to be deleted", `document.querySelector('[data-testid=doomed]')`)
	p.stop()
	b.until("it says so", `document.querySelector('.banner')?.innerText.includes('does not answer')`)
	p, _ = startPage(t, "--set", "web_password=open sesame", "--web-port", where.Port())
	for i := range 3 {
		send(t, p.client(), fmt.Sprintf("%s/hello?behind=%d", o.HTTP, i))
	}
	// Its token is another one; it is given in another window.
	b.until("that it has to sign in", `document.querySelector('.banner')?.innerText.includes('no longer good')`)
	b.until("it has", `fetch("/?token=%s").then(a => a.ok)`, "open+sesame")
	b.until("the flows of the other session", `document.querySelectorAll('[data-testid=list] [data-rank]').length === 3 && %s`, rowText("behind=2"))
	b.until("nothing of the one before", `!document.querySelector('[data-testid=detail], [data-testid=doomed], [data-testid=picked], [aria-selected=true], .banner')`)
	b.until("all of them, still", `fetch('/api/v1/stats').then(a => a.json()).then(s => s.ended === 3) && document.querySelectorAll('[data-testid=list] [data-rank]').length === 3`)
	if location := js[string](b, `location.search`); location != "" {
		t.Errorf("the address is %q", location)
	}
}
