package sse

import (
	"strings"
	"unicode/utf8"

	"midstream/hook"
)

// An Event is what a browser fires for a block.
type Event struct {
	Type        string // message, unless the event says another
	Data        string
	LastEventID string
}

// Decoder follows a stream of blocks as a browser does. The zero value is at the
// start of a stream.
type Decoder struct {
	id    string
	retry int64
}

// Fire takes the next block, and tells whether it fires an event and which.
// Octets that are not UTF-8 become U+FFFD.
func (d *Decoder) Fire(e hook.SSE) (Event, bool) {
	if e.HasID || e.ID != "" {
		d.id = Text(e.ID)
	}
	if ms, ok := milliseconds(e.Retry); ok {
		d.retry = ms
	}
	if !e.HasData && e.Data == "" {
		return Event{}, false
	}
	f := Event{Type: Text(e.Event), Data: Text(e.Data), LastEventID: d.id}
	if f.Type == "" {
		f.Type = "message"
	}
	return f, true
}

// Retry is the reconnection time in milliseconds, 0 while the stream has set
// none.
func (d *Decoder) Retry() int64 { return d.retry }

// Text returns s with each sequence that is not UTF-8 replaced by U+FFFD, one
// for each maximal subpart (WHATWG Encoding section 4.1).
func Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = subpart(s)
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// subpart is how many octets at the start of s, which is not UTF-8 there, could
// have been the start of a character.
func subpart(s string) int {
	want, low, high := 0, byte(0x80), byte(0xbf)
	switch c := s[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 1
	case c >= 0xe0 && c <= 0xef:
		want = 2
		if c == 0xe0 {
			low = 0xa0
		} else if c == 0xed {
			high = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		want = 3
		if c == 0xf0 {
			low = 0x90
		} else if c == 0xf4 {
			high = 0x8f
		}
	}
	n := 1
	for n <= want && n < len(s) && s[n] >= low && s[n] <= high {
		low, high = 0x80, 0xbf
		n++
	}
	return n
}
