package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: "the manual page, for man -l",
		Long:  "Prints the manual page midstream(1): midstream man | man -l -",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprint(e.stdout, manPage(cmd.Root()))
			return err
		},
	}
}

// manPage writes midstream(1) in the man macros.
func manPage(root *cobra.Command) string {
	var m roff
	m.line(`.TH MIDSTREAM 1`)
	m.section("NAME")
	m.text("midstream - " + root.Short)
	m.section("SYNOPSIS")
	m.line(`.B midstream`)
	m.text("[OPTIONS]")
	m.line(`.br`)
	m.line(`.B midstream`)
	m.text("COMMAND [ARGUMENTS]")
	m.section("DESCRIPTION")
	m.text("midstream stands between a client and a server to see, record and change their HTTP traffic, encrypted or not. " +
		"Nothing has to stop flowing in order to be seen: a body passes as it arrives and is recorded on disk as it passes. " +
		"Without a command it is \"midstream web\": the proxy and its page.")
	m.section("COMMANDS")
	walk(root, func(cmd *cobra.Command) {
		if cmd == root {
			return
		}
		m.tag(useText(cmd))
		m.text(cmd.Short + ".")
	})
	m.section("OPTIONS")
	m.text("These are the options of every command that proxies. Each can also be given as --set NAME=VALUE, as a line NAME: VALUE " +
		"in config.yaml, and as the variable MIDSTREAM_NAME; the command line wins over variables, and those over the file. " +
		"A flag of a bool has a twin that begins with --no-.")
	group := ""
	for _, o := range builtin() {
		if o.Group != group {
			group = o.Group
			m.line(".SS " + roffText(group))
		}
		m.tag(strings.TrimLeft(flagText(o), " "))
		m.text(fmt.Sprintf("%s (%s, default %s). %s", o.Name, o.TypeText(), defaultText(o), o.Help))
	}
	m.line(".SS Other")
	root.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, ours := f.Value.(*optionFlag); ours || f.Hidden {
			return
		}
		m.tag(flagLine(f))
		m.text(f.Usage + ".")
	})
	m.section("EXIT STATUS")
	for _, row := range [][2]string{
		{"0", "done; also a proxy that was ended with Ctrl-C or SIGTERM"}, {"1", "it could not be done"},
		{"2", "a flag, option, argument or script that makes no sense"}, {"3", "done but not all, or a difference or a fault was found"},
	} {
		m.tag(row[0])
		m.text(row[1] + ".")
	}
	m.section("FILES")
	m.tag("~/.midstream/config.yaml")
	m.text("options, one NAME: VALUE a line.")
	m.tag("~/.midstream/midstream-ca-cert.pem")
	m.text("the certificate that clients have to trust.")
	m.tag("~/.midstream/sessions/")
	m.text("what was recorded.")
	return m.String()
}

// walk visits the commands that a person can use, parents first.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			walk(sub, visit)
		}
	}
}

// useText is a command as it is typed: "midstream flows list [FILTER]".
func useText(cmd *cobra.Command) string {
	if p := cmd.Parent(); p != nil {
		return p.CommandPath() + " " + cmd.Use
	}
	return cmd.Use
}

// flagLine is a flag as help shows it.
func flagLine(f *pflag.Flag) string {
	s := "--" + f.Name
	if f.Shorthand != "" {
		s = "-" + f.Shorthand + ", " + s
	}
	name, _ := pflag.UnquoteUsage(f)
	switch name {
	case "":
		return s
	case "string", "strings", "stringArray":
		name = "TEXT"
	case "int", "uint", "float":
		name = "N"
	case "duration":
		name = "TIME"
	}
	return s + " " + name
}

// roff collects lines of a manual page.
type roff struct{ strings.Builder }

func (m *roff) line(s string)       { m.WriteString(s + "\n") }
func (m *roff) section(name string) { m.line(".SH " + name) }
func (m *roff) tag(s string)        { m.line(".TP\n\\fB" + roffText(s) + "\\fR") }
func (m *roff) text(s string)       { m.line(roffText(s)) }

// roffText escapes what roff would take for a command.
func roffText(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
