package main

import (
	"slices"

	"github.com/spf13/cobra"

	"midstream/internal/addons"
)

// completeKind completes the kind of a rule, and behind it the parameters of that.
func completeKind(_ *cobra.Command, args []string, _ string) (list []string, _ cobra.ShellCompDirective) {
	for _, k := range addons.Kinds() {
		switch {
		case len(args) == 0:
			list = append(list, k.Name+"\t"+k.Brief)
		case args[0] == k.Name:
			for _, p := range k.Params {
				list = append(list, p.Name+"=\t"+p.Help)
			}
			return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeName completes the names of rules that are not there yet.
func (c *rulesCommand) completeName(cmd *cobra.Command, args []string, _ string) (list []string, _ cobra.ShellCompDirective) {
	reg, err := c.options()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	rules, err := c.known(cmd.Context(), reg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, r := range rules {
		if !slices.Contains(args, r.Name) {
			list = append(list, r.Name+"\t"+r.Do)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
