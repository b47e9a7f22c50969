package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/dump"
	"midstream/internal/query"
)

func main() { os.Exit(run(context.Background(), systemEnv())) }

// run executes one command line and returns its exit code. The error, if any,
// is one line on stderr.
func run(ctx context.Context, e *env) int {
	inner := *e
	out := &output{w: e.stdout}
	inner.stdout = out
	root := newRootCmd(&inner)
	args := arguments(e.args)
	if asksForCompletion(args) {
		showOptionFlags(root)
	}
	root.SetArgs(args)
	began := false
	watchTree(root, &began)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.failed()
	}
	if err == nil {
		return exitDone
	}
	if ended, ok := errors.AsType[*programEnded](err); ok {
		return ended.code
	}
	code := exitCode(err)
	var coded *codedError
	if !began && !errors.As(err, &coded) && out.failed() == nil {
		code = exitUsage // nothing has run: the command line made no sense
	}
	fmt.Fprintf(e.stderr, "midstream: %s\n", dump.Safe(oneLine(err.Error())))
	if wrong, ok := errors.AsType[*query.Error](err); ok {
		for line := range strings.Lines(wrong.Pointer()) {
			fmt.Fprintln(e.stderr, dump.Safe(strings.TrimRight(line, "\n")))
		}
	}
	return code
}

// arguments returns the command line without the name of the program. Under
// the names that users of mitmproxy type, it is `dump` or `web`.
func arguments(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	name := filepath.Base(strings.ReplaceAll(args[0], `\`, "/"))
	switch strings.TrimSuffix(strings.ToLower(name), ".exe") {
	case "mitmdump":
		return append([]string{dumpName}, args[1:]...)
	case "mitmweb":
		return append([]string{webName}, args[1:]...)
	}
	return append([]string{}, args[1:]...)
}

// argumentsForScripts is what Python scripts see as sys.argv: the command line as
// mitmdump's would be, without the word for the command.
func argumentsForScripts(args []string) []string {
	if len(args) > 1 && (args[1] == dumpName || args[1] == webName) {
		return append(args[:1:1], args[2:]...)
	}
	return args
}

// watchTree notes when a command begins to run, so that errors before it are
// known to be mistakes on the command line.
func watchTree(cmd *cobra.Command, began *bool) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		watchTree(sub, began)
	}
}

func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
