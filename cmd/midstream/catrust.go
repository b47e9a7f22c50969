package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/ca"
)

func (c *caCommand) trustCmd(action ca.Action) *cobra.Command {
	var yes, dryRun bool
	use, short, what := "trust", "let this machine trust the CA", "let this machine trust"
	if action == ca.Untrust {
		use, short, what = "untrust", "take that back", "take back the trust in"
	}
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: "Shows every command that it would run to " + what + " the CA (system store, browsers,\n" +
			"Java), asks, and runs them. With --dry-run it only shows them; with --yes it does not ask.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.authority()
			if err != nil {
				return err
			}
			home, _ := c.env.home()
			plan := ca.NewPlan(ca.Look(home, c.env.getenv), action, a.Cert(), a.Path(ca.CertFile))
			if dryRun {
				return plan.Print(c.env.stdout)
			}
			fmt.Fprintf(c.env.stderr, "to %s %s (sha256 %s):\n", what, a.Path(ca.CertFile), a.Fingerprint())
			if err := plan.Print(c.env.stderr); err != nil {
				return err
			}
			if len(plan.Steps) == 0 {
				if action == ca.Untrust {
					fmt.Fprintln(c.env.stderr, "nothing to do")
					return nil
				}
				return fmt.Errorf("midstream ca trust: no trust store was found that it can change; see the notes above")
			}
			if !yes {
				if err := c.ask(use); err != nil {
					return err
				}
			}
			err = plan.Run(cmd.Context(), ca.Exec(c.env.stdin), c.env.stderr)
			if errors.Is(err, ca.ErrPartly) {
				return partialError("%w", err)
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it without asking")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be done, on standard output")
	cmd.MarkFlagsMutuallyExclusive("yes", "dry-run")
	return cmd
}

// ask returns nil for a yes. Where nobody can answer it is an error of use.
func (c *caCommand) ask(use string) error {
	if !c.onTerminal() {
		return usageError("%w: nobody can be asked without a terminal; run: midstream ca %s --yes", errNoAnswer, use)
	}
	fmt.Fprint(c.env.stderr, "do this? [y/N] ")
	line, _ := bufio.NewReader(c.env.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errNoAnswer
}
