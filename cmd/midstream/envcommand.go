package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/client"
	"midstream/internal/instance"
)

func newEnvCmd(e *env) *cobra.Command {
	var shell, session, confdir string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "the variables of the running proxy, for a shell's eval",
		Long: "Prints what \"midstream run\" sets for a command, for the midstream that is running, as lines for\n" +
			"a shell: every program that is started from it then passes through. The shell is the one that\n" +
			"SHELL names, unless --shell says another; sh is for zsh too. In fish: midstream env | source.\n" +
			"In PowerShell: midstream env --shell powershell | Out-String | Invoke-Expression.",
		Example: "  eval \"$(midstream env)\"\n  midstream env --shell powershell",
		Args:    noWords,
	}
	cmd.Flags().StringVar(&shell, "shell", "", "`SHELL` to print for: "+strings.Join(client.Shells, ", "))
	cmd.Flags().StringVar(&session, "session", "", "`DIR` of the session, where several midstreams are running")
	cmd.Flags().StringVar(&confdir, "confdir", "", "`DIR` that has the CA (default ~/.midstream)")
	_ = cmd.RegisterFlagCompletionFunc("shell", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return client.Shells, cobra.ShellCompDirectiveNoFileComp
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if shell == "" {
			shell = client.GuessShell(e.getenv("SHELL"), runtime.GOOS)
		}
		if _, err := client.Script(shell, nil); err != nil {
			return &codedError{exitUsage, err}
		}
		reg, err := loadFor(e, confdir, nil)
		if err != nil {
			return err
		}
		if session != "" {
			if session, err = filepath.Abs(session); err != nil {
				return err
			}
		}
		live, err := instance.FindLive(reg.Path("confdir"), session)
		if err != nil {
			return err
		}
		authority, err := authorityOf(reg)
		if err != nil {
			return err
		}
		p := &passing{address: live.Proxies[0], authority: authority}
		if p.home, err = e.home(); err != nil {
			p.home = ""
		}
		variables, err := p.variables(e)
		if err != nil {
			return err
		}
		text, err := client.Script(shell, variables)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(e.stdout, text)
		return err
	}
	return cmd
}
