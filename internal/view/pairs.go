package view

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"midstream/flow"
)

// pair prints a name and a value. What a line could not hold, or could be taken
// for something else, is quoted.
func pair(p *page, name, value string) {
	p.text(quotable(name, true))
	p.text(":")
	if value != "" {
		p.text(" ")
		p.text(quotable(value, false))
	}
	p.end()
}

func quotable(s string, name bool) string {
	odd := strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
	if odd || len(s) > 0 && (s[0] == '"' || s[0] == ' ' || s[len(s)-1] == ' ') || name && (s == "" || strings.Contains(s, ":")) {
		return strconv.Quote(s)
	}
	return s
}

// unescaped takes percent-encoding away where it is right.
func unescaped(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

func showForm(s *source, p *page) error {
	for !p.full {
		field, err := s.r.ReadString('&')
		if len(field) > maxWhole {
			return errors.New("a field is too large to be shown")
		}
		if field = strings.TrimRight(strings.TrimSuffix(field, "&"), "\r\n"); field != "" {
			name, value, _ := strings.Cut(field, "=")
			pair(p, unescaped(name), unescaped(value))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errCut
		}
	}
	return nil
}

// editForm reads lines of name: value.
func editForm(text string) ([]byte, error) {
	var out []byte
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
			continue
		}
		name, rest, err := nameOf(line)
		if err == nil && strings.HasPrefix(rest, `"`) {
			rest, err = strconv.Unquote(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(out) > 0 {
			out = append(out, '&')
		}
		out = append(out, url.QueryEscape(name)...)
		out = append(out, '=')
		out = append(out, url.QueryEscape(rest)...)
	}
	return out, nil
}

func nameOf(line string) (name, rest string, err error) {
	if strings.HasPrefix(line, `"`) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return "", "", errors.New("a quoted name without its end")
		}
		if name, err = strconv.Unquote(quoted); err != nil {
			return "", "", err
		}
		rest, ok := strings.CutPrefix(line[len(quoted):], ":")
		if !ok {
			return "", "", errors.New("no colon behind the name")
		}
		return name, strings.TrimPrefix(rest, " "), nil
	}
	name, rest, ok := strings.Cut(line, ":")
	if !ok {
		return "", "", errors.New("no colon: write name: value")
	}
	return name, strings.TrimPrefix(rest, " "), nil
}

func showQuery(s *source, p *page) error {
	_, query, ok := strings.Cut(s.in.Path, "?")
	if !ok {
		return errors.New("the target has no query")
	}
	for field := range strings.SplitSeq(query, "&") {
		if field != "" && !p.full {
			name, value, _ := strings.Cut(field, "=")
			pair(p, unescaped(name), unescaped(value))
		}
	}
	return nil
}

// showCookies prints the cookies of the message, those that a server sets with
// their attributes.
func showCookies(s *source, p *page) error {
	n := 0
	for _, f := range s.in.Fields {
		switch {
		case strings.EqualFold(f.Name, "Cookie"):
			for part := range strings.SplitSeq(f.Value, ";") {
				if part = flow.TrimSpace(part); part != "" {
					n++
					name, value, _ := strings.Cut(part, "=")
					pair(p, name, value)
				}
			}
		case strings.EqualFold(f.Name, "Set-Cookie"):
			n++
			first := true
			for part := range strings.SplitSeq(f.Value, ";") {
				name, value, _ := strings.Cut(flow.TrimSpace(part), "=")
				if !first {
					p.indent(1)
				}
				pair(p, name, value)
				first = false
			}
		}
	}
	if n == 0 {
		return errors.New("the message has no cookies")
	}
	return nil
}
