package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"midstream/internal/dump"
	"midstream/internal/option"
)

func newReplayCmd(e *env) *cobra.Command {
	var asJSON bool
	var parallel int
	cmd := &cobra.Command{
		Use:   "replay [OPTIONS] IN [FILTER]",
		Short: "send recorded requests again",
		Long: "Sends the requests of IN to their servers again, one after the other, and prints a line for each.\n" +
			"IN is a flow file, a HAR or a session; - is standard input. FILTER chooses the flows. They run\n" +
			"through scripts like any request, and what comes back is recorded; the flow of earlier is beside\n" +
			"the new one in the session. Bodies of requests are read from disk as they are sent.\n\n" +
			"What cannot be sent as it was is not sent, with the reason: requests whose content is missing,\n" +
			"CONNECT, WebSocket, raw tunnels. Nothing listens. The exit code is 3 when any was not sent or\n" +
			"had no whole response.",
		Example:               "  midstream replay in.mitm\n  midstream replay --parallel 8 in/ '~m GET & ~d example.com'",
		DisableFlagsInUseLine: true,
	}
	line := optionFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a flow, when it has ended")
	cmd.Flags().IntVar(&parallel, "parallel", 1, "how many requests are sent at a time (`N`)")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError("%s takes IN and perhaps a filter", cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		own := []option.Assignment{
			{Name: "server", Text: "false", Source: option.Flag, Place: "replay"},
			{Name: "client_replay", Text: args[0], Source: option.Flag, Place: "IN"},
		}
		if cmd.Flags().Changed("parallel") {
			own = append(own, option.Assignment{Name: "client_replay_concurrency", Text: fmt.Sprint(parallel), Source: option.Flag, Place: "--parallel"})
		}
		reg, err := loadLine(e, append(line.list, own...))
		if err != nil {
			return err
		}
		kind := proxyKind{lines: e.stdout, ends: true}
		if kind.resend, err = parseFilter(e, args[1:]); err != nil {
			return err
		}
		if reg.Path("save_stream_file") == "-" || reg.Path("hardump") == "-" {
			kind.lines = e.stderr
		}
		if asJSON {
			kind.form = dump.JSON
		}
		return runProxy(cmd.Context(), e, reg, kind)
	}
	return cmd
}
