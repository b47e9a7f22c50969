package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// A text in another charset is read by it, in all of its pieces; what is looked for in
// it is found.
func TestPageReadsCharsets(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	var long strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&long, "日本語のテキスト、%d 行目\n", i)
	}
	shift, err := japanese.ShiftJIS.NewEncoder().String(long.String())
	if err != nil {
		t.Fatal(err)
	}
	latin, err := charmap.ISO8859_1.NewEncoder().String(strings.Repeat("naïve, Grüße\n", 9000) + "Ende: Köln\n")
	if err != nil {
		t.Fatal(err)
	}
	var wide strings.Builder
	for _, u := range utf16.Encode([]rune(strings.Repeat("żółw 🐢\n", 9000))) {
		wide.WriteByte(byte(u))
		wide.WriteByte(byte(u >> 8))
	}
	for path, page := range map[string][2]string{
		"/shift": {"text/plain; charset=Shift_JIS", shift},
		"/latin": {`text/plain; charset="ISO-8859-1"`, latin},
		"/wide":  {"text/plain;charset=utf-16le", wide.String()},
	} {
		o.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", page[0])
			fmt.Fprint(w, page[1])
		})
	}
	p, url := startPage(t)
	for _, path := range []string{"/shift", "/latin", "/wide"} {
		send(t, p.client(), o.HTTP+path)
	}
	b := visit(t, url)
	const text = `document.querySelector('[data-side=response] .text')`
	// down reads on until a text is there, and nothing on the way was cut.
	down := func(path, first, last string) {
		t.Helper()
		openFlow(b, path)
		b.until(path+", its beginning", `%s?.innerText.startsWith(%q)`, text, first)
		b.until(path+", its end", `(x => { x.scrollTop = x.scrollHeight; return x.innerText.trimEnd().endsWith(%q) })(%s)`, last, text)
		if js[bool](b, `%s.innerText.includes('\ufffd')`, text) {
			t.Errorf("%s: a character is cut", path)
		}
	}
	down("/shift", "日本語のテキスト、0 行目", "日本語のテキスト、5999 行目")
	lines := js[[]string](b, `%s.innerText.trimEnd().split('\n')`, text)
	for i, line := range lines {
		if want := fmt.Sprintf("日本語のテキスト、%d 行目", 6000-len(lines)+i); line != want {
			t.Fatalf("line %d of the last %d is %q, not %q", i, len(lines), line, want)
		}
	}
	b.until("its beginning again", `(x => { x.scrollTop = 0; return x.innerText.startsWith('日本語のテキスト、0 行目\n日本語のテキスト、1 行目') })(%s)`, text)
	down("/wide", "żółw 🐢", "żółw 🐢")
	down("/latin", "naïve, Grüße", "Köln")
	b.key("/")
	b.until("the find bar", `document.activeElement.ariaLabel === 'Find in the body'`)
	b.write("Köln")
	b.key("Enter")
	b.until("one place", `/1 of 1\b/.test(document.querySelector('[data-side=response]').innerText)`)
}
