package main

import "github.com/spf13/cobra"

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
