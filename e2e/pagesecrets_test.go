package e2e

import (
	"net/http"
	"testing"
)

// Credentials are dots on the page until somebody asks for one.
func TestPageHidesCredentials(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	req, err := http.NewRequest("GET", o.HTTP+"/hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer on-the-page-1")
	req.Header.Set("Cookie", "a=on-the-page-2")
	req.Header.Set("X-Plain", "is plain")
	answer, err := p.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	b := visit(t, url)
	openFlow(b, "/hello")
	b.until("the fields", `document.body.innerText.includes('is plain')`)
	if js[bool](b, `document.body.innerText.includes('on-the-page')`) {
		t.Error("a credential is on the page")
	}
	js[any](b, `(document.querySelector('button[aria-label="show Authorization"]').click(), 0)`)
	b.until("the one that was asked for", `document.body.innerText.includes('on-the-page-1')`)
	if js[bool](b, `document.body.innerText.includes('on-the-page-2')`) {
		t.Error("another one is on the page, too")
	}
	tabOf(b, "raw")
	b.until("the head as it was sent", `document.body.innerText.includes('X-Plain: is plain')`)
	if js[bool](b, `document.body.innerText.includes('on-the-page')`) {
		t.Error("a credential is in the head as it was sent")
	}
	js[any](b, `([...document.querySelectorAll('button')].find(e => e.innerText === 'Show credentials').click(), 0)`)
	b.until("all of them", `document.body.innerText.includes('on-the-page-1') && document.body.innerText.includes('on-the-page-2')`)
	loadAxe(b)
	axe(b, "credentials")
}
