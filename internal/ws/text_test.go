package ws

import (
	"testing"
	"unicode/utf8"
)

// What is no text is seen at the octet that makes it none, however it is cut.
func TestUTF8(t *testing.T) {
	t.Parallel()
	for text, bad := range map[string]int{ // the octet that is one too many, -1 for none
		"": -1, "plain": -1, "κόσμε": -1, "\U0010ffff": -1, "\xef\xbf\xbf": -1, "a\x00b": -1,
		"\xce": -1, "\xe1\xbd": -1, "\xf0\x90\x80": -1, // not whole
		"\xf4\x90\x80\x80": 1, "κόσμε\xf4\x90": 11, "ok\xed\xa0\x80": 3, "\xc0\xaf": 0, "\xe0\x9f\xbf": 1, "\xf0\x8f\xbf\xbf": 1,
		"\x80": 0, "a\xbf": 1, "\xfe": 0, "\xc3(": 1, "\xe2\x82z": 2, "\xf8\x88\x80\x80\x80": 0, "\xf7\xbf\xbf\xbf": 0,
	} {
		for cut := range len(text) + 1 {
			var u UTF8
			got := u.Write([]byte(text[:cut])) && u.Write([]byte(text[cut:]))
			if got != (bad < 0) || u.Whole() != utf8.ValidString(text) {
				t.Errorf("%q cut at %d: %v, whole %v", text, cut, got, u.Whole())
			}
		}
		var u UTF8
		for i := range len(text) {
			if got := u.Write([]byte{text[i]}); got != (bad < 0 || i < bad) {
				t.Errorf("%q at octet %d: %v", text, i, got)
				break
			}
		}
	}
}

func FuzzUTF8(f *testing.F) {
	for _, seed := range []string{"", "κόσμε", "\xf4\x90\x80\x80", "a\xe2\x82\xac", "\xed\xa0\x80"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		var u UTF8
		for rest := p; len(rest) > 0; {
			n := min(int(step)%7+1, len(rest))
			u.Write(rest[:n])
			rest = rest[n:]
		}
		if u.Whole() != utf8.Valid(p) {
			t.Errorf("%q: whole is %v", p, u.Whole())
		}
	})
}
