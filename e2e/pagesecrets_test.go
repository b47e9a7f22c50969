package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// seen is what can be read on the page: its text, and what is in fields that do not
// hide it.
const seen = `(document.body.innerText + ' ' + [...document.querySelectorAll('input, textarea')].filter(e => e.type !== 'password').map(e => e.value).join(' ') + ' ' + [...document.querySelectorAll('[title]')].map(e => e.title).join(' '))`

// Credentials are dots in every view until somebody asks for those of the flow, and
// what is sent and copied has them all the same.
func TestPageHidesCredentials(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/canary", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "s=secret-set-cookie; Path=/")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"plain":"seen","password":"secret-member"}`)
	})
	o.mux.HandleFunc("/told", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"plain\":\"seen\",\"api_key\":\"secret-event\"}\n\n")
	})
	o.mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"seen, with token=secret-\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"answer \"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	})
	o.webSocket(t, "/socket", "", func(e *wsEnd) {
		e.send(0x81, `{"plain":"seen","password":"secret-message"}`)
		_, _, _, _ = e.receive() // until the client leaves
	})
	p, url := startPage(t)
	ask := func(method, path, kind, body string) {
		req, err := http.NewRequest(method, o.HTTP+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret-field")
		req.Header.Set("Cookie", "s=secret-cookie")
		req.Header.Set("Referer", "http://user:secret-userinfo@host/")
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		answer, err := p.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
	}
	ask("POST", "/canary?plain=seen&token=secret-query", "application/x-www-form-urlencoded", "plain=seen&password=secret-form")
	ask("GET", "/told", "", "")
	ask("POST", "/v1/chat/completions", "application/json", `{"stream":true,"plain":"seen"}`)
	e := dialWebSocket(t, p, o.HTTP, "/socket")
	e.want(0x81, `{"plain":"seen","password":"secret-message"}`)

	b := visit(t, url)
	loadAxe(b)
	b.until("the rows", `%s.includes('/socket') && %s.includes('plain=seen&token=')`, seen, seen)
	check := func(what, secret string, keys ...string) {
		t.Helper()
		b.until(what+" without its credentials", `%s.includes('seen')`, seen)
		if got := js[string](b, `(s => { const i = s.indexOf('secret-'); return i < 0 ? '' : s.slice(Math.max(0, i - 80), i + 40) })(%s)`, seen); got != "" {
			t.Errorf("%s has a credential: %s", what, got)
		}
		b.key(keys...)
		b.until(what+" with them", `%s.includes(%q)`, seen, secret)
		b.key("Y")
		b.until(what+" without them again", `!%s.includes('secret-')`, seen)
	}
	js[any](b, `(document.querySelector('[data-testid=list]').focus(), 0)`)
	openFlow(b, "/canary")
	axeEach(b, "credentials-hidden")
	check("the exchange", "secret-field", "Y")
	check("the exchange", "secret-member", "Y")
	view := func(side, name string) {
		t.Helper()
		b.until("the side "+side, `(b => !b || (b.click(), b.getAttribute('aria-pressed') === 'true'))([...document.querySelectorAll('.pick button')].find(e => e.innerText.toLowerCase() === %q))`, side)
		b.until("the view "+name, `(s => s && [...s.options].some(o => o.value === %[2]q) && (s.value = %[2]q, s.dispatchEvent(new Event('change', {bubbles: true})), true))(document.querySelector('[data-side=%[1]s] select'))`, side, name)
		b.until("lines of "+name, `document.querySelector('[data-side=%s] .text').innerText.trim() !== '' && !document.querySelector('[data-side=%[1]s] .text').innerText.includes('loading')`, side)
	}
	hidden := func(what string) {
		t.Helper()
		if got := js[string](b, `(s => { const i = s.search(/secret-|73 65 63 72 65 74/); return i < 0 ? '' : s.slice(Math.max(0, i - 80), i + 40) })(%s)`, seen); got != "" {
			t.Errorf("%s has a credential: %s", what, got)
		}
	}
	for _, name := range []string{"raw", "hex", "form", "query", "cookies", "auto"} {
		view("request", name)
		hidden("the view " + name + " of the request")
	}
	for _, name := range []string{"raw", "hex", "json", "cookies", "auto"} {
		view("response", name)
		hidden("the view " + name + " of the response")
	}
	tabOf(b, "raw")
	check("the raw head", "secret-cookie", "Y")
	check("the raw body", "secret-form", "Y")
	tabOf(b, "resend")
	b.until("the editor", `document.querySelector('[aria-label="Request body"]')?.value.includes('plain')`)
	hidden("the editor")
	if got := js[string](b, `document.querySelector('[aria-label="URL"]').value`); !strings.Contains(got, "token=••••••••") {
		t.Errorf("the URL in the editor: %s", got)
	}
	axeEach(b, "credentials-editor")
	js[any](b, `([...document.querySelectorAll('[data-testid=compose] button')].find(e => e.innerText === 'Send').click(), 0)`)
	b.until("it was sent again", `document.querySelector('[data-testid=attempts]')`)
	js[any](b, `([...document.querySelectorAll('[data-testid=attempts] button')].find(e => e.innerText.startsWith('Open flow')).click(), 0)`)
	b.until("the flow that was made", `document.querySelector('#tab-exchange')`)
	tabOf(b, "exchange")
	check("what was sent again", "secret-query", "Y")

	for _, flow := range []struct{ path, tab, secret string }{
		{"/told", "events", "secret-event"}, {"/v1/chat", "answer", "secret-answer"}, {"/socket", "events", "secret-message"},
	} {
		openFlow(b, flow.path)
		tabOf(b, flow.tab)
		check(flow.path, flow.secret, "Y")
	}
	openFlow(b, "/told")
	tabOf(b, "events")
	b.until("the message", `(document.querySelector('[data-index="0"]')?.click(), document.querySelector('.one .text')?.innerText.includes('seen'))`)
	hidden("a message")
}

