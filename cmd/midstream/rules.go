package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/addons"
	"midstream/internal/api"
	"midstream/internal/api/client"
	"midstream/internal/dump"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/rule"
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
		Long: "Shows and changes the rules of rules.yaml in confdir, or of the file that --rules names. A\n" +
			"midstream that runs makes the change itself. docs/rules.md tells what a rule is.",
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
	live, err := liveRules(ctx, reg)
	if err != nil {
		return err
	}
	var rows []ruleRow
	for _, r := range live {
		rows = append(rows, ruleRow{1, r.Name, r.On, r.When, r.Do, r.Params, r.From, &r.Hits})
	}
	if live == nil {
		list, err := c.known(ctx, reg)
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

func (c *rulesCommand) turnCmd(word string, on bool) *cobra.Command {
	return &cobra.Command{
		Use:   word + " NAME",
		Short: "switch a rule of the file " + word,
		Args:  exactWords(1, "the NAME of a rule"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.completeName(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name, changed := args[0], true
			err := c.change(cmd.Context(), func(ctx context.Context, cl *client.Client) error {
				before, err := cl.Rules(ctx)
				if err != nil {
					return err
				}
				changed = !slices.ContainsFunc(before.Rules, func(r api.Rule) bool { return r.Name == name && r.On == on && r.Option == "" })
				_, err = cl.ChangeRule(ctx, name, api.RuleWish{On: &on})
				return err
			}, func(d *rule.Document) (err error) {
				changed, err = d.Turn(name, on)
				return err
			})
			if err == nil && !changed {
				fmt.Fprintf(c.env.stderr, "%s was %s already\n", quoted(name), word)
			}
			return err
		},
	}
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
		Long: "Adds a rule to the file; a midstream that runs has it in force at once. KIND is one of\n" + strings.Join(kinds[:6], ", ") + ",\n" + strings.Join(kinds[6:], ", ") +
			";\ndocs/rules.md tells their parameters:\n\n" +
			"midstream rules add --name quiet --when '~d ads.example.com' block_list status=404",
		ValidArgsFunction: completeKind,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("midstream rules add takes a KIND: one of %s", strings.Join(kinds, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Do, r.Params, r.From = args[0], map[string]string{}, "the rule"
			for _, a := range args[1:] {
				name, value, ok := strings.Cut(a, "=")
				if !ok {
					return usageError("a parameter is written NAME=VALUE, and got %s", quoted(a))
				}
				r.Params[name] = value
			}
			return c.change(cmd.Context(), func(ctx context.Context, cl *client.Client) error {
				_, err := cl.AddRule(ctx, api.NewRule{RuleWish: api.RuleWish{Name: &r.Name, When: &r.When, Do: &r.Do, Params: &r.Params}})
				return err
			}, func(d *rule.Document) error { return d.Add(r, "") })
		},
	}
	cmd.Flags().StringVar(&r.Name, "name", "", "what the rule is called (`TEXT`)")
	cmd.Flags().StringVar(&r.When, "when", "", "the `FILTER` that says which flows it is about")
	return cmd
}
