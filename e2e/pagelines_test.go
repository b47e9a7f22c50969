package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Bodies are shown by the view that fits; another one can be chosen, and where a
// coding cannot be removed the reason is there.
func TestPageBodyViews(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, `{"packed":[1,2]}`)
	w.Close()
	serve := func(path, kind, coding string, body []byte) {
		o.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			if coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			w.Write(body)
		})
	}
	serve("/packed", "application/json", "gzip", packed.Bytes())
	serve("/torn", "application/json", "gzip", []byte("this is no gzip at all"))
	serve("/form", "application/x-www-form-urlencoded", "", []byte("a=1&b=two+words"))
	serve("/xml", "text/html", "", []byte("<html><body><p>one</p></body></html>"))
	serve("/proto", "application/protobuf", "", []byte{0x08, 0x96, 0x01, 0x12, 0x03, 'a', 'b', 'c'})
	serve("/many", "application/json", "", []byte("["+strings.Repeat("1,", 20_000)+"2]"))
	p, url := startPage(t)
	c := p.client()
	c.Transport.(*http.Transport).DisableCompression = true
	b := visit(t, url)
	part := `document.querySelector('[data-testid=body][data-side=response]')`
	text := part + `.querySelector('.text').innerText`
	for _, row := range []struct{ path, view, want string }{
		{"/packed", "JSON", `{\n  "packed": [\n    1,`},
		{"/form", "form", `a: 1`},
		{"/xml", "XML", `<p>`},
		{"/proto", "protobuf", `150`},
	} {
		send(t, c, o.HTTP+row.path)
		openFlow(b, row.path)
		b.until(row.path+" as what it is", `%s.querySelector('select').selectedOptions[0].innerText.includes(%q) && %s.includes('%s')`, part, row.view, text, row.want)
		b.screenshot("lines" + strings.ReplaceAll(row.path, "/", "-") + ".png")
	}
	send(t, c, o.HTTP+"/torn")
	openFlow(b, "/torn")
	b.until("why it cannot be decoded", `%s.querySelector('[data-testid=note]').innerText.includes('gzip') && /this\s+is\s+no\s+gzip/.test(%s)`, part, text)
	b.screenshot("lines-torn.png")
	choose := func(view string) {
		t.Helper()
		js[any](b, `(s => { s.value = %q; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(%s.querySelector('select'))`, view, part)
	}
	openFlow(b, "/proto")
	choose("hex")
	b.until("its octets", `%s.startsWith('00000000  08 96 01')`, text)
	choose("json")
	b.until("that it is no JSON", `%s.querySelector('[data-testid=note], .failed')`, part)
	b.key("v")
	b.until("what fits, again", `%s.includes('150') || (document.activeElement.blur(), document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'v', bubbles: true})), false)`, text)
	// Lines are on the page in windows.
	send(t, c, o.HTTP+"/many")
	openFlow(b, "/many")
	b.until("the first lines", `%s.startsWith('[\n  1,\n  1,')`, text)
	for range 6 {
		b.until("more of them", `(e => (e.scrollTop = e.scrollHeight, e.querySelectorAll('pre').length > 1))(%s.querySelector('.text'))`, part)
	}
	b.until("no more than four pieces, the first of them gone", `(e => (e.scrollTop = e.scrollHeight, e.querySelectorAll('pre').length === 4 && e.querySelector('pre').dataset.from > 0))(%s.querySelector('.text'))`, part)
}

// A flow that content was asked for is opened where that stands.
func TestPageOpensAHit(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/hay", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"hay":%q,"found":"the-needle"}`, strings.Repeat("hay ", 50_000))
	})
	p, url := startPage(t)
	answer, err := p.client().Post(o.HTTP+"/hay", "application/json", strings.NewReader(`{"asks":"for a pin"}`))
	if err != nil {
		t.Fatal(err)
	}
	(&discard{}).ReadFrom(answer.Body)
	answer.Body.Close()
	send(t, p.client(), o.HTTP+"/hello")
	b := visit(t, url)
	put(b, "#filter", "~b the-needle")
	b.until("one row", `document.querySelector('#verdict').innerText.includes('1 of 2')`)
	openFlow(b, "/hay")
	b.until("the place", `(r => { const box = document.querySelector('[data-side=response] .text').getBoundingClientRect(), at = r.getBoundingClientRect(); return r.toString() === 'the-needle' && at.top >= box.top && at.bottom <= box.bottom && document.elementFromPoint(at.x + 4, at.y + at.height / 2).closest('[data-side=response] .text') !== null })([...CSS.highlights.get('found')][0])`)
	b.screenshot("view-hit.png")
	b.until("the other side as ever", `document.querySelector('[data-side=request]').innerText.includes('"asks": "for a pin"') && !document.querySelector('[data-side=request] form')`)
	put(b, "#filter", "~bq \"A PIN\"")
	b.until("the filter", `new URLSearchParams(location.search).get('filter')?.startsWith('~bq')`)
	openFlow(b, "/hay") // it is open
	press(b, "[data-testid=detail] .summary", "✕")
	openFlow(b, "/hay")
	b.until("the place in the request", `[...CSS.highlights.get('found-request')][0].toString() === 'a pin'`)
	b.until("the response as ever", `document.querySelector('[data-side=response]').innerText.includes('"hay": ')`)
}
