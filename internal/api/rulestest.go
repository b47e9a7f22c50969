package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"midstream/internal/addons"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/rule"
	"midstream/internal/store"
)

// Bounds of a trial of rules.
const (
	usualTrial   = 1000  // flows, without a wish
	mostTrial    = 10000 // flows
	longestTrial = 10 * time.Second
	shownTrials  = 50 // flows of a rule that are told
)

// TrialWish says which rules are tried on which flows: the rules of those names, or
// one that is not in the list, or all.
type TrialWish struct {
	Names []string  `json:"names,omitempty"`
	Rule  *RuleWish `json:"rule,omitempty"`
	// Filter picks flows; Last are how many of the newest, 1000 for 0.
	Filter string `json:"filter,omitempty"`
	Last   int    `json:"last,omitempty"`
}

// Trials is what came of it.
type Trials struct {
	// Flows are those that were tried; Whole is false where time, or a filter that could not
	// be told of a flow, ended it.
	Flows int         `json:"flows"`
	Whole bool        `json:"whole"`
	Rules []RuleTrial `json:"rules"`
}

// RuleTrial is what one rule would have changed.
type RuleTrial struct {
	Name string `json:"name"`
	// Matched are the flows that it would have changed, and Changes what of the
	// first of them.
	Matched int          `json:"matched"`
	Changes []FlowChange `json:"changes"`
}

// FlowChange is what a rule would have changed of one flow.
type FlowChange struct {
	Number  uint64   `json:"number"`
	Method  string   `json:"method"`
	URL     string   `json:"url"`
	Changes []string `json:"changes"`
}

// postRuleTest is POST /rules/test. Nothing is sent and nothing is changed.
func (s *Server) postRuleTest(w http.ResponseWriter, r *http.Request) error {
	var in TrialWish
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Last < 0 || in.Last > mostTrial {
		return badRequest("last: it is a number of flows, at most %d", mostTrial)
	}
	if in.Last == 0 {
		in.Last = usualTrial
	}
	filter, err := s.parse(in.Filter)
	if err != nil {
		return err
	}
	rules, err := s.tried(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), longestTrial)
	defer cancel()
	s.control.Store().Flush()
	src := capture.FromReader(ctx, s.reader, s.reader.List(ctx, store.ListOptions{Filter: filter, Last: in.Last}))
	defer src.Close()
	out := Trials{Whole: true, Rules: make([]RuleTrial, len(rules))}
	for i, t := range rules {
		out.Rules[i] = RuleTrial{Name: t.Name, Changes: []FlowChange{}}
	}
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if _, undecided := store.Undecided(err); undecided || ctx.Err() != nil {
			out.Whole = false
			break
		}
		if _, damaged := errors.AsType[*capture.Damaged](err); damaged && it == nil {
			continue
		} else if err != nil && !damaged {
			return err
		}
		out.Flows++
		for i, t := range rules {
			out.Rules[i].run(ctx, t.Trial, it)
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// trial is a rule with its name.
type trial struct {
	Name string
	*addons.Trial
}

// tried makes the rules that a wish means.
func (s *Server) tried(in TrialWish) ([]trial, error) {
	list := s.cfg.Instance.Rules()
	switch {
	case in.Rule != nil && in.Names != nil:
		return nil, badRequest("names and rule exclude each other: give one")
	case in.Rule != nil:
		wish := in.Rule.onto(rule.Rule{})
		if wish.Name == "" {
			wish.Name = wish.Do
		}
		r, err := rule.New(wish, addons.Kinds(), s.cfg.Case)
		if err != nil {
			return nil, err
		}
		list = []*rule.Rule{r}
	case in.Names != nil:
		var some []*rule.Rule
		for _, name := range in.Names {
			i := slices.IndexFunc(list, func(r *rule.Rule) bool { return r.Name == name })
			if i < 0 {
				return nil, notFound("there is no rule %q", name)
			}
			some = append(some, list[i])
		}
		list = some
	}
	env := s.cfg.Instance.RuleEnv()
	var rules []trial
	for _, r := range list {
		t, err := addons.NewTrial(r, env)
		if err != nil {
			return nil, err
		}
		rules = append(rules, trial{r.Name, t})
	}
	return rules, nil
}

// run tries one rule on one flow.
func (t *RuleTrial) run(ctx context.Context, of *addons.Trial, it *format.Item) {
	var bodies [2]addons.Recorded
	for i, b := range it.Bodies {
		if b != nil {
			bodies[i] = b
		}
	}
	changes, err := of.Run(ctx, it.Flow, bodies)
	if err != nil && ctx.Err() == nil {
		changes = append(changes, "could not be tried: "+oneLine(err.Error()))
	}
	if len(changes) == 0 {
		return
	}
	t.Matched++
	if len(t.Changes) < shownTrials {
		f := it.Flow
		t.Changes = append(t.Changes, FlowChange{f.Number, f.Request.Method, f.Request.URL(), changes})
	}
}
