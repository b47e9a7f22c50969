package coding

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestDecodeText(t *testing.T) {
	for _, c := range []struct {
		name, contentType, in, want string
	}{
		{"no type is latin-1", "", "\xe9", "é"},
		{"unknown type is latin-1", "text/plain", "\x80\xe9", "\u0080é"},
		{"charset wins over type", "application/json; charset=latin-1", "\xe9", "é"},
		{"charset in quotes", `text/plain; charset="UTF-8"`, "é", "é"},
		{"charset name is folded", "text/plain; Charset=ISO-8859-1", "\xe9", "é"},
		{"mark wins over charset", "text/plain; charset=latin-1", "\xef\xbb\xbfé", "é"},
		{"UTF-16LE by mark keeps the mark", "text/plain", "\xff\xfea\x00", "\ufeffa"},
		{"UTF-32LE by mark", "text/plain", "\xff\xfe\x00\x00a\x00\x00\x00", "\ufeffa"},
		{"UTF-16 by name", "text/plain; charset=utf-16", "\x3d\xd8\x00\xde", "😀"},
		{"json", "application/json", "é", "é"},
		{"html", "text/html", "é", "é"},
		{"html that says so", "text/html", "<meta charset='windows-1251'>\xe9", "<meta charset='windows-1251'>й"},
		{"html that says so the old way", "text/html", `<META http-equiv=x content="text/html; charset=koi8-r">` + "\xca", `<META http-equiv=x content="text/html; charset=koi8-r">й`},
		{"the type is looked at as it is", "TEXT/HTML", "\xe9", "é"},
		{"xml", "application/xml", `<?xml version="1.0" encoding="iso-8859-1"?>` + "\xe9", `<?xml version="1.0" encoding="iso-8859-1"?>é`},
		{"javascript", "text/javascript", "é", "é"},
		{"css", "text/css", "@charset \"cp1252\";\x80", "@charset \"cp1252\";€"},
		{"css with the rule elsewhere", "text/css", " @charset \"cp1252\";é", " @charset \"cp1252\";é"},
		{"gbk is read as gb18030", "text/plain; charset=gbk", "\x81\x30\x81\x30", "\u0080"},
		{"shift_jis", "text/plain; charset=Shift_JIS", "\x93\xfa", "日"},
		{"empty", "text/html", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DecodeText(c.contentType, []byte(c.in))
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestUndecodableText(t *testing.T) {
	for _, c := range []struct{ name, contentType, in string }{
		{"not UTF-8", "application/json", "a\xff"},
		{"half a character", "application/json", "\xe2\x82"},
		{"not ASCII", "text/plain; charset=us-ascii", "é"},
		{"odd UTF-16", "text/plain; charset=utf-16le", "abc"},
		{"lone surrogate", "text/plain; charset=utf-16le", "\x00\xd8a\x00"},
		{"beyond Unicode", "text/plain; charset=utf-32le", "\x00\x00\x11\x00"},
		{"unknown charset", "text/plain; charset=klingon", "a"},
		{"a charset that is refused everywhere", "text/plain; charset=iso-2022-cn", "a"},
		{"not big5", "text/plain; charset=big5", "\xff\xff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := DecodeText(c.contentType, []byte(c.in)); err == nil {
				t.Errorf("got %q", s)
			}
			if s := DecodeTextLossy(c.contentType, []byte(c.in)); s != c.in {
				t.Errorf("lossy: got %q, want the octets", s)
			}
		})
	}
}

func TestEncodeText(t *testing.T) {
	for _, c := range []struct {
		name, contentType, in, want, wantType string
	}{
		{"no type, fits latin-1", "", "é", "\xe9", ""},
		{"no type, does not fit", "", "€", "€", "text/plain; charset=utf-8"},
		{"json", "application/json", "€", "€", "application/json"},
		{"html ignores the old body", "text/html", "€", "€", "text/html"},
		{"charset", "text/html; charset=cp1252", "€", "\x80", "text/html; charset=cp1252"},
		{"does not fit the charset", "Text/HTML; q=1; charset=latin-1", "€", "€", "text/html; q=1; charset=utf-8"},
		{"unknown charset", "text/plain;charset=klingon", "é", "é", "text/plain; charset=utf-8"},
		{"not a type", "nonsense", "€", "€", "text/plain; charset=utf-8"},
		{"octets that are no UTF-8", "application/json", "a\xff", "a\xff", "application/json; charset=utf-8"},
		{"UTF-16", "text/plain; charset=utf-16be", "é", "\x00\xe9", "text/plain; charset=utf-16be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ct := EncodeText(c.contentType, c.in)
			if string(p) != c.want || ct != c.wantType {
				t.Errorf("got %q, %q, want %q, %q", p, ct, c.want, c.wantType)
			}
		})
	}
}

func TestUTF16(t *testing.T) {
	for in, want := range map[string][]uint16{
		"a\xffé":       {'a', 0xdcff, 'é'},
		"😀":            {0xd83d, 0xde00},
		"\xed\xa0\x80": {0xdced, 0xdca0, 0xdc80},
	} {
		if got := UTF16(in); !slices.Equal(got, want) {
			t.Errorf("UTF16(%q) = %x, want %x", in, got, want)
		}
	}
	if got := FromUTF16([]uint16{0xd83d, 'a', 0xdc00}); got != "\ufffda\ufffd" {
		t.Errorf("lone surrogates: got %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "octets"))
		if got := FromUTF16(UTF16(s)); got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// What was decoded strictly is encoded to the same octets again.
func TestTextRoundTrip(t *testing.T) {
	charsets := []string{"utf-8", "latin-1", "ascii", "utf-16le", "utf-16be", "utf-32le", "utf-32be", "cp1252", "koi8-r", "iso-8859-15", "big5", "euc-kr"}
	rapid.Check(t, func(t *rapid.T) {
		ct := "text/plain; charset=" + rapid.SampledFrom(charsets).Draw(t, "charset")
		s := rapid.String().Draw(t, "text")
		p, got := EncodeText(ct, s)
		if byMark(p) != "" {
			t.Skip("begins with a mark")
		}
		back, err := DecodeText(got, p)
		if err != nil || back != s {
			t.Fatalf("%q as %s: %q came back as %q, %v", s, got, p, back, err)
		}
	})
}

func FuzzDecodeText(f *testing.F) {
	f.Add("text/html; charset=x", []byte("<meta charset=utf-16>a"))
	f.Add("text/css", []byte("@charset \"gb2312\";\x81\x30\x81\x30"))
	f.Add("a/b;charset=utf-16", []byte("\xfe\xff\x00a"))
	f.Fuzz(func(t *testing.T, contentType string, p []byte) {
		s, err := DecodeText(contentType, p)
		if err == nil && !utf8.ValidString(s) {
			t.Errorf("text is not UTF-8: %q", s)
		}
		out, ct := EncodeText(contentType, string(p))
		if ct != contentType && !bytes.Equal(out, p) {
			t.Errorf("octets changed on the way out: %q", out)
		}
	})
}
