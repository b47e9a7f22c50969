package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What peers say is text wherever it is shown: in targets, fields, reasons, cookies,
// comments and markers, in every part of a flow, and in the fields of editors.
func TestPageShowsMarkupOfPeersAsText(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	const evil = `<img src=x onerror=window.owned=1>`
	o.mux.HandleFunc("/evil", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 %[1]s\r\nContent-Type: text/plain; a=\"%[1]s\"\r\nSet-Cookie: a=%[1]s\r\nLocation: javascript:window.owned=1\r\nX: %[1]s\r\nX-Turned: \u202eexe.png\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", evil)
	})
	p, url := startPage(t)
	req, err := http.NewRequest("POST", o.HTTP+"/evil", strings.NewReader(evil))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.RawQuery = "q=" + evil[:strings.IndexByte(evil, ' ')] + "/onerror=window.owned=1>"
	req.Header.Set("X-Evil", evil)
	answer, err := p.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	b := visit(t, url)
	openFlow(b, "/evil")
	b.until("it is marked and has a comment", `Promise.all([['mark', {marker: %[1]q}], ['comment', {comment: %[1]q}]].map(([what, body]) => fetch('/api/v1/flows/' + what, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({numbers: [1], ...body})}))).then(all => all.every(a => a.ok))`, evil)
	for _, tab := range []string{"exchange", "timing", "connection", "raw", "facts", "resend"} {
		tabOf(b, tab)
		b.until("what "+tab+" says", `document.querySelector('#panel').innerText.length > 20 && !document.querySelector('#panel').innerText.startsWith('loading')`)
		if tab == "exchange" || tab == "raw" {
			b.until("the markup, as text", `document.querySelector('#panel').innerText.includes('onerror=window.owned=1')`)
		}
		if found := js[string](b, `([...document.querySelectorAll('[onerror], [onload], [srcdoc], img[src=x], a[href^="javascript:" i], iframe, object, embed')].map(e => e.outerHTML).join() || (window.owned ? 'it has run' : ''))`); found != "" {
			t.Errorf("%s: %s", tab, found)
		}
		if js[bool](b, `document.body.innerText.includes('\u202e')`) {
			t.Errorf("%s: text runs backwards", tab)
		}
	}
	js[any](b, `([...document.querySelectorAll('nav button')].find(x => x.innerText === 'Log').click(), 0)`)
	b.until("the log", `document.querySelector('nav [aria-current]')?.innerText === 'Log'`)
	if js[bool](b, `!!document.querySelector('[onerror]') || !!window.owned`) {
		t.Error("the log has markup")
	}
}
