package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Error is a filter that makes no sense, and where.
type Error struct {
	Filter string
	Offset int // in octets
	// Msg says what is wrong and what is accepted instead.
	Msg string
}

// Column counts from 1, in characters.
func (e *Error) Column() int {
	return utf8.RuneCountInString(e.Filter[:min(e.Offset, len(e.Filter))]) + 1
}

// most is how much of a filter is shown on both sides of its fault.
const most = 60

// Error says it in one line.
func (e *Error) Error() string { return fmt.Sprintf("filter: column %d: %s", e.Column(), e.Msg) }

// Pointer is the filter and, in a line below, a mark under its fault; "" where
// there is no filter to show. Of a long one the part around the fault is shown.
func (e *Error) Pointer() string {
	if e.Filter == "" {
		return ""
	}
	before, after := []rune(e.Filter[:min(e.Offset, len(e.Filter))]), []rune(e.Filter[min(e.Offset, len(e.Filter)):])
	lead, trail := "", ""
	if len(before) > most {
		before, lead = before[len(before)-most:], "..."
	}
	if len(after) > most {
		after, trail = after[:most], "..."
	}
	shown := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, string(before)+string(after))
	return fmt.Sprintf("  %s%s%s\n  %s^\n", lead, shown, trail, strings.Repeat(" ", len(lead)+len(before)))
}
