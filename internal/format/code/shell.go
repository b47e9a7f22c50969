package code

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// words joins arguments to a command line of POSIX shell.
func words(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word(a))
	}
	return b.String()
}

// word writes s as one word of POSIX shell. What cannot be seen is written as
// octal numbers for printf, which nothing in the word can end; s must have no NUL
// and no line end behind it.
func word(s string) string {
	switch {
	case bare(s):
		return s
	case visible(s, "\n"):
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return `"$(printf '` + printfText(s) + `')"`
}

// bare tells whether no shell does anything with s.
func bare(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !letter(c) && !digit(c) && strings.IndexByte("-./:_@,+", c) < 0 {
			return false
		}
	}
	return s != ""
}

// visible tells whether all of s is UTF-8 that a terminal shows, or one of also.
func visible(s, also string) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) && !strings.ContainsRune(also, r) {
			return false
		}
		i += n
	}
	return true
}

// printfText writes octets as a format of printf for a single-quoted word.
func printfText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case letter(c) || digit(c) || strings.IndexByte(" ./:_@,+=\"{}[]()<>;?&", c) >= 0 || c == '-' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}
