package redaction

import (
	"errors"
	"fmt"
	"strings"

	"midstream/internal/body"
	"midstream/internal/pattern"
)

// Rules say what a credential is. They never change.
type Rules struct {
	fields   map[string]bool // names in lower case
	prefixes []string        // beginnings of names in lower case
	params   map[string]bool
	members  map[string]bool // of JSON objects, at any depth
	paths    []path
	patterns []*found
}

// found is a pattern of the user.
type found struct {
	text string
	sub  *pattern.Substitution
}

const (
	// window is the longest match of a pattern, in octets.
	window = 256 << 10
	// maxRule is how long one rule may be, in octets, maxRules how many there may be.
	maxRule  = 8 << 10
	maxRules = 256
	// maxName bounds names of fields, parameters and members.
	maxName = 256
)

// Default are the rules that always hold.
func Default() *Rules {
	r := &Rules{fields: make(map[string]bool), params: make(map[string]bool), members: make(map[string]bool)}
	for _, n := range fieldNames {
		r.fields[n] = true
	}
	for _, n := range paramNames {
		r.params[n] = true
	}
	for _, n := range memberNames {
		r.members[n] = true
	}
	return r
}

// Parse reads rules, which are added to those that always hold: header:NAME (a *
// at its end stands for any rest), query:NAME for parameters of a query and fields
// of a form, json:PATH, regex:REGEX, and default, which adds nothing. Errors name
// the rule.
func Parse(list []string) (*Rules, error) {
	r := Default()
	if len(list) > maxRules {
		return nil, fmt.Errorf("%d rules: %d are the most", len(list), maxRules)
	}
	for _, text := range list {
		if err := r.add(text); err != nil {
			return nil, fmt.Errorf("%s: %w", shorten(text), err)
		}
	}
	return r, nil
}

// Check tells what is wrong with a list of rules.
func Check(list []string) error {
	_, err := Parse(list)
	return err
}

func (r *Rules) add(text string) error {
	if len(text) > maxRule {
		return fmt.Errorf("it has more than %d bytes", maxRule)
	}
	kind, value, _ := strings.Cut(text, ":")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "default", "true":
		if strings.TrimSpace(text) != text || strings.Contains(text, ":") {
			return errors.New("default stands alone")
		}
		return nil
	case "header":
		name, more := strings.CutSuffix(strings.ToLower(strings.TrimSpace(value)), "*")
		if err := checkName(name, "X-Session-Key"); err != nil {
			return err
		}
		if strings.ContainsAny(name, ":*\"(),/<=>?@[\\]{}") {
			return errors.New("it is not the name of a field: a * may stand at its end only")
		}
		if more {
			r.prefixes = append(r.prefixes, name)
		} else {
			r.fields[name] = true
		}
	case "query":
		name := strings.ToLower(strings.TrimSpace(value))
		if err := checkName(name, "pin"); err != nil {
			return err
		}
		if strings.ContainsAny(name, "?&=#") {
			return errors.New("it is not the name of a parameter: write query:NAME, without ?, & and =")
		}
		r.params[name] = true
	case "json":
		p, err := parsePath(strings.TrimSpace(value))
		if err != nil {
			return err
		}
		if name, ok := p.anywhere(); ok {
			r.members[name] = true
		} else {
			r.paths = append(r.paths, p)
		}
	case "regex":
		f, err := newFound(value)
		if err != nil {
			return err
		}
		r.patterns = append(r.patterns, f)
	default:
		return errors.New("a rule is header:NAME, query:NAME, json:PATH, regex:REGEX or default")
	}
	return nil
}

func checkName(name, example string) error {
	switch {
	case name == "":
		return errors.New("the name is missing, as " + example)
	case len(name) > maxName:
		return fmt.Errorf("the name has more than %d bytes", maxName)
	case strings.ContainsAny(name, " \t\r\n\x00"):
		return errors.New("the name has white space in it")
	}
	return nil
}

// newFound reads a pattern, which has the meaning of Python over octets, with
// DOTALL. It must be one that a stream can be searched with.
func newFound(text string) (*found, error) {
	if text == "" {
		return nil, errors.New("the regular expression is missing")
	}
	sub, err := pattern.NewOctetSubstitution(text, pattern.DotAll, nil)
	if err != nil {
		return nil, err
	}
	re, _, ok := sub.Stream()
	if !ok {
		return nil, errors.New("this regular expression can be told only when all of a body is there (lookaround, references, $ and the like): write it without, as streams are searched while they pass")
	}
	if re.MatchString("") {
		return nil, errors.New("this regular expression matches nothing at all: let it match at least one character")
	}
	if _, err := body.NewRewriteWith(re, nil, body.RewriteOptions{Octets: pattern.OctetZero}); err != nil {
		return nil, err
	}
	return &found{text: text, sub: sub}, nil
}

// field tells whether the value of a field is a credential.
func (r *Rules) field(name string) bool {
	name = strings.ToLower(name)
	if r.fields[name] {
		return true
	}
	for _, p := range r.prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// param tells whether the value of a parameter is a credential. Of a[b] b counts
// as well, and of a[] a.
func (r *Rules) param(name string) bool {
	if len(name) > 4*maxName {
		return false
	}
	name = strings.ToLower(name)
	if r.params[name] {
		return true
	}
	for strings.HasSuffix(name, "[]") {
		name = strings.TrimSuffix(name, "[]")
	}
	if i := strings.LastIndexByte(name, '['); i >= 0 && strings.HasSuffix(name, "]") {
		return r.params[name[i+1:len(name)-1]]
	}
	return r.params[name]
}

func shorten(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return fmt.Sprintf("%q", s)
}
