package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/addons"
	"midstream/internal/capture"
	"midstream/internal/dump"
	"midstream/internal/instance"
	"midstream/internal/rule"
	"midstream/internal/store"
)

// shown is how many flows of a rule are listed.
const shown = 10

func (c *rulesCommand) testCmd() *cobra.Command {
	var session, file string
	cmd := &cobra.Command{
		Use:   "test [OPTIONS] [NAME]...",
		Short: "what rules would have changed of a recording",
		Long: "Runs each rule, those that are off too, alone on recorded flows and tells what it would have\n" +
			"changed of them. Nothing is sent and nothing is changed. The exit code is 3 when one of the rules\n" +
			"would have changed nothing.",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: c.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if session != "" && file != "" {
				return usageError("--session and -r name two recordings: give one of them")
			}
			return c.test(cmd.Context(), args, session, file)
		},
	}
	cmd.Flags().StringVar(&session, "session", "", "`DIR` of the session to read")
	cmd.Flags().StringVarP(&file, "rfile", "r", "", "flow file, HTTP Archive or session to read (`FILE`); - is stdin")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print one JSON object a rule and flow that it would have changed")
	_ = cmd.MarkFlagDirname("session")
	return cmd
}

// trying is a rule under test.
type trying struct {
	*rule.Rule
	trial *addons.Trial
	flows int
	lines []string
}

func (c *rulesCommand) test(ctx context.Context, names []string, session, file string) error {
	reg, err := c.options()
	if err != nil {
		return err
	}
	list, err := c.known(ctx, reg)
	if err != nil {
		return err
	}
	var rules []*trying
	for _, r := range list {
		if len(names) > 0 && !contains(names, r.Name) {
			continue
		}
		t, err := addons.NewTrial(r, rule.Env{Home: reg.Home, Window: reg.Size("modify_body_window")})
		if err != nil {
			return ruleError(err)
		}
		rules = append(rules, &trying{Rule: r, trial: t})
	}
	if len(rules) == 0 {
		return usageError("there is no such rule in %s: midstream rules list shows them", instance.RulesFile(reg))
	}
	path, kind := file, capture.Kind("")
	if file == "" {
		dir, why, err := store.Choose(reg.Path("confdir"), session)
		if err != nil {
			return err
		}
		if why != "" {
			fmt.Fprintln(c.env.stderr, why)
		}
		path, kind = dir, capture.Session
	}
	src, err := capture.Open(ctx, path, kind, c.env.stdin)
	if err != nil {
		return err
	}
	defer src.Close()
	n, err := c.tryAll(ctx, rules, src)
	if err != nil {
		return err
	}
	return c.tell(rules, n)
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func (c *rulesCommand) tryAll(ctx context.Context, rules []*trying, src capture.Source) (n int, err error) {
	for {
		it, err := src.Next()
		if err == io.EOF {
			return n, nil
		}
		if damaged, ok := errors.AsType[*capture.Damaged](err); ok {
			fmt.Fprintln(c.env.stderr, damaged)
			if it == nil {
				continue
			}
		} else if err != nil {
			return n, err
		}
		n++
		var bodies [2]addons.Recorded
		for i, b := range it.Bodies {
			if b != nil {
				bodies[i] = b
			}
		}
		for _, t := range rules {
			changes, err := t.trial.Run(ctx, it.Flow, bodies)
			if err != nil {
				fmt.Fprintf(c.env.stderr, "flow %d, rule %s: %v\n", n, quoted(t.Name), err)
			}
			if len(changes) == 0 {
				continue
			}
			t.flows++
			number := it.Flow.Number
			if number == 0 {
				number = uint64(n)
			}
			switch {
			case c.asJSON:
				row := map[string]any{"schema": 1, "rule": t.Name, "flow": number, "url": it.Flow.Request.URL(), "changes": changes}
				if err := json.NewEncoder(c.env.stdout).Encode(row); err != nil {
					return n, err
				}
			case t.flows <= shown:
				t.lines = append(t.lines, fmt.Sprintf("  %d %s %s: %s", number, dump.Safe(it.Flow.Request.Method), dump.Safe(it.Flow.Request.URL()), dump.Safe(strings.Join(changes, "; "))))
			}
		}
	}
}

// tell says what came of it.
func (c *rulesCommand) tell(rules []*trying, n int) error {
	var idle []string
	for _, t := range rules {
		if t.flows == 0 {
			idle = append(idle, quoted(t.Name))
		}
		if c.asJSON {
			continue
		}
		if _, err := fmt.Fprintf(c.env.stdout, "%s (%s): %d of %s\n", dump.Safe(t.Name), t.Do, t.flows, plural(n, "flow")); err != nil {
			return err
		}
		for _, l := range t.lines {
			fmt.Fprintln(c.env.stdout, l)
		}
		if t.flows > shown {
			fmt.Fprintf(c.env.stdout, "  and %d more\n", t.flows-shown)
		}
	}
	if idle != nil {
		return partialError("nothing would have been changed by %s", strings.Join(idle, ", "))
	}
	return nil
}
