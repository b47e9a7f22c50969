package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"midstream/internal/addons"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Rule is one rule of the list in force.
type Rule struct {
	Name   string            `json:"name"`
	On     bool              `json:"on"`
	When   string            `json:"when"`
	Do     string            `json:"do"`
	Params map[string]string `json:"params"`
	// From is where it stands: a place in a file, or an option.
	From string `json:"from"`
	// Option is the option that it was made from, "" for a rule of the file: only
	// those can be changed here.
	Option string `json:"option,omitempty"`
	// Hits is how many messages it has changed.
	Hits int64 `json:"hits"`
}

// RuleFault is what keeps the file of rules from being in force as it is now.
type RuleFault struct {
	Text  string `json:"text"`
	Place string `json:"place,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Param string `json:"param,omitempty"`
}

// Rules is the list in force. The rules of options come first and have no place in
// the order of the file.
type Rules struct {
	Rules []Rule `json:"rules"`
	// File is where rules are written.
	File string `json:"file"`
	// Fault is nil while the list is what the file says.
	Fault *RuleFault `json:"fault,omitempty"`
}

// RuleWish is a rule that is to be. In a change, what is nil stays.
type RuleWish struct {
	Name   *string            `json:"name,omitempty"`
	On     *bool              `json:"on,omitempty"`
	When   *string            `json:"when,omitempty"`
	Do     *string            `json:"do,omitempty"`
	Params *map[string]string `json:"params,omitempty"`
}

// NewRule is a rule that is added: before the rule of a name, or behind all.
type NewRule struct {
	RuleWish
	Before string `json:"before,omitempty"`
}

// RuleKind is a kind of rule, with what one says.
type RuleKind struct {
	Name   string      `json:"name"`
	Brief  string      `json:"brief"`
	Option string      `json:"option,omitempty"`
	Params []RuleParam `json:"params"`
}

// RuleParam is a parameter of a kind.
type RuleParam struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Help     string `json:"help"`
}

// ruleOf is r as it is shown.
func ruleOf(r *rule.Rule) Rule {
	v := Rule{Name: r.Name, On: !r.Off, When: r.When, Do: r.Do, Params: r.Params, From: r.From, Hits: r.Hits()}
	if v.Params == nil {
		v.Params = map[string]string{}
	}
	v.Option, _ = strings.CutPrefix(r.From, rule.FromOption)
	if v.Option == r.From {
		v.Option = ""
	}
	return v
}

// rulesTold is the list in force.
func (s *Server) rulesTold() Rules {
	out := Rules{Rules: []Rule{}}
	for _, r := range s.cfg.Instance.Rules() {
		out.Rules = append(out.Rules, ruleOf(r))
	}
	var err error
	if out.File, err = s.cfg.Instance.RulesFile(); err != nil {
		e := asError(err)
		out.Fault = &RuleFault{Text: e.Text, Place: e.Place, Rule: e.Rule, Param: e.Param}
	}
	return out
}

// getRules is GET /rules.
func (s *Server) getRules(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, s.rulesTold())
	return nil
}

// getRuleKinds is GET /rules/kinds.
func (s *Server) getRuleKinds(w http.ResponseWriter, _ *http.Request) error {
	list := []RuleKind{}
	for _, k := range addons.Kinds() {
		v := RuleKind{Name: k.Name, Brief: k.Brief, Option: k.Option, Params: []RuleParam{}}
		for _, p := range k.Params {
			v.Params = append(v.Params, RuleParam{p.Name, p.Required, p.Help})
		}
		list = append(list, v)
	}
	writeJSON(w, http.StatusOK, map[string]any{"kinds": list})
	return nil
}

// wishPlace is where a rule stands that comes from a request.
const wishPlace = "rule"

// onto makes the rule that is asked for from the one that there is.
func (v RuleWish) onto(r rule.Rule) rule.Rule {
	r.From = wishPlace
	if v.Name != nil {
		r.Name = *v.Name
	}
	if v.On != nil {
		r.Off = !*v.On
	}
	if v.When != nil {
		r.When = strings.TrimSpace(*v.When)
	}
	if v.Do != nil {
		r.Do = *v.Do
	}
	if v.Params != nil {
		r.Params = *v.Params
	}
	return r
}

// changed answers with the list as it is after a change.
func (s *Server) changed(w http.ResponseWriter, status int, edit func(*rule.Document) error) error {
	if err := s.cfg.Instance.EditRules(edit); err != nil {
		return err
	}
	writeJSON(w, status, s.rulesTold())
	return nil
}

// ofFile refuses a rule that comes from an option.
func (s *Server) ofFile(d *rule.Document, name string) (*rule.Rule, error) {
	byName := func(r *rule.Rule) bool { return r.Name == name }
	if i := slices.IndexFunc(d.Rules(), byName); i >= 0 {
		return d.Rules()[i], nil
	}
	list := s.cfg.Instance.Rules()
	if i := slices.IndexFunc(list, byName); i >= 0 {
		if option := ruleOf(list[i]).Option; option != "" {
			e := conflict("rule %q comes from option %s: it is changed with the option, and never written to the file", name, option)
			e.Rule, e.Option = name, option
			return nil, e
		}
	}
	path, _ := s.cfg.Instance.RulesFile()
	return nil, &rule.MissingError{Name: name, Path: path}
}

// postRule is POST /rules.
func (s *Server) postRule(w http.ResponseWriter, r *http.Request) error {
	var in NewRule
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	return s.changed(w, http.StatusCreated, func(d *rule.Document) error {
		if in.Before != "" {
			if _, err := s.ofFile(d, in.Before); err != nil {
				return err
			}
		}
		return d.Add(in.onto(rule.Rule{}), in.Before)
	})
}

// patchRule is PATCH /rules/{name}.
func (s *Server) patchRule(w http.ResponseWriter, r *http.Request) error {
	var in RuleWish
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	name := r.PathValue("name")
	return s.changed(w, http.StatusOK, func(d *rule.Document) error {
		old, err := s.ofFile(d, name)
		if err != nil {
			return err
		}
		now := in.onto(*old)
		if now.Off != old.Off {
			if _, err := d.Turn(name, !now.Off); err != nil {
				return err
			}
		}
		return d.Change(name, now)
	})
}

// deleteRule is DELETE /rules/{name}.
func (s *Server) deleteRule(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	return s.changed(w, http.StatusOK, func(d *rule.Document) error {
		if _, err := s.ofFile(d, name); err != nil {
			return err
		}
		return d.Delete(name)
	})
}

// putRuleOrder is PUT /rules/order.
func (s *Server) putRuleOrder(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Names []string `json:"names"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	return s.changed(w, http.StatusOK, func(d *rule.Document) error {
		for _, name := range in.Names {
			if _, err := s.ofFile(d, name); err != nil {
				return err
			}
		}
		if err := d.Order(in.Names); err != nil {
			if asError(err).Code == "internal" {
				return conflict("%s", err)
			}
			return err
		}
		return nil
	})
}

// ruleError finds the answer for an error of rules.
func ruleError(err error) (*Error, bool) {
	if e, ok := errors.AsType[*rule.Error](err); ok {
		v := &Error{Status: http.StatusBadRequest, Code: "rule", Text: oneLine(e.Text), Rule: e.Rule, Param: e.Param}
		if e.Place != wishPlace {
			v.Place, v.Text = e.Place, oneLine(e.Error())
		}
		if q, ok := errors.AsType[*query.Error](e.Err); ok {
			v.Offset = &q.Offset
		}
		return v, true
	}
	if e, ok := errors.AsType[*rule.MissingError](err); ok {
		v := notFound("%s", oneLine(err.Error()))
		v.Rule = e.Name
		return v, true
	}
	if _, ok := errors.AsType[*rule.HandError](err); ok || errors.Is(err, rule.ErrChanged) {
		return conflict("%s", oneLine(err.Error())), true
	}
	return nil, false
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
