package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/dump"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/pyhost"
)

func newOptionsCmd(e *env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "options [NAME]",
		Short: "all options, their value and where it came from",
		Long: "Prints every option with its value and where that came from, or all about one of them. It reads\n" +
			"config.yaml, the environment and its own flags as the proxy does. Secrets are not printed.\n" +
			"With -s it loads scripts, and prints what they declare: options, and the commands of Python ones.",
		DisableFlagsInUseLine: true,
	}
	line := optionFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError("midstream options takes one name, and got %d words", len(args))
		}
		return nil
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, o := range builtin() {
			if len(args) == 0 {
				names = append(names, o.Name+"\t"+o.Brief())
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reg, err := line.load(e)
		if err != nil {
			return err
		}
		var commands []pyhost.Command
		given, _ := reg.Lookup("scripts")
		loads := given.Source == option.Flag || given.Source == option.Set
		if len(args) == 1 {
			_, err := reg.Find(optionName(args[0]))
			loads = loads && err != nil // it is one that is always there
		}
		if loads {
			log := slog.New(dump.NewTextHandler(e.stderr, slog.LevelWarn, dump.Plain))
			commands, err = instance.Declare(cmd.Context(), instance.Config{Options: reg, Log: log, Output: e.stderr, Errors: e.stderr, Getenv: e.getenv, Args: argumentsForScripts(e.args)})
			if err != nil {
				return usageOf(err)
			}
		}
		if err := settleForShow(e, reg, loads); err != nil {
			return err
		}
		options := reg.Options()
		if len(args) == 1 {
			o, err := reg.Find(optionName(args[0]))
			if err != nil {
				return &codedError{exitUsage, err}
			}
			options = []*option.Option{o}
		}
		switch {
		case asJSON:
			return optionsJSON(e, reg, options, commands)
		case len(args) == 1:
			_, err = fmt.Fprint(e.stdout, optionPage(reg, options[0]))
		default:
			_, err = fmt.Fprint(e.stdout, optionTable(reg, options)+commandTable(commands))
		}
		return err
	}
	return cmd
}

// optionName is the name of an option that may be written as its flag.
func optionName(s string) string {
	return strings.ReplaceAll(strings.TrimPrefix(s, "--"), "-", "_")
}

// settleForShow says what names are unknown. Scripts of config.yaml are not loaded
// here: where there are some, a name may be one of theirs and is only mentioned.
func settleForShow(e *env, reg *option.Registry, loaded bool) error {
	warnings, err := reg.Settle()
	if err != nil && (loaded || len(reg.Paths("scripts")) == 0) {
		return &codedError{exitUsage, err}
	}
	if err != nil {
		warnings = append(warnings, fmt.Errorf("%w (scripts are not loaded here; it may be an option of one)", err))
	}
	for _, w := range warnings {
		fmt.Fprintf(e.stderr, "warning: %s\n", dump.Safe(w.Error()))
	}
	return nil
}

func optionsJSON(e *env, reg *option.Registry, options []*option.Option, commands []pyhost.Command) error {
	var views []option.View
	for _, v := range reg.Views() {
		for _, o := range options {
			if o.Name == v.Name {
				views = append(views, v)
			}
		}
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Schema  int           `json:"schema"`
		Options []option.View `json:"options"`
		// Commands are those of the scripts that were loaded.
		Commands []pyhost.Command `json:"commands,omitempty"`
	}{option.Schema, views, commands})
}

// optionTable is one line an option: name, value, and where it came from unless
// that is the default.
func optionTable(reg *option.Registry, options []*option.Option) string {
	var b strings.Builder
	group, wide := "", 0
	for _, o := range options {
		wide = max(wide, len(o.Name))
	}
	for _, o := range options {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "%s\n", dump.Safe(group))
		}
		fmt.Fprintf(&b, "  %-*s  %s", wide, o.Name, valueText(reg, o))
		if s, _ := reg.Lookup(o.Name); s.Source != option.Default {
			fmt.Fprintf(&b, "  (%s)", dump.Safe(whereText(s)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// commandTable is one line a command of a script: name, arguments, what it does.
func commandTable(commands []pyhost.Command) string {
	if len(commands) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Commands of scripts\n")
	for _, c := range commands {
		line := c.Name
		for _, a := range c.Args {
			line += " " + strings.Join(a, ":")
		}
		if help, _, _ := strings.Cut(c.Help, "\n"); help != "" {
			line += "  " + help
		}
		fmt.Fprintf(&b, "  %s\n", dump.Safe(line))
	}
	return b.String()
}

func valueText(reg *option.Registry, o *option.Option) string {
	if s := reg.Text(o); s != "" {
		return dump.Safe(s)
	}
	return "empty"
}

// whereText says where a value came from.
func whereText(s option.Setting) string {
	if s.Place == "" || s.Place == s.Source.String() {
		return s.Source.String()
	}
	return s.Source.String() + " " + s.Place
}

// optionPage is all about one option.
func optionPage(reg *option.Registry, o *option.Option) string {
	s, _ := reg.Lookup(o.Name)
	var b strings.Builder
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, dump.Safe(text))
		}
	}
	row("option", o.Name)
	row("value", valueText(reg, o))
	row("from", whereText(s))
	row("default", defaultText(o))
	row("takes", o.Accepts())
	if o.Group != option.GroupScripts {
		row("flag", strings.TrimLeft(flagText(o), " "))
	}
	row("variable", o.Variable())
	row("since", o.Since)
	b.WriteByte('\n')
	b.WriteString(wrap(dump.Safe(o.Help), ""))
	return b.String()
}
