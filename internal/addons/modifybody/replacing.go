package modifybody

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"midstream/internal/body"
	"midstream/internal/jsonedit"
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
	// messages tells that find is searched for in messages, and json are the edits of
	// a rule that has no find.
	messages bool
	json     []jsonedit.Edit
}

func newReplacing(r *rule.Rule, env rule.Env) (*replacing, error) {
	if err := check(r); err != nil {
		return nil, err
	}
	if _, ok := r.Params["find"]; !ok {
		p := &replacing{Rule: r, fixed: &substitution{}}
		return p, p.readEdits()
	}
	find, err := rule.Unescape(r.Params["find"])
	if err != nil {
		return nil, r.FaultOf("find", "find: %w", err)
	}
	value, err := rule.ReadReplacement(r.Params["replace"], env.Home)
	if err != nil {
		return nil, r.FaultOf("replace", "replace: %w", err)
	}
	p := &replacing{Rule: r, find: spelled(find), value: value, window: env.Window, messages: r.Params["in"] == "messages"}
	sub, err := p.read()
	if err != nil {
		return nil, r.FaultOf("find", "%w", err)
	}
	if value.Fixed() {
		p.fixed = sub
	}
	return p, nil
}

// check checks what of a rule is there.
func check(r *rule.Rule) error {
	_, find := r.Params["find"]
	_, replace := r.Params["replace"]
	_, set := r.Params["set"]
	_, del := r.Params["delete"]
	switch in := r.Params["in"]; {
	case find && (set || del):
		return r.FaultOf("find", "find and edits of JSON exclude each other: make two rules")
	case find && !replace:
		return r.FaultOf("replace", "modify_body needs replace: what is put in the place of what find matches")
	case !find && !set && !del:
		return r.FaultOf("find", "modify_body needs find and replace, or set or delete")
	case !find && (replace || r.Params["in"] != ""):
		return r.FaultOf("find", "modify_body needs find: a regular expression")
	case in == "messages" && r.Late():
		return r.FaultOf("when", "the filter asks for bodies, and messages leave before their body is whole: ask for what a head tells, or let find choose the messages")
	case in != "" && in != "body" && in != "messages":
		return r.FaultOf("in", "in is body or messages, not %q", in)
	}
	return nil
}

// readEdits reads set and delete, an edit a line.
func (p *replacing) readEdits() error {
	for _, of := range []struct {
		param string
		read  func(string) (jsonedit.Edit, error)
	}{{"set", jsonedit.Set}, {"delete", jsonedit.Delete}} {
		for line := range strings.Lines(p.Params[of.param]) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			e, err := of.read(line)
			if err != nil {
				return p.FaultOf(of.param, "%s: %w", of.param, err)
			}
			p.json = append(p.json, e)
		}
	}
	if p.json == nil {
		return p.FaultOf("set", "set and delete are empty")
	}
	return nil
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
	if !p.value.Fixed() { // a file is put in as it is: JSON and scripts are full of backslashes
		template = bytes.ReplaceAll(template, []byte(`\`), []byte(`\\`))
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