// What is parked hides its credentials, too, and goes on with them.
func TestPageHidesCredentialsThatAreParked(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	got := make(chan string, 1)
	o.mux.HandleFunc("/parked", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.RawQuery + " " + r.Header.Get("Authorization") + " " + r.Header.Get("X-Plain") + " " + string(body)
	})
	p, url := startPage(t, "--intercept", "~q & ~u parked")
	b := visit(t, url)
	sent := make(chan error, 1)
	go func() {
		req, err := http.NewRequest("POST", o.HTTP+"/parked?token=secret-query", strings.NewReader("plain=seen&password=secret-form"))
		if err == nil {
			req.Header.Set("Authorization", "Bearer secret-field")
			req.Header.Set("X-Plain", "before")
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			var answer *http.Response
			if answer, err = p.client().Do(req); err == nil {
				answer.Body.Close()
			}
		}
		sent <- err
	}()
	b.until("it is parked", `document.body.innerText.includes('1 parked')`)
	b.look(1280, 800, "dark")
	b.key("i")
	b.until("the editor", `document.querySelector('[aria-label="Body"]')?.value.includes('plain')`)
	b.screenshot("view-intercept-hidden.png")
	if js[bool](b, `%s.includes('secret-')`, seen) {
		t.Errorf("a credential is on the page: %s", js[string](b, seen))
	}
	js[any](b, `(e => (e.value = 'after', e.dispatchEvent(new Event('input', {bubbles: true})), 0))([...document.querySelectorAll('input')].find(e => e.value === 'before'))`)
	js[any](b, `([...document.querySelectorAll('button')].find(e => e.innerText === 'Go on with the changes').click(), 0)`)
	if text := <-got; text != "token=secret-query Bearer secret-field after plain=seen&password=secret-form" {
		t.Errorf("the server got %q", text)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
