package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// Flags are the flags of Python's re.compile.
type Flags uint8

// The flags.
const (
	IgnoreCase Flags = 1 << iota // re.IGNORECASE
	Multiline                    // re.MULTILINE
	DotAll                       // re.DOTALL
	Verbose                      // re.VERBOSE
	ASCII                        // re.ASCII
)

// MatchLimit is how long a backtracking match may take. It is far above what
// an honest pattern needs and far below what a person notices.
const MatchLimit = 250 * time.Millisecond

// ErrLimit is returned by TryString when a match took longer than MatchLimit.
var ErrLimit = errors.New("the pattern takes too long on this text")

// Error says what is wrong with a pattern, and where.
type Error struct {
	Pattern string
	Offset  int // in octets from the start of Pattern
	Msg     string
}

func (e *Error) Error() string {
	near := e.Pattern[min(e.Offset, len(e.Pattern)):]
	if len(near) > 20 {
		near = near[:20] + "..."
	}
	if near == "" {
		return fmt.Sprintf("pattern %q: %s at its end (offset %d)", shorten(e.Pattern), e.Msg, e.Offset)
	}
	return fmt.Sprintf("pattern %q: %s at offset %d, before %q", shorten(e.Pattern), e.Msg, e.Offset, near)
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}

// Pattern is a compiled pattern.
type Pattern struct {
	text  string
	fast  *regexp.Regexp  // nil when RE2 cannot express it
	exact *regexp2.Regexp // nil when fast is right for every subject

	dollar   bool // fast differs for subjects that end in a newline
	boundary bool // fast differs for subjects with octets above 0x7f
}

// Compile parses text as Python's re.compile(text, flags) does. Errors are an
// *Error with the place.
func Compile(text string, flags Flags) (*Pattern, error) {
	t, err := translate(text, flags)
	if err != nil {
		return nil, err
	}
	p := &Pattern{text: text, dollar: t.dollar, boundary: t.boundary}
	if !t.backtracks {
		// A pattern above RE2's size limits still runs on the other matcher.
		p.fast, _ = regexp.Compile(t.fast)
	}
	if p.fast == nil || p.dollar || p.boundary {
		re, err := regexp2.Compile(t.exact, regexp2.None)
		if err != nil {
			return nil, &Error{Pattern: text, Msg: "cannot be used: " + err.Error()}
		}
		re.MatchTimeout = MatchLimit
		p.exact = re
	}
	return p, nil
}

// String returns the text that the pattern was compiled from.
func (p *Pattern) String() string { return p.text }

// MatchString tells whether the pattern matches anywhere in s, as re.search
// does. A match that takes longer than MatchLimit counts as none.
func (p *Pattern) MatchString(s string) bool {
	ok, _ := p.TryString(s)
	return ok
}

// TryString is MatchString for callers that must not take a timeout for a
// "no": it fails with ErrLimit.
func (p *Pattern) TryString(s string) (bool, error) {
	if p.fast != nil && !p.differs(s) {
		return p.fast.MatchString(s), nil
	}
	ok, err := p.exact.MatchString(s)
	if err != nil {
		return false, fmt.Errorf("match %q: %w", shorten(p.text), ErrLimit)
	}
	return ok, nil
}

// Linear tells whether every match runs in time linear in the subject.
func (p *Pattern) Linear() bool { return p.exact == nil }

func (p *Pattern) differs(s string) bool {
	if p.dollar && strings.HasSuffix(s, "\n") {
		return true
	}
	if p.boundary {
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				return true
			}
		}
	}
	return false
}
