package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const ballast = `{"name":"a value that is repeated","list":[1,2,3,null,true]},`

// A large body of one line is looked at in windows: its start, its end and a
// place in it cost what is shown.
func TestPageLargeBody(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	const rows = 500_000 // 31 MB
	o.mux.HandleFunc("/large.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"rows":[`)
		for i := 0; i < rows; i += 1000 {
			io.WriteString(w, strings.Repeat(ballast, 1000))
			if i == 20_000 {
				io.WriteString(w, `{"needle":"only here"},`)
			}
		}
		io.WriteString(w, `{"last":"row"}]}`)
	})
	p, url := startPage(t)
	send(t, p.client(), o.HTTP+"/large.json")
	b := visit(t, url)
	// What comes of bodies is counted where it arrives.
	js[any](b, `(() => { const real = window.fetch; window.octets = 0; window.pieces = []; window.fetch = async (u, i) => { const a = await real(u, i); if (String(u).includes('/body')) { const r = i?.headers?.Range ?? ''; window.pieces.push(r); const m = /bytes=(\d+)-(\d+)/.exec(r); window.octets += m ? m[2] - m[1] + 1 : 1e9 } return a } })()`)
	text := `document.querySelector('[data-testid=body][data-side=response] .text')`
	openFlow(b, "/large.json")
	b.until("the start, set out", `%s.innerText.startsWith('{\n  "rows": [\n    {\n      "name"')`, text)
	b.screenshot("large.png")
	if n := js[int](b, `window.octets`); n > 256<<10 {
		t.Errorf("the start took %d octets", n)
	}
	js[any](b, `[...document.querySelectorAll('[data-side=response] button')].find(x => x.innerText === 'End').click()`)
	b.until("the end", `%s.innerText.endsWith('{"last":"row"}]}')`, text)
	if n := js[int](b, `window.octets`); n > 640<<10 {
		t.Errorf("start and end took %d octets", n)
	}
	if n := js[int](b, `%s.innerText.length`, text); n > 1<<20 {
		t.Errorf("%d characters are on the page", n)
	}
	b.key("/")
	b.until("the focus is in the find field", `document.activeElement.getAttribute('aria-label') === 'Find in the body'`)
	b.write("Only Here")
	b.key("Enter")
	b.until("the place", `%s.innerText.includes('"needle":"only here"') && document.querySelector('[data-side=response]').innerText.includes('1 of 1')`, text)
	b.screenshot("found.png")
	// The core looks through the body; the page fetches what it shows.
	js[any](b, `(document.querySelector('[aria-label="Find in the body"]').select(), 0)`)
	b.write(`"LAST":"row"`)
	b.key("Enter")
	b.until("the last octets", `%s.innerText.endsWith('{"last":"row"}]}') && document.querySelector('[data-side=response]').innerText.includes('1 of 1')`, text)
	js[any](b, `(document.querySelector('[aria-label="Find in the body"]').select(), 0)`)
	b.write("REPEATED")
	b.key("Enter")
	b.until("many places, and more", `/1 of 1\D000\+/.test(document.querySelector('[data-side=response]').innerText)`)
	if n := js[int](b, `window.octets`); n > 2<<20 {
		t.Errorf("with three searches in a body of 31 MB %d octets were fetched", n)
	}
	if n := js[int](b, `Math.max(...window.pieces.map(r => { const m = /bytes=(\d+)-(\d+)/.exec(r); return m[2] - m[1] + 1 }))`); n > 256<<10 {
		t.Errorf("one window took %d octets", n)
	}
	js[any](b, `[...document.querySelectorAll('[data-side=response] button')].find(x => x.innerText === 'Hex').click()`)
	b.until("octets", `%s.innerText.startsWith('00000000  7b 22 72 6f')`, text)
	for range 12 {
		js[any](b, `%s.scrollTop = 1e9`, text)
		b.until("it has settled", `true`)
	}
	if n := js[int](b, `%s.querySelectorAll('pre').length`, text); n > 4 {
		t.Errorf("%d pieces are on the page", n)
	}
}

