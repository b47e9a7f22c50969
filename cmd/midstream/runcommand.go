package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/client"
	"midstream/internal/instance"
	"midstream/internal/option"
)

func newRunCmd(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [OPTIONS] -- CMD",
		Short: "a command whose traffic passes through a proxy of its own",
		Long: "Starts a proxy on a free port, runs CMD with the variables that send it there and let it trust\n" +
			"the CA, and ends with CMD's exit code: 128 and the number of a signal that ended it, 127 where\n" +
			"there is no such program. CMD has the terminal and the streams for itself. When it has ended,\n" +
			"one line on standard error says what passed and where it is recorded. The log goes to\n" +
			"--log-file; without that it is not printed, unless -v is given.\n\n" +
			"curl, wget, git, npm, pip, cargo, and what is written in Python, Node, Go, Java, Ruby or Rust\n" +
			"reads such variables. Go programs never send localhost and 127.0.0.1 through a proxy.",
		Example: "  midstream run -- curl https://example.com/\n" +
			"  midstream run -s my.js -- curl -s https://example.com/\n" +
			"  midstream run --fail-on '~c 5xx' --hardump test.har -- curl -s https://example.com/\n" +
			"  midstream run --attach -- wget -q https://example.com/",
		DisableFlagsInUseLine: true,
	}
	line := clientFlags(cmd, e)
	var failOn string
	cmd.Flags().StringVar(&failOn, "fail-on", "", "exit with 3 when a flow matches this `FILTER`, unless CMD fails by itself")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError("midstream run takes a command: midstream run [OPTIONS] -- CMD")
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if failOn != "" {
			filter, err := parseFilter(e, []string{failOn})
			if err != nil {
				return usageError("--fail-on: %w", err)
			}
			line.failOn.filter = filter
		}
		p, err := line.open(cmd.Context())
		if err != nil {
			return err
		}
		variables, err := p.variables(e)
		if err != nil {
			_, _ = p.finish() // nothing has passed
			return err
		}
		program := client.Command{
			Args: args, Env: client.Environ(e.environ(), variables, runtime.GOOS == "windows"),
			Stdin: e.stdin, Stdout: beneath(e.stdout), Stderr: e.stderr,
		}
		code, failed := program.Run(p.ctx)
		if err := p.conclude(e, code, failed, "the command"); err != nil {
			return err
		}
		return line.failOn.verdict()
	}
	return cmd
}

// conclude ends what was opened, says what passed, and returns what ends this
// program with the code of the other.
func (p *passing) conclude(e *env, code int, failed error, who string) error {
	sum, err := p.finish()
	if failed != nil {
		return &codedError{code, failed}
	}
	fmt.Fprint(e.stderr, sum.text(who))
	if err != nil {
		fmt.Fprintf(e.stderr, "midstream: %s\n", oneLine(err.Error()))
	}
	if code == 0 {
		return nil
	}
	return &programEnded{code}
}

// text is what is said at the end, for stderr.
func (s passed) text(who string) string {
	var b strings.Builder
	b.WriteString("midstream: ")
	if !s.unknown {
		b.WriteString(plural(s.exchanges, "exchange"))
		if s.tunnels > 0 {
			b.WriteString(", " + plural(s.tunnels, "raw tunnel"))
		}
		if s.failed > 0 {
			fmt.Fprintf(&b, ", %d failed", s.failed)
		}
		b.WriteString("; ")
	}
	b.WriteString(s.where + "\n")
	if len(s.distrusted) > 0 {
		fmt.Fprintf(&b, "midstream: %s does not trust the certificate it was shown for %s: it brings a list of its own, which docs/certificates.md may know how to change; "+
			"--ignore-hosts lets such hosts pass unseen\n", who, strings.Join(s.distrusted, ", "))
	}
	if !s.unknown && s.exchanges+s.tunnels == 0 {
		fmt.Fprintf(&b, "midstream: nothing passed: %s asked for nothing, or takes no proxy from its environment. Go programs send nothing for localhost "+
			"through a proxy. midstream --mode reverse:http://127.0.0.1:PORT is a way in for that, mode transparent (docs/mode-transparent.md) for programs that read no variables\n", who)
	}
	return b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// programEnded ends this program with the code of the one that it ran, without
// a word.
type programEnded struct{ code int }

func (p *programEnded) Error() string { return fmt.Sprintf("it ended with code %d", p.code) }

// loadClient is load for a proxy that a program gets for itself: a free port of
// this machine, regular mode and no password, whatever config.yaml says for the
// everyday proxy, unless the command line says another.
func (l *optionLine) loadClient(e *env) (*option.Registry, error) {
	own := []option.Assignment{
		{Name: "listen_port", Text: "0"}, {Name: "listen_host", Text: "127.0.0.1"}, {Name: "mode", Text: "regular"}, {Name: "server", Text: "true"},
		{Name: "proxyauth", Bare: true},
	}
	said := make(map[string]bool)
	for _, a := range l.list {
		said[a.Name] = true
	}
	var line []option.Assignment
	for _, a := range own {
		if !said[a.Name] {
			line = append(line, a)
		}
	}
	return loadLine(e, append(line, l.list...))
}

// quietLog is the log of a proxy whose terminal belongs to a program: the file
// that the options name, or the terminal where -v asks for it, or nothing.
func quietLog(e *env, reg *option.Registry) (*slog.Logger, func(), error) {
	if reg.Path("log_file") == "" && reg.String("termlog_verbosity") != "debug" {
		return slog.New(slog.DiscardHandler), func() {}, nil
	}
	return openLog(e, reg)
}

// usageOf gives what is the user's mistake its code.
func usageOf(err error) error {
	if u, ok := errors.AsType[*instance.UsageError](err); ok {
		return &codedError{exitUsage, u}
	}
	return err
}
