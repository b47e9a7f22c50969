package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"midstream/internal/option"
)

func newCompletionCmd(e *env) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	cmd := &cobra.Command{
		Use:   "completion SHELL",
		Short: "a completion script for bash, zsh, fish or powershell",
		Long: "Prints a script that teaches a shell to complete commands, flags and options:\n\n" +
			"  bash        source <(midstream completion bash), with the package bash-completion\n" +
			"  zsh         midstream completion zsh > \"${fpath[1]}/_midstream\"\n" +
			"  fish        midstream completion fish > ~/.config/fish/completions/midstream.fish\n" +
			"  powershell  midstream completion powershell | Out-String | Invoke-Expression",
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("completion takes one word: bash, zsh, fish or powershell")
			}
			return nil
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(e.stdout, true)
		case "zsh":
			return root.GenZshCompletion(e.stdout)
		case "fish":
			return root.GenFishCompletion(e.stdout, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(e.stdout)
		}
		return usageError("unknown shell %s: it is bash, zsh, fish or powershell", quoted(args[0]))
	}
	return cmd
}

// modeBeginnings are what a mode can begin with.
var modeBeginnings = []string{"regular", "socks5", "transparent", "upstream:http://", "upstream:https://", "upstream:env", "reverse:http://", "reverse:https://", "reverse:tcp://", "reverse:tls://"}

// values are what an option can be set to, nil where that is not a short list. More
// may stand behind one that ends in a slash.
func values(o *option.Option) []string {
	switch {
	case o.Name == "mode":
		return modeBeginnings
	case o.Type == option.Choice:
		return o.Choices
	case o.Type == option.Bool:
		return []string{"true", "false"}
	}
	return nil
}

// completeOption lets a shell complete the values of the flag of o.
func completeOption(cmd *cobra.Command, o *option.Option) {
	list := values(o)
	if o.Type == option.Bool || list == nil {
		return
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if o.Name == "mode" {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	_ = cmd.RegisterFlagCompletionFunc(o.FlagName(), cobra.FixedCompletions(list, directive))
}

// completeSet lets a shell complete names behind --set, and values behind those.
func completeSet(cmd *cobra.Command, options []*option.Option) {
	_ = cmd.RegisterFlagCompletionFunc("set", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		name, _, named := strings.Cut(typed, "=")
		var list []string
		for _, o := range options {
			if !named {
				list = append(list, o.Name+"=")
			} else if o.Name == name {
				for _, v := range values(o) {
					list = append(list, name+"="+v)
				}
			}
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		switch {
		case !named:
			directive |= cobra.ShellCompDirectiveNoSpace
		case list == nil:
			directive = cobra.ShellCompDirectiveDefault
		}
		return list, directive
	})
}

// asksForCompletion tells whether a shell asks what could stand on a line.
func asksForCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// showOptionFlags shows the flags of all options, which pages of help leave out; of the
// two of a bool the one that changes something.
func showOptionFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if o, ours := f.Value.(*optionFlag); ours {
			f.Hidden = o.option.Type == option.Bool && o.negates != (o.option.Default == true)
		}
	})
	for _, sub := range cmd.Commands() {
		showOptionFlags(sub)
	}
}
