package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const value = `document.querySelector('%s')?.value`

// What a person types and does not use yet stays, whatever is told meanwhile and
// whatever else is looked at.
func TestPageKeepsWhatIsTyped(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	r, err := http.NewRequest("POST", o.HTTP+"/echo?first", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz")
	answer, err := p.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	(&discard{}).ReadFrom(answer.Body)
	answer.Body.Close()
	send(t, p.client(), o.HTTP+"/hello?other")
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": late}, nil)
	b.open(url, 1280, 800, "light")
	is := func(what, field, want string) {
		t.Helper()
		b.until(what, value+` === %q`, field, want)
	}

	// The filter of what is parked, while the state is asked for from time to time.
	press(b, "nav", "Intercept")
	put(b, "#intercept-filter", "~d shop.exam")
	js[any](b, `stop('GET /api/v1/state')`)
	b.until("the state is asked for", `waits('GET /api/v1/state') > 0`)
	js[any](b, `(window.states = seen(() => %s), pass('GET /api/v1/state'), stop('GET /api/v1/state'))`, fmt.Sprintf(value, "#intercept-filter"))
	b.until("it is asked for again", `waits('GET /api/v1/state') > 0`)
	if got := js[string](b, value, "#intercept-filter"); got != "~d shop.exam" {
		t.Errorf("the filter is %q", got)
	}
	js[any](b, `pass('GET /api/v1/state')`)
	b.write("ple")
	press(b, "[data-testid=intercept]", "Set")
	b.until("it is in force", `fetch('/api/v1/state').then(a => a.json()).then(s => s.intercept.filter === '~d shop.example')`)
	// Another changes it: the field has what is in force.
	js[any](b, `fetch('/api/v1/options', {method: 'PATCH', headers: {'Content-Type': 'application/json'}, body: '{"intercept": "~d other.example"}'}).then(() => 0)`)
	is("what another has set", "#intercept-filter", "~d other.example")

	// An option, while another one is set, and behind another screen.
	press(b, "nav", "Options")
	b.until("the options", `(x => x && (x.click(), true))(document.querySelector('[aria-label="Edit listen_host"]'))`)
	put(b, `[data-testid=options] input[aria-label=listen_host]`, "127.0.")
	if js[bool](b, `[...document.querySelectorAll('[data-testid=options] [aria-label^="Edit "]')].some(x => x.previousElementSibling.textContent.trim() === '')`) {
		t.Error("the value of an option is nothing that is seen")
	}
	if text := js[string](b, `document.querySelector('[data-testid=options]').textContent`); strings.Contains(text, "Takes true") || !strings.Contains(text, "Takes a size") {
		t.Error("what an option takes is not said, or where a box says it")
	}
	js[any](b, `(document.querySelector('[data-testid=options] input[aria-label=anticomp]').click(), 0)`)
	b.until("the other is set", `document.querySelector('[data-testid=status]').innerText.includes('anticomp is set')`)
	is("what was typed", `[data-testid=options] input[aria-label=listen_host]`, "127.0.")
	press(b, "nav", "Log")
	press(b, "nav", "Options")
	is("what was typed", `[data-testid=options] input[aria-label=listen_host]`, "127.0.")
	// One that cannot be set shows what it still is.
	js[any](b, `(s => { s.append(new Option('nonsense')); s.value = 'nonsense'; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('[data-testid=options] select[aria-label=record]'))`)
	b.until("why not", `document.querySelector('[data-testid=options] [role=alert]')`)
	is("the value that stays", `[data-testid=options] select[aria-label=record]`, "all")
	is("what was typed", `[data-testid=options] input[aria-label=listen_host]`, "127.0.")

	// A form of a rule, behind the list.
	press(b, "nav", "Rules")
	press(b, "[data-testid=rules]", "New rule")
	put(b, "[data-testid=rule-form] input", "mine")
	press(b, "nav", "Flows")
	b.until("the list", `%s`, rowText("other"))
	press(b, "nav", "Rules")
	is("the name of the rule", "[data-testid=rule-form] input", "mine")
	press(b, "[data-testid=rule-form]", "Leave")
	press(b, "nav", "Flows")

	// A comment, and a request that is changed, behind another flow; its body and fields
	// also when its credentials are shown.
	openFlow(b, "/echo?first")
	tabOf(b, "facts")
	put(b, "#comment", "to be looked at")
	tabOf(b, "resend")
	b.until("the body, set out", value+`?.includes('"a": 1')`, `textarea[aria-label="Request body"]`)
	put(b, `[data-testid=compose] input[aria-label=Method]`, "PUT")
	put(b, `textarea[aria-label="Request body"]`, `{"a": 2}`)
	openFlow(b, "other")
	openFlow(b, "/echo?first")
	tabOf(b, "facts")
	is("the comment", "#comment", "to be looked at")
	tabOf(b, "resend")
	is("the body", `textarea[aria-label="Request body"]`, `{"a": 2}`)
	press(b, "[data-testid=detail]", "Show credentials")
	b.until("they are shown", `document.querySelector('[data-testid=detail] [title=Y]').ariaPressed === 'true' && [...document.querySelectorAll('[data-testid=compose] input')].some(i => i.value.startsWith('Bearer') && i.type === 'text')`)
	is("the body", `textarea[aria-label="Request body"]`, `{"a": 2}`)
	is("the method", `[data-testid=compose] input[aria-label=Method]`, "PUT")
	press(b, "[data-testid=compose]", "Send")
	b.until("how it went", `/attempt 1 of 1[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	if a := o.asked("/echo?first"); a.Method != "PUT" || a.SHA256 != textSHA256(`{"a":2}`) || a.Header.Get("Authorization") != "Bearer abcdefghijklmnopqrstuvwxyz" {
		t.Errorf("the server got %s, %d octets, %v", a.Method, a.Size, a.Header)
	}
	press(b, "[data-testid=compose]", "As it was")
	is("the method as it was", `[data-testid=compose] input[aria-label=Method]`, "POST")
	b.until("the body as it was", value+`?.includes('"a": 1')`, `textarea[aria-label="Request body"]`)
}

// What is parked and edited stays so when its credentials are shown.
func TestPageKeepsWhatIsParkedAndEdited(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t, "--set", "intercept=~q & ~u echo")
	b := visit(t, url)
	b.until("it is attached", `fetch('/api/v1/intercept').then(a => a.json()).then(q => q.attached)`)
	ended := make(chan error, 1)
	go func() {
		r, err := http.NewRequest("POST", o.HTTP+"/echo?parked", strings.NewReader("plain words"))
		if err == nil {
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz")
			var answer *http.Response
			if answer, err = p.client().Do(r); err == nil {
				(&discard{}).ReadFrom(answer.Body)
				answer.Body.Close()
			}
		}
		ended <- err
	}()
	press(b, "nav", "‖ 1 parked")
	const secret = `[...document.querySelectorAll('[data-testid=intercept] input')].find(i => i.value.startsWith('Bearer'))`
	b.until("its body and its fields", `document.querySelector('[data-testid=intercept] textarea[aria-label=Body]')?.value === 'plain words' && %s?.type === 'password'`, secret)
	put(b, `[data-testid=intercept] textarea[aria-label=Body]`, "other words")
	put(b, `[data-testid=intercept] input[aria-label=Method]`, "PUT")
	press(b, "[data-testid=intercept]", "Show credentials")
	b.until("they are shown", `%s?.type === 'text'`, secret)
	b.until("what was typed", value+` === 'PUT' && `+value+` === 'other words'`, `[data-testid=intercept] input[aria-label=Method]`, `[data-testid=intercept] textarea[aria-label=Body]`)
	js[any](b, `(%s.focus(), %[1]s.select(), 0)`, secret)
	b.write("Bearer other")
	press(b, "[data-testid=intercept]", "Show credentials")
	b.until("they are hidden", `[...document.querySelectorAll('[data-testid=intercept] [title=Y]')].every(x => x.ariaPressed === 'false')`)
	press(b, "[data-testid=intercept]", "Go on with the changes")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if a := o.asked("/echo?parked"); a.Method != "PUT" || a.SHA256 != textSHA256("other words") || a.Header.Get("Authorization") != "Bearer other" {
		t.Errorf("the server got %s, %d octets, %v", a.Method, a.Size, a.Header)
	}
}
