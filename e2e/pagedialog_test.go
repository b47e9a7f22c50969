package e2e

import "testing"

// A key that is pressed in the moment in which a dialog closes is not lost, and opens
// the next one; the focus goes back to where it was.
func TestPageDialogCloses(t *testing.T) {
	t.Parallel()
	_, url := startPage(t)
	b := visit(t, url)
	const title = `document.querySelector('dialog[open] h2')?.innerText`
	// again has the page get a key between the closing of the dialog and the next task,
	// in which the browser tells of it at the earliest.
	again := func(key string) {
		t.Helper()
		js[any](b, `(window.itCloses = new Promise(done => new MutationObserver(async (_, o) => {
			o.disconnect()
			for (let i = 0; i < 20; i++) await null
			document.body.dispatchEvent(new KeyboardEvent('keydown', {key: %q, bubbles: true, cancelable: true}))
			done(true)
		}).observe(document.querySelector('dialog[open]'), {attributeFilter: ['open']})), 0)`, key)
	}
	// settled is behind the next frame, and what the browser tells of in it.
	settled := func() {
		t.Helper()
		b.until("it is closed", `itCloses`)
		js[any](b, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))`)
	}
	js[any](b, `(document.querySelector('[data-region=top] button[title="?"]').focus(), 0)`)
	b.key("?")
	b.until("the keys", `%s === 'Keys and commands'`, title)
	again("?")
	b.key("Escape")
	settled()
	b.until("the keys again, after Escape", `%s === 'Keys and commands'`, title)
	again("?")
	js[any](b, `(document.querySelector('dialog[open] [aria-label=Close]').click(), 0)`)
	settled()
	b.until("the keys again, after a click", `%s === 'Keys and commands'`, title)
	again("w")
	b.key("Escape")
	settled()
	b.until("another one", `%s === 'Save and open'`, title)

	// A chooser of files that is left says so to all around it.
	js[any](b, `(document.querySelector('dialog[open] input[type=file]').dispatchEvent(new Event('cancel', {bubbles: true})), 0)`)
	if got := js[string](b, title); got != "Save and open" {
		t.Errorf("the dialog is closed by what is in it: %q is open", got)
	}
	b.key("Escape")
	b.until("none", `!document.querySelector('dialog')`)

	js[any](b, `(document.querySelector('[data-region=top] button[title="?"]').focus(), 0)`)
	for _, how := range []string{"Escape", "Enter"} {
		b.key("?")
		b.until("the keys", `%s === 'Keys and commands'`, title)
		b.key(how) // closes it, or runs the first command, which moves nothing in an empty list
		b.until("none", `!document.querySelector('dialog')`)
		if at := js[string](b, `document.activeElement.title`); at != "?" {
			t.Errorf("%s: the focus is not where it was: %q", how, at)
		}
	}
}
