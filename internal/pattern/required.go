package pattern

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostRequired bounds how many texts stand in for each other, and how many such
// lists Required gives.
const mostRequired = 32

// Required are lists of texts of ASCII, letters in lower case: every subject of
// ASCII that the pattern matches has one text of each list, whatever the case of its
// letters. It is nil where none are known.
func (p *Pattern) Required() [][]string {
	if p.fast == nil {
		return nil
	}
	re, err := syntax.Parse(p.fast.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return required(re)
}

// Required is Pattern.Required for subjects that are octets.
func (o *Octets) Required() [][]string {
	if o.literal != nil {
		return parts(string(o.literal))
	}
	return o.p.Required()
}

// Backtracks tells whether RE2 cannot express the pattern, so that a match may be
// given up after MatchLimit.
func (p *Pattern) Backtracks() bool { return p.fast == nil }

// Backtracks is Pattern.Backtracks.
func (o *Octets) Backtracks() bool { return o.p.Backtracks() }

// parts are the parts of a text that are ASCII.
func parts(text string) (lists [][]string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		lists = append(lists, []string{string(lowerASCII([]byte(part)))})
	}
	return lists
}

func required(re *syntax.Regexp) [][]string {
	switch re.Op {
	case syntax.OpLiteral:
		return parts(string(re.Rune))
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var all [][]string
		run := ""
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpLiteral {
				run += string(sub.Rune) // whether a part folds case does not count
				continue
			}
			all = append(append(all, parts(run)...), required(sub)...)
			run = ""
		}
		all = append(all, parts(run)...)
		return all[:min(len(all), mostRequired)]
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			lists := required(sub)
			if lists == nil {
				return nil
			}
			for _, s := range longest(lists) {
				if !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
			if len(all) > mostRequired {
				return nil
			}
		}
		return [][]string{all}
	}
	return nil
}

// longest is the list whose shortest text is the longest.
func longest(lists [][]string) []string {
	return slices.MaxFunc(lists, func(a, b []string) int { return shortest(a) - shortest(b) })
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}
