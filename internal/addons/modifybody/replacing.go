package modifybody

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"midstream/internal/body"
	"midstream/internal/pattern"
	"midstream/internal/rule"
)

// substitution is a pattern with a replacement.
type substitution struct {
	whole  *pattern.Substitution
	stream *body.Rewrite // nil where the pattern needs the whole
}

// replacing is a rule that has been read.
type replacing struct {
	*rule.Rule
	find   string
	value  rule.Replacement
	window int64
	fixed  *substitution // nil where the replacement is in a file
}

func newReplacing(r *rule.Rule, env rule.Env) (*replacing, error) {
	find, err := rule.Unescape(r.Params["find"])
	if err != nil {
		return nil, r.FaultOf("find", "find: %w", err)
	}
	value, err := rule.ReadReplacement(r.Params["replace"], env.Home)
	if err != nil {
		return nil, r.FaultOf("replace", "replace: %w", err)
	}
	p := &replacing{Rule: r, find: spelled(find), value: value, window: env.Window}
	sub, err := p.read()
	if err != nil {
		return nil, r.FaultOf("find", "%w", err)
	}
	if value.Fixed() {
		p.fixed = sub
	}
	return p, nil
}

// current is the substitution with the replacement as it is now.
func (p *replacing) current() (*substitution, error) {
	if p.fixed != nil {
		return p.fixed, nil
	}
	return p.read()
}

func (p *replacing) read() (*substitution, error) {
	template, err := p.value.Bytes()
	if err != nil {
		return nil, err
	}
	s := &substitution{}
	if s.whole, err = pattern.NewOctetSubstitution(p.find, pattern.DotAll, template); err != nil {
		return nil, err
	}
	if re, template, ok := s.whole.Stream(); ok {
		opt := body.RewriteOptions{Window: int(p.window), Octets: pattern.OctetZero}
		if s.stream, err = body.NewRewriteWith(re, template, opt); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// spelled writes octets that are no UTF-8 as escapes of the pattern.
func spelled(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