// Whatever a client or a server sends is shown as text.
func TestPageShowsMarkupAsText(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	const evil = `<img src=x onerror="window.owned=1"><script>window.owned=1</script>`
	o.mux.HandleFunc("/evil", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("X-Evil", evil)
		fmt.Fprintf(w, "<body>%s\u202egnp.exe</body>", evil)
	})
	o.mux.HandleFunc("/evilevents", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", evil, evil)
	})
	p, url := startPage(t)
	c := p.client()
	req, _ := http.NewRequest("GET", o.HTTP+"/evil", nil)
	req.URL.RawQuery = `a=<svg/onload=window.owned=1>`
	req.Header.Set("X-Evil", evil)
	answer, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	send(t, c, o.HTTP+"/evilevents")
	b := visit(t, url)
	openFlow(b, "/evil?a=")
	for _, name := range []string{"exchange", "raw", "connection", "timing", "facts"} {
		tabOf(b, name)
		b.until(name, `document.querySelector('#panel').innerText.length > 20`)
		if name == "exchange" {
			b.until("the markup, as text", `document.querySelector('#panel').innerText.includes('onerror="window.owned=1"')`)
		}
	}
	openFlow(b, "/evilevents")
	tabOf(b, "events")
	b.until("the event, as text", `document.querySelector('[data-testid=messages]').innerText.includes('onerror=')`)
	js[any](b, `document.querySelector('[data-index="0"]').click()`)
	b.until("the message", `document.querySelector('.one').innerText.includes('onerror=')`)
	if js[bool](b, `'owned' in window || document.querySelector('#page img[src=x], #page script, #page svg') !== null`) {
		t.Error("markup of the wire has become markup of the page")
	}
	// The policy holds even where the page would not.
	js[any](b, `document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.owned=1">')`)
	b.until("the image has failed", `document.querySelector('img[src=x]').complete`)
	if js[bool](b, `'owned' in window`) {
		t.Error("a script in markup runs: the policy lets it")
	}
}

// A long URL and the value of a long field take little room, until all of them is asked
// for.
func TestPageShowsLongTexts(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	end := strings.Repeat("v", 9000) + "-end"
	o.mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Long", end) })
	p, url := startPage(t)
	send(t, p.client(), o.HTTP+"/long?q="+end)
	b := visit(t, url)
	openFlow(b, "/long")
	const field = `[...document.querySelectorAll('[data-testid=detail] tr')].find(r => r.innerText.startsWith('X-Long'))`
	b.until("the field", `%s`, field)
	if high := js[int](b, `%s.offsetHeight`, field); high > 300 {
		t.Errorf("the field is %d pixels high", high)
	}
	if high := js[int](b, `document.querySelector('[data-testid=detail] h2').offsetHeight`); high > 40 {
		t.Errorf("the URL is %d pixels high", high)
	}
	js[any](b, `(%s.querySelector('button').click(), document.querySelector('[aria-label="The whole URL"]').click(), 0)`, field)
	b.until("all of the field", `%s.innerText.trimEnd().endsWith('-end')`, field)
	b.until("all of the URL", `(h => h.innerText.endsWith('-end') && h.scrollWidth <= h.clientWidth + 1)(document.querySelector('[data-testid=detail] h2'))`)
	loadAxe(b)
	axeEach(b, "long")
}

// What can be heard or seen is played from where it is recorded; what cannot is octets.
func TestPagePlaysMedia(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	// Two seconds of silence: 8000 samples a second, of eight bits.
	sound := "RIFF\xa4\x3e\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x80\x3e\x00\x00" + strings.Repeat("\x80", 16_000)
	for path, body := range map[string]string{"/sound": sound, "/noise": strings.Repeat("\x07", 5000)} {
		o.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "audio/wav")
			io.WriteString(w, body)
		})
	}
	p, url := startPage(t)
	send(t, p.client(), o.HTTP+"/sound")
	send(t, p.client(), o.HTTP+"/noise")
	b := visit(t, url)
	openFlow(b, "/sound")
	b.until("how long it is", `document.querySelector('[data-side=response] audio')?.duration === 2`)
	openFlow(b, "/noise")
	b.until("octets alone", `document.querySelector('[data-side=response] .text')?.innerText.startsWith('00000000  07 07') && !document.querySelector('[data-side=response] audio')`)
}
