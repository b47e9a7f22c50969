package addons

import (
	"fmt"

	"midstream/internal/addons/anticache"
	"midstream/internal/addons/anticomp"
	"midstream/internal/addons/block"
	"midstream/internal/addons/fault"
	"midstream/internal/addons/maplocal"
	"midstream/internal/addons/mapremote"
	"midstream/internal/addons/mock"
	"midstream/internal/addons/modifybody"
	"midstream/internal/addons/modifyheaders"
	"midstream/internal/addons/stickyauth"
	"midstream/internal/addons/stickycookie"
	"midstream/internal/addons/strip"
	"midstream/internal/rule"
)

// kind is how rules of one kind become an addon.
type kind struct {
	rule.Kind
	make func([]*rule.Rule, rule.Env) (any, error)
	// spec reads a value of the kind's option; nil where it has none, or is a bool.
	spec func(string) (rule.Rule, error)
	// before tells that it runs before the scripts.
	before bool
}

// kinds are all, in mitmproxy's order: the order in which they run. What it does not
// have stands last.
func kinds() []kind {
	return []kind{
		{block.Kind, block.New, block.Spec, true},
		{anticache.Kind, anticache.New, nil, true},
		{anticomp.Kind, anticomp.New, nil, true},
		{mapremote.Kind, mapremote.New, mapremote.Spec, false},
		{maplocal.Kind, maplocal.New, maplocal.Spec, false},
		{mock.Kind, mock.New, mock.Spec, false},
		{modifybody.Kind, modifybody.New, modifybody.Spec, false},
		{modifyheaders.Kind, modifyheaders.New, modifyheaders.Spec, false},
		{strip.KindH3, strip.NewH3, nil, false},
		{strip.KindECH, strip.NewECH, nil, false},
		{stickyauth.Kind, stickyauth.New, stickyauth.Spec, false},
		{stickycookie.Kind, stickycookie.New, stickycookie.Spec, false},
		{fault.Kind, fault.New, fault.SpecOf, false},
	}
}

// Kinds are all kinds of rules, in the order in which they run.
func Kinds() []rule.Kind {
	var list []rule.Kind
	for _, k := range kinds() {
		list = append(list, k.Kind)
	}
	return list
}

// Values are the values of an option by its name, nil for an option that is not
// set. A bool that is true has one value, which is empty.
type Values func(option string) []string

// FromOptions makes rules of the options of mitmproxy. Errors name the option.
func FromOptions(values Values) ([]rule.Rule, error) {
	var list []rule.Rule
	for _, k := range kinds() {
		name := k.Option
		if k.spec == nil {
			name = k.Name
		}
		for i, value := range values(name) {
			var r rule.Rule
			if k.spec != nil {
				var err error
				if r, err = k.spec(value); err != nil {
					return nil, fmt.Errorf("option %s: %q: %w", name, value, err)
				}
			}
			r.Name, r.Do, r.From = fmt.Sprintf("%s option %d", name, i+1), k.Name, rule.FromOption+name
			list = append(list, r)
		}
	}
	return list, nil
}

// Built are the addons of a list of rules, those that run before scripts and
// those that run behind them.
type Built struct{ Before, After []any }

// Build makes the addons. Errors are an *rule.Error.
func Build(rules []*rule.Rule, env rule.Env) (Built, error) {
	var b Built
	var target *block.Target
	for _, k := range kinds() {
		of := rule.Of(rules, k.Name)
		if len(of) == 0 {
			continue
		}
		a, err := k.make(of, env)
		if err != nil {
			return Built{}, err
		}
		if k.before {
			b.Before = append(b.Before, a)
		} else {
			b.After = append(b.After, a)
		}
		if guard, ok := a.(*block.Addon); ok {
			target = block.NewTarget(guard)
		}
		if k.Name == mapremote.Kind.Name && target != nil {
			b.After = append(b.After, target)
			target = nil
		}
	}
	if target != nil {
		// Whatever else sends requests elsewhere has run by then.
		b.After = append([]any{target}, b.After...)
	}
	return b, nil
}
