package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"midstream/internal/option"
)

// optionLine collects what a command line says about options, in its order.
// Nothing is checked here: the values are read when file and environment have
// been.
type optionLine struct {
	list []option.Assignment
}

// optionFlags gives cmd the flags of all options, --set, -q and -v.
func optionFlags(cmd *cobra.Command) *optionLine {
	line := new(optionLine)
	flags := cmd.Flags()
	flags.SortFlags = false
	options := builtin()
	for _, o := range options {
		addFlag(flags, line, o)
		completeOption(cmd, o)
	}
	flags.Var(&setFlag{line}, "set", "set an option: NAME=VALUE, or NAME alone")
	completeSet(cmd, options)
	addShorthand(flags, line, "quiet", "q", "log errors only, and print no flows", "error", "0")
	addShorthand(flags, line, "verbose", "v", "log everything, and print heads", "debug", "2")
	return line
}

// builtin returns midstream's own options as a registry has them.
func builtin() []*option.Option {
	r, err := option.New(option.Builtin()...)
	if err != nil {
		panic("midstream: " + err.Error()) // a wrong declaration is our own bug
	}
	return r.Options()
}

// load reads everything that says something about options. Errors end the
// program with code 2.
func (l *optionLine) load(e *env) (*option.Registry, error) { return loadLine(e, l.list) }

// loadFor is for commands that have no flags of all options but --confdir, ""
// where it was not given, and perhaps --set.
func loadFor(e *env, confdir string, sets []string) (*option.Registry, error) {
	var line []option.Assignment
	for _, s := range sets {
		line = append(line, option.ParseSet(s))
	}
	if confdir != "" {
		line = append(line, option.Assignment{Name: "confdir", Text: confdir, Source: option.Flag, Place: "--confdir"})
	}
	return loadLine(e, line)
}

func loadLine(e *env, line []option.Assignment) (*option.Registry, error) {
	home, err := e.home()
	if err != nil {
		home = "" // only a default that lies there needs it; Load says so
	}
	r, err := option.Load(option.Start{Options: option.Builtin(), Home: home, Environ: e.environ(), Line: line})
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	return r, nil
}

// addFlag adds the flag of o; a bool has a twin that says no. The one that says
// the default is hidden, and a letter belongs to the other.
func addFlag(flags *pflag.FlagSet, line *optionLine, o *option.Option) {
	yes := &optionFlag{line: line, option: o}
	if o.Type != option.Bool {
		f := flags.VarPF(yes, o.FlagName(), o.Short, o.Brief())
		f.Hidden, f.NoOptDefVal = !o.Main, o.Implied
		return
	}
	no := &optionFlag{line: line, option: o, negates: true}
	onByDefault := o.Default == true
	short := map[bool]string{onByDefault: "", !onByDefault: o.Short}
	y := flags.VarPF(yes, o.FlagName(), short[true], o.Brief())
	n := flags.VarPF(no, "no-"+o.FlagName(), short[false], "not: "+o.Brief())
	y.NoOptDefVal, n.NoOptDefVal = "true", "true"
	y.Hidden, n.Hidden = !o.Main || onByDefault, !o.Main || !onByDefault
}

// optionFlag is a pflag.Value that writes down what it is given.
type optionFlag struct {
	line    *optionLine
	option  *option.Option
	negates bool // the twin of a bool
}

func (f *optionFlag) Set(text string) error {
	a := option.Assignment{Name: f.option.Name, Text: text, Source: option.Flag, Place: "--" + f.option.FlagName()}
	if f.negates {
		a.Place = "--no-" + f.option.FlagName()
		switch strings.ToLower(text) {
		case "true":
			a.Text = "false"
		case "false":
			a.Text = "true"
		}
	}
	f.line.list = append(f.line.list, a)
	return nil
}

func (f *optionFlag) String() string { return "" }

// Type is what help calls the value.
func (f *optionFlag) Type() string { return f.option.Metavar() }

// setFlag is --set.
type setFlag struct{ line *optionLine }

func (f *setFlag) Set(text string) error {
	f.line.list = append(f.line.list, option.ParseSet(text))
	return nil
}

func (f *setFlag) String() string { return "" }
func (f *setFlag) Type() string   { return "NAME[=VALUE]" }

// addShorthand adds a flag that sets how much is logged and printed.
func addShorthand(flags *pflag.FlagSet, line *optionLine, name, short, usage, verbosity, detail string) {
	flags.BoolFuncP(name, short, usage, func(string) error {
		place := "-" + short
		line.list = append(line.list,
			option.Assignment{Name: "termlog_verbosity", Text: verbosity, Source: option.Flag, Place: place},
			option.Assignment{Name: "flow_detail", Text: detail, Source: option.Flag, Place: place})
		return nil
	})
}
