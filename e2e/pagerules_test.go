package e2e

import (
	"os"
	"strings"
	"testing"
)

// Rules are made, tried, switched, ordered and taken away in the page; they are in
// force at once.
func TestPageRules(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p, url := startPage(t)
	c := p.client()
	send(t, c, o.HTTP+"/hello?before")
	b := visit(t, url)
	loadAxe(b)
	b.until("what runs is known", `document.querySelector('.chip')`)
	b.key("W")
	b.until("there are none", `document.querySelector('[data-testid=rules]').innerText.includes('There are none')`)
	press(b, "[data-testid=rules]", "New rule")
	field := func(name, text string) {
		t.Helper()
		b.until("the field "+name, `(f => f && (f.focus(), f.select(), true))([...document.querySelectorAll('[data-testid=rule-form] label')].find(x => x.innerText.trim().startsWith(%q))?.querySelector('input'))`, name)
		b.write(text)
	}
	kind := func(name string) {
		t.Helper()
		js[any](b, `(s => { s.value = %q; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('[data-testid=rule-form] select'))`, name)
	}
	b.until("the form", `document.querySelector('[data-testid=rule-form] select')`)
	kind("modify_headers")
	field("name", "debug")
	field("header", "X-Debug")
	field("value", "on")
	field("when", "~c 20x")
	press(b, "[data-testid=rule-form]", "Add the rule")
	b.until("where the filter is wrong", `document.querySelector('[data-testid=rule-form] [role=alert] mark') && document.querySelector('[data-testid=rule-form] input[aria-invalid=true]')`)
	axeEach(b, "rule-form")
	field("when", "~q & ~u hello")
	press(b, "[data-testid=rule-form]", "Test it on what is recorded")
	b.until("what it would have changed", `/the last 1 flow[\s\S]*: 1[\s\S]*hello\?before/.test(document.querySelector('[data-testid=trial]').innerText)`)
	press(b, "[data-testid=rule-form]", "Add the rule")
	rules := `[...document.querySelectorAll('[data-testid=rule] b')].map(x => x.innerText).join()`
	b.until("the rule", `%s === 'debug' && !document.querySelector('[data-testid=rule-form]')`, rules)
	send(t, c, o.HTTP+"/hello?with")
	if got := o.asked("/hello?with").Header.Get("X-Debug"); got != "on" {
		t.Errorf("the server got X-Debug %q", got)
	}
	b.until("its hit", `document.querySelector('[data-testid=rule]').innerText.includes('1 hit')`)
	axeEach(b, "rules")
	js[any](b, `(document.querySelector('[data-testid=rule] input[type=checkbox]').click(), 0)`)
	b.until("it is off", `document.querySelector('[data-testid=rule].off')`)
	send(t, c, o.HTTP+"/hello?without")
	if got := o.asked("/hello?without").Header.Get("X-Debug"); got != "" {
		t.Errorf("the server got X-Debug %q of a rule that is off", got)
	}
	// A second one, made for a flow; the order is changed, and it is taken away.
	b.key("P")
	openFlow(b, "/hello?without")
	press(b, ".summary", "Make a rule")
	b.until("a filter for it", `[...document.querySelectorAll('[data-testid=rule-form] input')].some(x => /~m .*GET.* & ~d .* & ~u .*hello/.test(x.value))`)
	kind("block_list")
	field("name", "closed")
	field("status", "404")
	press(b, "[data-testid=rule-form]", "Add the rule")
	b.until("two rules", `%s === 'debug,closed'`, rules)
	js[any](b, `(document.querySelector('[aria-label="closed earlier"]').click(), 0)`)
	b.until("another order", `%s === 'closed,debug'`, rules)
	js[any](b, `(document.querySelector('[aria-label="Take closed away"]').click(), 0)`)
	b.until("one rule", `%s === 'debug'`, rules)
	press(b, "[data-testid=rules]", "Undo")
	b.until("where it was", `%s === 'closed,debug'`, rules)
	file := js[string](b, `document.querySelector('[data-testid=rules] .dim').innerText`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if closed, debug := strings.Index(string(text), "closed"), strings.Index(string(text), "debug"); closed < 0 || debug < closed {
		t.Errorf("the file of rules:\n%s", text)
	}
	// What somebody else writes is shown.
	if err := os.WriteFile(file, []byte("- name: mine\n  do: block_list\n  status: 403\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.until("the rule of the file", `%s === 'mine'`, rules)
}

// How to connect is one key away, with a QR code where a phone can come in.
func TestPageConnect(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	p, url := startPage(t)
	b := openTab(t)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `(() => { const real = window.fetch; window.fetch = async (u, i) => { const a = await real(u, i); if (!String(u).endsWith('/state')) return a; const s = await a.json(); s.elsewhere = window.nobody ? [] : ['192.0.2.7:8080', '[2001:db8::5]:8080']; return new Response(JSON.stringify(s), {status: a.status}) } })()`}, nil)
	b.open(url, 1280, 800, "light")
	b.until("the page is there", `document.querySelector('[data-testid=status]')?.innerText.includes('connected')`)
	loadAxe(b)
	axeEach(b, "connect-here")
	press(b, ".empty", "Terminal, container")
	b.until("commands", `document.querySelector('.empty').innerText.includes('docker run -e http_proxy=http://192.0.2.7:8080')`)
	axeEach(b, "connect-terminal")
	press(b, ".empty", "Phone or tablet")
	b.until("the code", `document.querySelector('[data-testid=qr]')?.getAttribute('aria-label').includes('http://192.0.2.7:8080/') && document.querySelector('[data-testid=qr] path').getAttribute('d').length > 500`)
	axeEach(b, "connect-phone")
	was := js[string](b, `document.querySelector('[data-testid=qr] path').getAttribute('d')`)
	js[any](b, `(s => { s.value = '[2001:db8::5]:8080'; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelector('.empty [role=tabpanel] select'))`)
	b.until("another code", `document.querySelector('[data-testid=qr] path').getAttribute('d') !== %q && document.querySelector('[data-testid=phone]').innerText.includes('db8')`, was)
	// Who asks for the page with the certificate is seen here, and turns green.
	const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"
	const seen = `document.querySelector('[data-testid=seen] li')`
	run(t, nil, curl, "-sS", "-A", phone, p.URL()+"/")
	b.until("a phone that only looks", `%s?.innerText.includes('iPhone or iPad') && %[1]s.innerText.includes('not through the proxy yet') && !%[1]s.matches('.good')`, seen)
	run(t, nil, curl, "-sS", "-A", phone, "-x", p.URL(), "http://midstream.internal/through.svg")
	b.until("its proxy is set", `%s.innerText.includes('✓ through the proxy') && %[1]s.innerText.includes('does not trust') && !%[1]s.matches('.good')`, seen)
	run(t, nil, curl, "-sS", "-A", phone, "-x", p.URL(), "--cacert", p.CA, "https://midstream.internal/trust.svg")
	b.until("it is green", `%s.innerText.includes('✓ trusts the certificate') && %[1]s.matches('.good')`, seen)
	axeEach(b, "connect-green")
	js[any](b, `(document.querySelector('[data-testid=seen] button').click(), 0)`)
	b.until("it is closed", `!document.querySelector('[data-testid=seen]')`)
	b.key("C")
	b.until("the dialog is open", `document.querySelector('dialog[open] h2')?.innerText === 'Connect'`)
	b.until("the same there", `document.querySelector('dialog[open] [data-testid=visitors] li.good')`)
	press(b, "dialog[open]", "Phone or tablet")
	b.until("the dialog", `document.querySelector('dialog[open] h2').innerText === 'Connect' && document.querySelector('dialog[open] [data-testid=qr]')`)
	axeEach(b, "connect")
	js[any](b, `(window.nobody = true, 0)`)
	b.until("that nobody else can come in", `document.querySelector('dialog[open]').innerText.includes('on this machine alone') && !document.querySelector('dialog[open] [data-testid=qr]')`)
}
