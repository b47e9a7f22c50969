package coding

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// DecodeText returns the content p as text. The charset is that of a byte order
// mark, else of the charset parameter of contentType, else what the type
// implies: UTF-8 for json and javascript; the charset named in the text, or
// UTF-8, for html, xml and css; ISO 8859-1 for everything else. gb2312 and gbk
// are read as gb18030. An unknown charset and undecodable octets are errors.
func DecodeText(contentType string, p []byte) (string, error) {
	name := charsetOf(contentType, p)
	cs, err := findCharset(name)
	if err != nil {
		return "", err
	}
	s, err := cs.decode(p)
	if err != nil {
		return "", fmt.Errorf("read text as %s: %w", name, err)
	}
	return s, nil
}

// DecodeTextLossy is DecodeText that never fails: where that would, the octets
// themselves are the text, read as UTF-8 as far as they are UTF-8. Use UTF16 to
// show the others as lone surrogates.
func DecodeTextLossy(contentType string, p []byte) string {
	s, err := DecodeText(contentType, p)
	if err != nil {
		return string(p)
	}
	return s
}

// EncodeText returns s in the charset that contentType says or implies, and the
// Content-Type to send: contentType itself, or one with charset=utf-8 where s
// does not fit the charset (text/plain where there is no type). Octets of s
// that are not UTF-8 go out as they are.
func EncodeText(contentType, s string) (p []byte, newContentType string) {
	if cs, err := findCharset(charsetOf(contentType, nil)); err == nil {
		if p, err := cs.encode(s); err == nil {
			return p, contentType
		}
	}
	return []byte(s), withUTF8(contentType)
}

// charsetOf names the charset of content by the rules of DecodeText. The tests
// of the type are on substrings of the value as it was received.
func charsetOf(contentType string, p []byte) string {
	if name := byMark(p); name != "" {
		return name
	}
	name := parameter(contentType, "charset")
	if name == "" {
		name = implied(contentType, p)
	}
	return name
}

// byMark finds a byte order mark; the longer ones come first because the mark
// of UTF-32LE begins with that of UTF-16LE.
func byMark(p []byte) string {
	switch {
	case bytes.HasPrefix(p, []byte{0, 0, 0xfe, 0xff}):
		return "utf-32be"
	case bytes.HasPrefix(p, []byte{0xff, 0xfe, 0, 0}):
		return "utf-32le"
	case bytes.HasPrefix(p, []byte{0xfe, 0xff}):
		return "utf-16be"
	case bytes.HasPrefix(p, []byte{0xff, 0xfe}):
		return "utf-16le"
	case bytes.HasPrefix(p, []byte{0xef, 0xbb, 0xbf}):
		return "utf-8-sig"
	}
	return ""
}

// Where a text may name its own charset. It is looked for in the first
// sniffed octets only.
var (
	metaCharset = regexp.MustCompile(`(?i)<meta[^>]+charset=['"]?([^'">]+)`)
	xmlCharset  = regexp.MustCompile(`(?i)<\?xml[^\?>]+encoding=['"]([^'"\?>]+)`)
	cssCharset  = regexp.MustCompile(`(?i)^@charset "([^"]+)";`)
)

const sniffed = 64 << 10

func implied(contentType string, p []byte) string {
	has := func(s string) bool { return strings.Contains(contentType, s) }
	p = p[:min(len(p), sniffed)]
	var named *regexp.Regexp
	switch {
	case has("json"):
		return "utf-8"
	case has("html"):
		named = metaCharset
	case has("xml"):
		named = xmlCharset
	case has("javascript"), has("ecmascript"):
		return "utf-8"
	case has("text/css"):
		named = cssCharset
	default:
		return "latin-1"
	}
	if m := named.FindSubmatch(p); m != nil {
		return string(m[1])
	}
	return "utf-8"
}

// parameter returns a parameter of a media type, without quotes; "" when there
// is none or the value is no media type.
func parameter(contentType, name string) string {
	media, rest, _ := strings.Cut(contentType, ";")
	if !strings.Contains(media, "/") {
		return ""
	}
	value := ""
	for rest != "" {
		var item string
		item, rest, _ = strings.Cut(rest, ";")
		k, v, ok := strings.Cut(item, "=")
		if ok && strings.EqualFold(strings.TrimSpace(k), name) {
			value = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return value
}

// withUTF8 is contentType with its charset parameter set to utf-8.
func withUTF8(contentType string) string {
	media, rest, _ := strings.Cut(contentType, ";")
	if !strings.Contains(media, "/") {
		return "text/plain; charset=utf-8"
	}
	var b strings.Builder
	b.WriteString(strings.ToLower(strings.TrimSpace(media)))
	set := false
	for rest != "" {
		var item string
		item, rest, _ = strings.Cut(rest, ";")
		k, v, ok := strings.Cut(item, "=")
		if !ok {
			continue
		}
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if strings.EqualFold(k, "charset") {
			if set {
				continue
			}
			k, v, set = "charset", "utf-8", true
		}
		b.WriteString("; " + k + "=" + v)
	}
	if !set {
		b.WriteString("; charset=utf-8")
	}
	return b.String()
}
