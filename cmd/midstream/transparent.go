package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/proxy"
	"midstream/internal/redirect"
	"midstream/internal/store"
)

// newTransparentCmd makes "transparent up", "down" and "status".
func newTransparentCmd(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "transparent up|down|status",
		Short: "let the firewall bring clients here (Linux, root)",
		Long: "Redirects connections to a midstream in transparent mode, by rules in one nftables\n" +
			"table of its own, so that \"down\" takes all of them back, whatever has happened.",
	}
	var confdir string
	cmd.PersistentFlags().StringVar(&confdir, "confdir", "", "`DIR` of the midstream that runs; without it the usual one")
	cmd.AddCommand(newTransparentUpCmd(e, &confdir), newTransparentDownCmd(e), newTransparentStatusCmd(e, &confdir))
	return cmd
}

func newTransparentUpCmd(e *env, confdir *string) *cobra.Command {
	var print, noOwn bool
	var ports string
	var interfaces []string
	var to int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "make the rules",
		Long: "Says what it will do, and does it: connections of this machine to others, and with\n" +
			"--interface those that come in by it, are redirected to the midstream in transparent\n" +
			"mode that runs. Its own are left alone. It refuses when none runs.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan := redirect.Plan{Own: !noOwn, Mark: proxy.Mark, Interfaces: interfaces, To: uint16(to)}
			var err error
			if plan.Ports, err = parsePorts(ports); err != nil {
				return usageError("midstream transparent up: %v", err)
			}
			if !print || to == 0 {
				if err := findTransparent(e, *confdir, &plan); err != nil {
					return fmt.Errorf("midstream transparent up: %w", err)
				}
			}
			if err := plan.Check(); err != nil {
				return usageError("midstream transparent up: %v", err)
			}
			if print {
				_, err := fmt.Fprint(e.stdout, plan.Script())
				return err
			}
			fmt.Fprintf(e.stderr, "this will be run by nft; \"midstream transparent down\" takes it back:\n%s", plan.Script())
			if err := redirect.Apply(cmd.Context(), plan.Script()); err != nil {
				return fmt.Errorf("midstream transparent up: %w", err)
			}
			fmt.Fprintf(e.stderr, "connections to port %s go to midstream on port %d\n", ports, plan.To)
			return nil
		},
	}
	cmd.Flags().BoolVar(&print, "print", false, "only print the rules, on standard output")
	cmd.Flags().StringVar(&ports, "ports", "80,443", "destination `PORTS` that are redirected")
	cmd.Flags().StringArrayVar(&interfaces, "interface", nil, "redirect what comes in by this `INTERFACE`; repeat it for several")
	cmd.Flags().BoolVar(&noOwn, "no-own", false, "leave this machine's own connections alone")
	cmd.Flags().IntVar(&to, "to", 0, "port of the transparent mode; without it that of the midstream that runs")
	return cmd
}

func newTransparentDownCmd(e *env) *cobra.Command {
	var print bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "take the rules back",
		Long:  "Deletes the table with the rules of \"up\", and nothing else. It is no error when there is none.",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if print {
				_, err := fmt.Fprint(e.stdout, redirect.Removal())
				return err
			}
			if err := linuxOnly(); err != nil {
				return fmt.Errorf("midstream transparent down: %w", err)
			}
			fmt.Fprintf(e.stderr, "this will be run by nft:\n%s", redirect.Removal())
			if err := redirect.Apply(cmd.Context(), redirect.Removal()); err != nil {
				return fmt.Errorf("midstream transparent down: %w", err)
			}
			fmt.Fprintln(e.stderr, "nothing is redirected any more")
			return nil
		},
	}
	cmd.Flags().BoolVar(&print, "print", false, "only print what would be done, on standard output")
	return cmd
}

func newTransparentStatusCmd(e *env, confdir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show the rules that are there",
		Long: "Prints the rules of \"up\" as the firewall has them, or \"nothing is redirected\", and says\n" +
			"when no midstream listens any more for what they bring.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := transparentStatus(cmd.Context())
			if err != nil {
				return fmt.Errorf("midstream transparent status: %w", err)
			}
			if _, err := fmt.Fprint(e.stdout, rules); err != nil || rules == notRedirected {
				return err
			}
			if err := findTransparent(e, *confdir, &redirect.Plan{}); err != nil {
				fmt.Fprintf(e.stderr, "%v; until then what is redirected is refused, and \"midstream transparent down\" ends that\n", err)
			}
			return nil
		},
	}
}

// notRedirected is what status says where there are no rules.
const notRedirected = "nothing is redirected\n"

func transparentStatus(ctx context.Context) (string, error) {
	if err := linuxOnly(); err != nil {
		return "", err
	}
	rules, err := redirect.Status(ctx)
	if err == nil && rules == "" {
		rules = notRedirected
	}
	return rules, err
}

func linuxOnly() error {
	if runtime.GOOS != "linux" {
		return errors.New("it is for Linux only: set this machine's proxy, or use regular mode")
	}
	return nil
}

func parsePorts(text string) ([]uint16, error) {
	var list []uint16
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%s in --ports is not one of 1 to 65535", quoted(part))
		}
		list = append(list, uint16(n))
	}
	return list, nil
}

// findTransparent completes a plan by the midstream that runs: nobody must be brought
// to a port where none listens, nor midstream to itself.
func findTransparent(e *env, confdir string, plan *redirect.Plan) error {
	if err := linuxOnly(); err != nil {
		return err
	}
	if confdir == "" {
		confdir = e.getenv("MIDSTREAM_CONFDIR")
	}
	if confdir == "" {
		home, err := e.home()
		if err != nil {
			return err
		}
		confdir = filepath.Join(home, ".midstream")
	}
	list, err := store.LiveProcesses(confdir)
	if err != nil {
		return err
	}
	var others []string // listen in transparent mode, elsewhere than is asked for
	for _, l := range list {
		for _, text := range l.Transparent {
			at, err := netip.ParseAddrPort(text)
			if err != nil || plan.To != 0 && at.Port() != plan.To {
				others = append(others, text)
				continue
			}
			switch {
			case plan.Own && !l.Marks:
				return fmt.Errorf("the midstream on %s may not mark its own traffic, so it would be brought back to itself: start it as root or with CAP_NET_ADMIN, or give --no-own and --interface", text)
			case len(plan.Interfaces) > 0 && at.Addr().IsLoopback():
				return fmt.Errorf("the midstream on %s cannot be reached from %s: start it with --listen-host 0.0.0.0, or :: for IPv6 as well", text, strings.Join(plan.Interfaces, " and "))
			}
			plan.To = at.Port()
			return nil
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("no transparent mode listens on port %d, but on %s: give its port with --to, or leave that out", plan.To, strings.Join(others, " and "))
	}
	if slices.ContainsFunc(list, func(l store.Live) bool { return len(l.Listeners) > 0 }) {
		return fmt.Errorf("the midstream that runs has no transparent mode: start one with midstream --mode transparent")
	}
	return fmt.Errorf("no midstream listens whose folder is %s: start one with midstream --mode transparent, or name its folder with --confdir", confdir)
}
