package jsonedit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step is one part of a path.
type step struct {
	name  string
	index int  // of an element; -1 for a name
	any   bool // every member and element
	deep  bool // at any depth
}

// mostSteps bounds a path.
const mostSteps = 64

var errPath = errors.New("a path is written $.name, $..name, $.list[*].name, $.list[0] or $['a name']")

// parsePath reads a path.
func parsePath(text string) ([]step, error) {
	rest := strings.TrimSpace(text)
	if after, ok := strings.CutPrefix(rest, "$"); ok {
		rest = after
	} else if rest != "" && rest[0] != '[' && rest[0] != '.' {
		rest = "." + rest
	}
	var path []step
	for rest != "" {
		if len(path) == mostSteps {
			return nil, fmt.Errorf("the path has more than %d steps", mostSteps)
		}
		s := step{index: -1}
		var err error
		switch {
		case rest[0] == '[':
			rest, err = s.bracket(rest[1:])
		case rest[0] == '.':
			if after, deep := strings.CutPrefix(rest, ".."); deep {
				s.deep, rest = true, "."+after
			}
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			s.name, rest = rest[1:1+end], rest[1+end:]
			if s.any = s.name == "*"; s.name == "" || strings.ContainsAny(s.name, "]'\" \t") {
				err = errPath
			}
		default:
			err = errPath
		}
		if err != nil {
			return nil, err
		}
		path = append(path, s)
	}
	if len(path) == 0 {
		return nil, errPath
	}
	return path, nil
}

// bracket reads what stands behind [.
func (s *step) bracket(rest string) (string, error) {
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 || !strings.HasPrefix(rest[2+end:], "]") {
			return "", errPath
		}
		s.name = rest[1 : 1+end]
		return rest[3+end:], nil
	}
	inside, after, ok := strings.Cut(rest, "]")
	if !ok {
		return "", errPath
	}
	if inside == "*" {
		s.any = true
		return after, nil
	}
	n, err := strconv.ParseUint(inside, 10, 31)
	if err != nil {
		return "", errPath
	}
	s.index = int(n)
	return after, nil
}

// An Edit sets the values of a path, or removes them.
type Edit struct {
	path  []step
	value []byte // JSON; nil to remove
}

// Set reads "PATH = JSON". A member that is not there is added where its object is.
func Set(text string) (Edit, error) {
	left, right, ok := strings.Cut(text, "=")
	if !ok {
		return Edit{}, errors.New(`it is written PATH = JSON, as $.user.name = "x"`)
	}
	path, err := parsePath(left)
	if err != nil {
		return Edit{}, err
	}
	value := strings.TrimSpace(right)
	if !json.Valid([]byte(value)) {
		return Edit{}, fmt.Errorf("%q is no JSON: a text stands in double quotes", value)
	}
	return Edit{path, []byte(value)}, nil
}

// Delete reads "PATH".
func Delete(text string) (Edit, error) {
	path, err := parsePath(text)
	return Edit{path: path}, err
}
