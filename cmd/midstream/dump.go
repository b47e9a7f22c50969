package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/dump"
	"midstream/internal/query"
)

const dumpName = "dump"

// proxyKind is how a command that proxies shows what passes.
type proxyKind struct {
	// form is how flows are printed on stdout.
	form dump.Form
	// filter chooses the flows that are printed; nil prints all.
	filter *query.Filter
	// lines takes the printed flows and what scripts print: standard output, or
	// standard error where a file of flows goes there.
	lines io.Writer
	// web serves the page; quiet prints no flows.
	web, quiet bool
	// ends tells that it ends when all is replayed that the options name.
	ends bool
	// resend chooses the flows of client_replay; nil takes all.
	resend *query.Filter
}

func newDumpCmd(e *env) *cobra.Command {
	cmd := newProxyCmd(e, dumpName+" [OPTIONS] [FILTER]", proxyKind{})
	cmd.Args = cobra.ArbitraryArgs // they are a filter
	cmd.Short = "the proxy, one line a flow"
	cmd.Long = "Runs the proxy and prints one line a flow when it ends, and one when it lives for more than a\n" +
		"second: method, URL, status, what happened to the body and why, sizes, time and how it ended.\n" +
		"Flows go to standard output; where it listens, the log and everything else to standard error.\n\n" +
		"FILTER chooses the flows that are printed; all are recorded. It is the filter language of mitmproxy:\n" +
		"dump '~d example.com & !~c 2xx'. docs/filters.md has all of it.\n\n" +
		"-r FILE reads a flow file, a HAR or a session first: its flows pass through scripts, are printed and\n" +
		"written as if they came now, and then dump ends. -n starts no listener.\n\n" +
		"Ctrl-C ends it after what runs has had a moment to end; a second one ends it at once."
	return cmd
}

// newProxyCmd makes a command that runs the proxy with all its options.
func newProxyCmd(e *env, use string, kind proxyKind) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: use, Args: noWords, Version: versionText(), DisableFlagsInUseLine: true}
	line := optionFlags(cmd)
	withPage := kind.web
	if !kind.quiet {
		cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a flow, when it has ended")
	}
	if !kind.web {
		cmd.Flags().BoolVar(&withPage, "web", false, "serve the web interface, too")
	}
	cmd.Flags().BoolP("help", "h", false, "this page")
	cmd.Flags().Bool("version", false, "the version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reg, err := line.load(e)
		if err != nil {
			return err
		}
		if kind.filter, err = parseDumpFilter(e, reg, args); err != nil {
			return err
		}
		kind.lines = e.stdout
		if reg.Path("save_stream_file") == "-" || reg.Path("hardump") == "-" {
			kind.lines = e.stderr
		}
		kind.ends = strings.HasPrefix(use, dumpName) && !withPage
		if asJSON {
			kind.form = dump.JSON
		}
		kind.web = withPage
		return runProxy(cmd.Context(), e, reg, kind)
	}
	return cmd
}

// noWords refuses words behind a command that takes none.
func noWords(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError("%s takes no words, and got %s", cmd.CommandPath(), quoted(args[0]))
}
