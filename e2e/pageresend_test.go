package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// press clicks the button of that text, as soon as it is there.
func press(b *tab, where, text string) {
	b.t.Helper()
	b.until("the button "+text, `(x => x && !x.disabled && (x.click(), true))([...document.querySelectorAll('%s button')].find(x => x.innerText.trim() === %q))`, where, text)
}

// put writes a text in the place of what a field has.
func put(b *tab, field, text string) {
	b.t.Helper()
	b.until("the field "+field, `(f => f && !f.disabled && (f.focus(), f.select(), document.activeElement === f))(document.querySelector(%q))`, field)
	b.write(text)
}

// A request is changed and sent again; what it was sent again as stays in reach.
func TestPageResend(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	answer, err := p.client().Post(o.HTTP+"/echo?first", "application/json", strings.NewReader(`{"a":1,"b":[2.50]}`))
	if err != nil {
		t.Fatal(err)
	}
	(&discard{}).ReadFrom(answer.Body)
	answer.Body.Close()
	b := visit(t, url)
	loadAxe(b)
	openFlow(b, "/echo?first")
	b.key("R")
	b.until("the body, set out", `document.querySelector('textarea[aria-label="Request body"]')?.value.startsWith('{\n  "a": 1,')`)
	put(b, `textarea[aria-label="Request body"]`, `{"a": 2, "b":`)
	press(b, "[data-testid=compose]", "Send")
	b.until("what is wrong", `document.querySelector('[data-testid=compose] [role=alert]')?.innerText.includes('line 1')`)
	put(b, `textarea[aria-label="Request body"]`, "{\"a\": 2,\n \"b\": [2.50]}")
	put(b, `[data-testid=compose] input[aria-label=URL]`, o.HTTP+"/echo?second")
	press(b, "[data-testid=compose]", "+ field")
	b.until("a new field", `[...document.querySelectorAll('[data-testid=compose] [aria-label^="Name of field"]')].some(x => x.value === '' && x.checkVisibility())`)
	js[any](b, `([...document.querySelectorAll('[data-testid=compose] [aria-label^="Name of field"]')].filter(x => x.checkVisibility()).at(-1).focus(), 0)`)
	b.write("X-Added")
	js[any](b, `([...document.querySelectorAll('[data-testid=compose] [aria-label^="Value of field"]')].filter(x => x.checkVisibility()).at(-1).focus(), 0)`)
	b.write("by hand")
	press(b, "[data-testid=compose]", "Send")
	b.until("how it went", `/attempt 1 of 1[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	if a := o.asked("/echo?second"); a.Header.Get("X-Added") != "by hand" || a.Method != "POST" || a.SHA256 != textSHA256(`{"a":2,"b":[2.50]}`) {
		t.Errorf("the server got %s %d octets, %v", a.Method, a.Size, http.Header(a.Header))
	}
	axeEach(b, "resend")
	press(b, "[data-testid=compose]", "Send")
	b.until("a second attempt", `/attempt 2 of 2[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	js[any](b, `(document.querySelector('[aria-label="Attempt before"]').click(), 0)`)
	b.until("the first", `/attempt 1 of 2[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	// What is sent again as it is counts among them.
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.key("r")
	b.until("a third attempt", `/attempt 3 of 3[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	if a := o.asked("/echo?first"); a.Header.Get("X-Added") != "" || a.SHA256 != textSHA256(`{"a":1,"b":[2.50]}`) {
		t.Errorf("sent again as it is: the server got %d octets, %v", a.Size, http.Header(a.Header))
	}
	press(b, "[data-testid=attempts]", "Open flow 4")
	b.until("the attempt, opened, and the others in reach", `document.querySelector('[data-testid=detail] h2').innerText.includes('#4') && /attempt 3 of 3/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	tabOf(b, "exchange")
	js[any](b, `(document.querySelector('[aria-label="Attempt before"]').click(), 0)`)
	press(b, "[data-testid=attempts]", "Open flow 3")
	b.until("the one before", `document.querySelector('[data-testid=detail] h2').innerText.includes('#3') && /attempt 2 of 3/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	axeEach(b, "attempts")
	press(b, "[data-testid=attempts]", "All of flow 1")
	tabOf(b, "resend")
	b.until("the request", `document.querySelector('textarea[aria-label="Request body"]')?.value.startsWith('{')`)
	// The form of a body can be another one, also octets.
	js[any](b, `(s => { s.value = 'hex'; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('[data-testid=compose] select'))`)
	b.until("octets", `document.querySelector('textarea[aria-label="Request body"]').value.startsWith('00000000  7b 22 61')`)
	put(b, `textarea[aria-label="Request body"]`, "00 ff 41")
	put(b, `[data-testid=compose] input[aria-label=URL]`, o.HTTP+"/echo?third")
	press(b, "[data-testid=compose]", "Send")
	b.until("a fourth attempt", `/attempt 4 of 4[\s\S]*200/.test(document.querySelector('[data-testid=attempts]').innerText)`)
	if a := o.asked("/echo?third"); a.SHA256 != textSHA256("\x00\xffA") {
		t.Errorf("the server got %d octets", a.Size)
	}
	// An edited copy is another flow; it says what it was, and can be taken away.
	press(b, "[data-testid=compose]", "Keep as an edited copy")
	b.until("the copy, opened", `document.querySelector('[data-testid=detail] h2').innerText.includes('/echo?third') && document.querySelector('#tab-changes')`)
	tabOf(b, "changes")
	b.until("what was changed", `/echo\?first/.test(document.querySelector('#panel').innerText) && document.querySelector('#panel ins')?.innerText.includes('third') && document.querySelector('#panel del')?.innerText.includes('first')`)
	axeEach(b, "changes")
	b.key("V")
	b.until("what it was made of", `document.querySelector('[data-testid=detail] h2').innerText.includes('/echo?first')`)
}

// Rows are selected and an act means all of them; what is deleted can be kept for
// a while.
func TestPageSelect(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	for _, path := range []string{"/hello?1", "/hello?2", "/hello?3", "/hello?4", "/nowhere"} {
		send(t, c, o.HTTP+path)
	}
	b := visit(t, url)
	loadAxe(b)
	rows := `document.querySelectorAll('[data-testid=list] [data-rank]').length`
	b.until("all rows", `%s === 5`, rows)
	row := func(part string) string {
		return `[...document.querySelectorAll('[data-testid=list] [data-rank]')].find(r => r.innerText.includes('` + part + `'))`
	}
	pick := func(part, with string) {
		t.Helper()
		js[any](b, `(%s.querySelector('[data-cell="2"]').dispatchEvent(new MouseEvent('click', {bubbles: true, %s: true})), 0)`, row(part), with)
	}
	// The time to undo stands still while the focus is there.
	give := func() {
		t.Helper()
		js[any](b, `new Promise(done => { [...document.querySelectorAll('[data-testid=picked] button')].find(x => x.innerText === 'Delete').click(); const look = () => { const x = document.querySelector('[data-testid=doomed] button'); if (x) { x.focus(); done(0) } else setTimeout(look, 5) }; look() })`)
	}
	pick("/hello?1", "ctrlKey")
	b.until("one is selected", `document.querySelector('[data-testid=picked]').innerText.includes('1 selected') && %s.getAttribute('aria-selected') === 'true'`, row("/hello?1"))
	pick("/hello?3", "shiftKey")
	b.until("three are", `document.querySelector('[data-testid=picked]').innerText.includes('3 selected')`)
	axeEach(b, "selected")
	press(b, "[data-testid=picked]", "Mark")
	b.until("three marks", `[...document.querySelectorAll('[data-testid=list] .marked')].filter(x => x.innerText === '★').length === 3`)
	give()
	b.until("that they are to be deleted", `document.querySelector('[data-testid=doomed]').innerText.includes('3 flows') && document.querySelectorAll('.doomed').length === 3`)
	axe(b, "to be deleted")
	b.key("u")
	b.until("they stay", `!document.querySelector('[data-testid=doomed]') && document.querySelectorAll('.doomed').length === 0 && %s === 5`, rows)
	pick("/hello?1", "ctrlKey")
	b.until("one is selected again", `document.querySelector('[data-testid=picked]').innerText.includes('1 selected')`)
	give()
	press(b, "[data-testid=doomed]", "Delete now")
	b.until("four rows", `%s === 4 && !%s`, rows, row("/hello?1"))
	// All that is shown, by the filter.
	b.key("f")
	b.until("the focus is in the filter", `document.activeElement.id === 'filter'`)
	b.write("~u hello")
	b.key("Enter", "Escape")
	b.until("three rows", `%s === 3`, rows)
	pick("/hello?2", "ctrlKey")
	press(b, "[data-testid=picked]", "Select all that is shown")
	b.until("all of them", `document.querySelector('[data-testid=picked]').innerText.includes('3 selected, all') && document.querySelectorAll('[data-testid=list] [data-rank][aria-selected=true]').length === 3`)
	press(b, "[data-testid=picked]", "Copy")
	b.until("copies", `%s === 6`, rows)
	give()
	// What comes after that was not meant.
	send(t, c, o.HTTP+"/hello?late")
	b.until("it has come", `%s === 7 && document.querySelectorAll('.doomed').length === 6 && !%s.matches('.doomed')`, rows, row("/hello?late"))
	press(b, "[data-testid=doomed]", "Delete now")
	b.until("none but that", `%s === 1 && %s`, rows, row("/hello?late"))
	if out := strings.Join(strings.Fields(p.midstream("flows", "list", "--session", p.Session, "--columns", "path")), " "); out != "/nowhere /hello?late" {
		t.Errorf("what is left:\n%s", out)
	}
}
