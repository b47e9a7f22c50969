package redaction

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path is where a value stands in a JSON text, from its root.
type path []step

// step leads from a container to what is in it.
type step struct {
	name string // in lower case; "" for any
	// index of an array, -1 for none.
	index int
	// deep tells that any number of containers may lie between.
	deep bool
}

// maxSteps bounds a path.
const maxSteps = 64

var errPath = errors.New("a path is written $.name, $..name, $.list[*].name, $.list[0] or $['a name']")

// parsePath reads $.a.b, $..a, $.a[*], $.a[0], $['a'] and what can be made of
// them.
func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok || rest == "" {
		return nil, errPath
	}
	var p path
	for rest != "" {
		if len(p) == maxSteps {
			return nil, fmt.Errorf("the path has more than %d steps", maxSteps)
		}
		s := step{index: -1}
		var bare bool
		switch {
		case strings.HasPrefix(rest, ".."):
			s.deep, rest, bare = true, rest[2:], true
		case rest[0] == '.':
			rest, bare = rest[1:], true
		}
		if rest == "" {
			return nil, errPath
		}
		var err error
		if rest[0] == '[' {
			if bare && !s.deep {
				return nil, errPath
			}
			rest, err = s.bracket(rest)
		} else if bare {
			rest, err = s.word(rest)
		} else {
			err = errPath
		}
		if err != nil {
			return nil, err
		}
		p = append(p, s)
	}
	return p, nil
}

// word reads a name without quotes.
func (s *step) word(text string) (rest string, err error) {
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	if name == "" || strings.ContainsAny(name, " \t\r\n\"'*?()@,:]") && name != "*" {
		return "", fmt.Errorf("%s is no name: one with other characters than letters is written ['NAME']", shorten(name))
	}
	return text[end:], s.called(name, name == "*")
}

// bracket reads [*], [0], ['name'] and ["name"].
func (s *step) bracket(text string) (rest string, err error) {
	text = text[1:]
	if text == "" {
		return "", errPath
	}
	if q := text[0]; q == '\'' || q == '"' {
		end := strings.IndexByte(text[1:], q)
		if end < 0 || !strings.HasPrefix(text[end+2:], "]") {
			return "", errPath
		}
		return text[end+3:], s.called(text[1:1+end], false)
	}
	inner, rest, ok := strings.Cut(text, "]")
	if !ok {
		return "", errPath
	}
	if inner == "*" {
		return rest, nil
	}
	n, err := strconv.ParseUint(inner, 10, 31)
	if err != nil {
		return "", fmt.Errorf("[%s] is no place in a list: write [*] or a number from 0 on", inner)
	}
	s.index = int(n)
	return rest, nil
}

func (s *step) called(name string, anything bool) error {
	switch {
	case anything:
		return nil
	case name == "":
		return errPath
	case len(name) > maxName:
		return fmt.Errorf("a name has more than %d bytes", maxName)
	}
	s.name = strings.ToLower(name)
	return nil
}

// anywhere tells that p is $..name.
func (p path) anywhere() (name string, ok bool) {
	if len(p) != 1 || !p[0].deep || p[0].name == "" {
		return "", false
	}
	return p[0].name, true
}

// takes tells whether the step leads to the member called name (in lower case), or
// to the element index of an array where that is not negative.
func (s *step) takes(name string, index int) bool {
	switch {
	case s.index >= 0:
		return index == s.index
	case s.name != "":
		return index < 0 && s.name == name
	}
	return true
}
