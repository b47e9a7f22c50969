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
	"midstream/internal/api/client"
	"midstream/internal/capture"
	"midstream/internal/dump"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/rule"
	"midstream/internal/store"
)

// rulesCommand is `midstream rules` and what is below it.
type rulesCommand struct {
	env           *env
	confdir, file string
	asJSON        bool
}

func newRulesCmd(e *env) *cobra.Command {
	c := &rulesCommand{env: e}
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "the list of rules: show, try, change",
		Long: "Shows and changes the rules of rules.yaml in confdir, or of the file that --rules names. A proxy\n" +
			"that runs takes a change up within a second. docs/rules.md tells what a rule is.",
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.confdir, "confdir", "", "`DIR` that has rules.yaml (default ~/.midstream)")
	cmd.PersistentFlags().StringVar(&c.file, "rules", "", "the `FILE` of rules")
	_ = cmd.MarkPersistentFlagDirname("confdir")
	cmd.AddCommand(c.listCmd(), c.testCmd(), c.addCmd(), c.turnCmd("on", true), c.turnCmd("off", false))
	return cmd
}

// options are those that say where the rules are, and which the options make.
func (c *rulesCommand) options() (*option.Registry, error) {
	var sets []string
	if c.file != "" {
		sets = []string{"rules=" + c.file}
	}
	return loadFor(c.env, c.confdir, sets)
}

func (c *rulesCommand) read() (*option.Registry, []*rule.Rule, error) {
	reg, err := c.options()
	if err != nil {
		return nil, nil, err
	}
	list, err := instance.Rules(reg, filterCase(c.env))
	if err != nil {
		return nil, nil, &codedError{exitUsage, err}
	}
	return reg, list, nil
}

// ruleRow is a rule as --json prints it.
type ruleRow struct {
	Schema int               `json:"schema"`
	Name   string            `json:"name"`
	On     bool              `json:"on"`
	When   string            `json:"when"`
	Do     string            `json:"do"`
	Params map[string]string `json:"params"`
	From   string            `json:"from"`
	// Hits are of the midstream that runs; null where none does.
	Hits *int64 `json:"hits"`
}

func (c *rulesCommand) listCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [OPTIONS]",
		Short: "all rules, in their order",
		Long: "Lists the rules: of the midstream that runs with this confdir, with how many messages each has\n" +
			"changed, those of its options too; where none runs, those of the file.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error { return c.list(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print one JSON object a rule")
	return cmd
}

func (c *rulesCommand) list(ctx context.Context) error {
	reg, err := c.options()
	if err != nil {
		return err
	}
	rows, err := liveRules(ctx, reg)
	if err != nil {
		return err
	}
	if rows == nil {
		_, list, err := c.read()
		if err != nil {
			return err
		}
		for _, r := range list {
			rows = append(rows, ruleRow{1, r.Name, !r.Off, r.When, r.Do, r.Params, r.From, nil})
		}
		fmt.Fprintf(c.env.stderr, "no midstream runs with %s: there are no hits to tell of\n", reg.Path("confdir"))
	}
	if len(rows) == 0 {
		fmt.Fprintf(c.env.stderr, "there are no rules in %s: docs/rules.md tells how one is written\n", instance.RulesFile(reg))
	}
	for _, r := range rows {
		if err := c.print(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *rulesCommand) print(r ruleRow) error {
	if c.asJSON {
		return json.NewEncoder(c.env.stdout).Encode(r)
	}
	hits, on := "-", "on "
	if r.Hits != nil {
		hits = fmt.Sprint(*r.Hits)
	}
	if !r.On {
		on = "off"
	}
	when := r.When
	if when == "" {
		when = "~all"
	}
	_, err := fmt.Fprintf(c.env.stdout, "%s  %6s  %-14s  %s  (%s)\n", on, hits, r.Do, dump.Safe(r.Name), dump.Safe(when))
	return err
}

// liveRules asks the one midstream that runs with the confdir of reg; nil where none
// does. With another file of rules it is not asked.
func liveRules(ctx context.Context, reg *option.Registry) ([]ruleRow, error) {
	all, err := store.LiveProcesses(reg.Path("confdir"))
	if err != nil || reg.Path("rules") != "" {
		return nil, err
	}
	var live []store.Live
	for _, l := range all {
		if l.Control != "" {
			live = append(live, l)
		}
	}
	if len(live) != 1 {
		return nil, nil
	}
	cl, err := client.New(live[0])
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	list, err := cl.Rules(ctx)
	if err != nil {
		return nil, err
	}
	rows := []ruleRow{}
	for _, r := range list {
		rows = append(rows, ruleRow{1, r.Name, r.On, r.When, r.Do, r.Params, r.From, &r.Hits})
	}
	return rows, nil
}

func (c *rulesCommand) turnCmd(word string, on bool) *cobra.Command {
	return &cobra.Command{
		Use:   word + " NAME",
		Short: "switch a rule of the file " + word,
		Args:  exactWords(1, "the NAME of a rule"),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, err := c.options()
			if err != nil {
				return err
			}
			changed, err := rule.Turn(instance.RulesFile(reg), args[0], on, addons.Kinds(), filterCase(c.env))
			if err == nil && !changed {
				fmt.Fprintf(c.env.stderr, "%s was %s already\n", quoted(args[0]), word)
			}
			return ruleError(err)
		},
	}
}

// ruleError is a fault of the file or the rule that the user wrote.
func ruleError(err error) error {
	if e, ok := errors.AsType[*rule.Error](err); ok {
		return &codedError{exitUsage, e}
	}
	return err
}

func (c *rulesCommand) addCmd() *cobra.Command {
	var r rule.Rule
	var kinds []string
	for _, k := range addons.Kinds() {
		kinds = append(kinds, k.Name)
	}
	cmd := &cobra.Command{
		Use:   "add [OPTIONS] KIND [PARAMETER=VALUE]...",
		Short: "put a rule behind those of the file",
		Long: "Adds a rule to the file. KIND is one of " + strings.Join(kinds[:5], ", ") + ",\n" + strings.Join(kinds[5:], ", ") +
			"; docs/rules.md tells their parameters:\n\n" +
			"midstream rules add --name quiet --when '~d ads.example.com' block_list status=404",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("midstream rules add takes a KIND: one of %s", strings.Join(kinds, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, err := c.options()
			if err != nil {
				return err
			}
			r.Do, r.Params, r.From = args[0], map[string]string{}, "the rule"
			for _, a := range args[1:] {
				name, value, ok := strings.Cut(a, "=")
				if !ok {
					return usageError("a parameter is written NAME=VALUE, and got %s", quoted(a))
				}
				r.Params[name] = value
			}
			ready, err := rule.New(r, addons.Kinds(), filterCase(c.env))
			if err == nil {
				_, err = addons.Build([]*rule.Rule{ready}, rule.Env{Home: reg.Home})
			}
			if err == nil {
				err = rule.Add(instance.RulesFile(reg), r, addons.Kinds(), filterCase(c.env))
			}
			return ruleError(err)
		},
	}
	cmd.Flags().StringVar(&r.Name, "name", "", "what the rule is called (`TEXT`)")
	cmd.Flags().StringVar(&r.When, "when", "", "the `FILTER` that says which flows it is about")
	return cmd
}

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
		Args: cobra.ArbitraryArgs,
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
	reg, list, err := c.read()
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
