package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"midstream/internal/dump"
	"midstream/internal/option"
)

// newRootCmd builds the whole command tree. Its commands write to e only.
func newRootCmd(e *env) *cobra.Command {
	root := newProxyCmd(e, "midstream [OPTIONS]", proxyKind{web: true, quiet: true})
	root.Short = "an intercepting HTTP(S) proxy through which everything streams"
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(
		newDumpCmd(e),
		newWebCmd(e),
		newReplayCmd(e),
		newDiffCmd(e),
		newRunCmd(e),
		newBrowserCmd(e),
		newEnvCmd(e),
		newFlowsCmd(e),
		newSessionCmd(e),
		newConvertCmd(e),
		newRulesCmd(e),
		newCaCmd(e),
		newTransparentCmd(e),
		newOptionsCmd(e),
		newCompletionCmd(e),
		newManCmd(e),
	)
	root.SetHelpCommand(newHelpCmd(e))
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		page := commandHelp
		if cmd == root || cmd.Name() == dumpName || cmd.Name() == webName {
			page = helpScreen
		}
		fmt.Fprint(e.stdout, page(cmd))
	})
	refine(root)
	return root
}

// refine gives every command of the tree the same manners: unknown words and
// flags are errors that name the nearest one.
func refine(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(flagError)
	cmd.Flags().SetNormalizeFunc(hyphenated)
	if cmd.HasSubCommands() {
		cmd.Args = unknownWord
	}
	for _, sub := range cmd.Commands() {
		refine(sub)
	}
}

// unknownWord refuses a word where a command is expected.
func unknownWord(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	word := quoted(args[0])
	if near := option.Nearest(args[0], names); near != "" {
		return usageError("unknown command %s: did you mean %q?", word, cmd.CommandPath()+" "+near)
	}
	if strings.HasPrefix(args[0], "~") {
		return usageError("unknown command %s: a filter goes behind a command, as in %q", word, "midstream dump "+dump.Safe(args[0]))
	}
	return usageError("unknown command %s: %q lists them", word, cmd.CommandPath()+" --help")
}

// mitmShort are the letters of mitmproxy's flags for options that are not there.
var mitmShort = map[string]string{
	"w": "save_stream_file",
	"M": "map_remote", "B": "modify_body", "H": "modify_headers",
}

// flagError explains a flag that could not be read.
func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return &codedError{exitUsage, err}
	}
	flag, letter := unknown.GetSpecifiedName(), ""
	if shorts := unknown.GetSpecifiedShortnames(); shorts != "" {
		letter = flag
		flag = mitmShort[letter]
	}
	name := strings.ReplaceAll(strings.TrimPrefix(flag, "no-"), "-", "_")
	for _, row := range option.Mitmproxy() {
		if row.Name == name && row.State != option.Works {
			return &codedError{exitUsage, &option.UnknownError{Name: name, Lacking: row.Note, State: row.State}}
		}
	}
	if letter != "" {
		return usageError("unknown flag %s: %q lists them", quoted("-"+letter), cmd.CommandPath()+" --help")
	}
	if flag == "options" || flag == "commands" {
		return usageError(`unknown flag "--%s": "midstream %s" does that`, flag, map[string]string{"options": "options", "commands": "help"}[flag])
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names = append(names, f.Name)
		if ours, ok := f.Value.(*optionFlag); ok && !ours.negates {
			names = append(names, ours.option.Name)
		}
	})
	if near := option.Nearest(flag, names); near != "" {
		return usageError("unknown flag %s: did you mean --%s?", quoted("--"+flag), hyphenated(nil, near))
	}
	return usageError("unknown flag %s: %q lists them", quoted("--"+flag), cmd.CommandPath()+" --help")
}

// hyphenated lets a flag be written as its option is.
func hyphenated(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	if name == "stream-large-bodies" {
		name = "stream"
	}
	return pflag.NormalizedName(name)
}

func quoted(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return fmt.Sprintf("%q", s)
}
