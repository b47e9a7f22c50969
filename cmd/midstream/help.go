package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"midstream/internal/option"
)

// screenWidth is what pages are written for.
const screenWidth = 100

// helpScreen is the page that --help prints: one screen.
func helpScreen(cmd *cobra.Command) string {
	var b strings.Builder
	root := cmd.Root()
	fmt.Fprintf(&b, "midstream: %s\n\n", root.Short)
	b.WriteString(`  midstream run -- curl https://example.com/           a command through a proxy of its own
  midstream browser https://example.com/               a browser of its own, the same way
  midstream --stream 3m -s my.js                       the proxy, with larger bodies unrecorded

Commands
`)
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "completion" && cmd.Name() != "man" && cmd.Name() != "options" {
			fmt.Fprintf(&b, "  %-12s %s\n", cmd.Name(), cmd.Short)
		}
	}
	b.WriteString("  options, completion, man   options with their values; for a shell; the manual page\n")
	fmt.Fprintf(&b, "  %-12s %s\n", "help", "this page; help COMMAND; help options: all of them")
	group := ""
	for _, o := range builtin() {
		if !o.Main {
			continue
		}
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "%s\n", group)
		}
		fmt.Fprintf(&b, "  %-28s %s\n", flagText(o), o.Brief())
	}
	b.WriteString("Other\n")
	for _, row := range [][2]string{
		{"    --set NAME[=VALUE]", `set any option; "midstream options" lists them with their values`},
		{"-q, --quiet / -v, --verbose", "print errors only / everything"},
		{"    --json", "one JSON object a flow, when it has ended"},
	} {
		fmt.Fprintf(&b, "  %-28s %s\n", row[0], row[1])
	}
	return b.String()
}

// commandHelp is the page of a command that is not the proxy.
func commandHelp(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString(useText(cmd))
	if cmd.HasSubCommands() {
		b.WriteString(" COMMAND")
	}
	long := cmd.Long
	if long == "" {
		long = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	fmt.Fprintf(&b, "\n\n%s\n", long)
	if cmd.HasSubCommands() {
		b.WriteString("\nCommands\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	b.WriteString(flagHelp("Flags", cmd.LocalFlags()))
	b.WriteString(flagHelp("Flags of all \""+cmd.Parent().CommandPath()+"\" commands", cmd.InheritedFlags()))
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples\n%s\n", strings.Trim(cmd.Example, "\n"))
	}
	return b.String()
}

// flagHelp lists flags below a title; "" where there are none. Those of options
// have a page of their own.
func flagHelp(title string, flags *pflag.FlagSet) string {
	var rows strings.Builder
	options := false
	flags.VisitAll(func(f *pflag.Flag) {
		if _, ours := f.Value.(*optionFlag); ours {
			options = true
		} else if !f.Hidden && f.Name != "help" {
			_, usage := pflag.UnquoteUsage(f)
			line := flagLine(f)
			if f.Shorthand == "" {
				line = "    " + line
			}
			fmt.Fprintf(&rows, "  %-24s %s\n", line, usage)
		}
	})
	if options {
		rows.WriteString("      and those of all options: \"midstream help options\" lists them\n")
	}
	if rows.Len() == 0 {
		return ""
	}
	return "\n" + title + "\n" + rows.String()
}

// flagText is a flag as help shows it: "-p, --listen-port PORT".
func flagText(o *option.Option) string {
	s := "    "
	if o.Short != "" {
		s = "-" + o.Short + ", "
	}
	s += "--"
	if o.Type == option.Bool && o.Default == true {
		s += "no-"
	}
	s += o.FlagName()
	switch m := o.Metavar(); {
	case o.Implied != "":
		s += "[=" + m + "]"
	case m != "":
		s += " " + m
	}
	return s
}

// allOptions is the page of every option, with its whole help.
func allOptions() string {
	var b strings.Builder
	b.WriteString("Every option, for a flag, for --set, for config.yaml, and as MIDSTREAM_NAME. \"midstream options\"\nprints their values.\n")
	group := ""
	for _, o := range builtin() {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintf(&b, "  %s\n", strings.TrimLeft(flagText(o), " "))
		fmt.Fprintf(&b, "      %s: %s, default %s\n", o.Name, o.TypeText(), defaultText(o))
		b.WriteString(wrap(o.Help, "      "))
	}
	return b.String()
}

func defaultText(o *option.Option) string {
	if s := o.Format(o.Default); o.Default != nil && s != "" {
		return s
	}
	if o.Optional {
		return "none"
	}
	return "empty"
}

// wrap breaks text into lines of at most screenWidth columns that begin with
// indent.
func wrap(text, indent string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && len(line)+1+len(word) > screenWidth {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

func newHelpCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | options]",
		Short: "help about a command, or about all options",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "options" {
				if _, err := fmt.Fprint(e.stdout, allOptions()); err != nil {
					return &codedError{exitFailed, err}
				}
				return nil
			}
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownWord(target, rest)
			}
			return target.Help()
		},
	}
}
