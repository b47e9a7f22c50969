package main

import (
	"errors"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/flowview"
	"midstream/internal/view"
)

func (c *flowsCommand) bodyCmd() *cobra.Command {
	var request, raw, follow bool
	var octets string
	var listed messageFlags
	var viewed viewFlags
	cmd := &cobra.Command{
		Use:   "body ID",
		Short: "the body of the response, or of the request",
		Long: "Writes the body to stdout, its content coding removed; --raw writes it as it was recorded. --range\n" +
			"counts the bytes that would be written otherwise. --follow waits for more while the flow lives.\n" +
			"--messages writes the messages in the body as JSON, one a line.\n\n" +
			"--view auto writes it as lines for a person, by the view that fits; or by one of\n" +
			namesOfViews() + "\n" +
			"--from and --count choose lines; what is wrong with the body is said on stderr.\n\n" +
			"It exits with 3 when the record is not whole, after writing what there is.",
		Args: oneFlow,
		RunE: func(cmd *cobra.Command, args []string) error {
			listed.request = request
			if err := viewed.check(raw || follow || octets != "" || listed.wanted); err != nil {
				return err
			}
			listed.lines = viewed.name != ""
			if err := listed.check(); err != nil {
				return err
			}
			if listed.wanted && (raw || octets != "") {
				return usageError("--messages cannot be together with --raw or --range: --from and --count choose messages")
			}
			o := flowview.Octets{Side: flow.ToClient, Raw: raw, Follow: follow}
			if request {
				o.Side = flow.ToServer
			}
			if octets != "" {
				r, err := flowview.ParseRange(octets)
				if err != nil {
					return &codedError{exitUsage, err}
				}
				o.Range = r
			}
			ctx, stop := c.context(cmd, follow)
			defer stop()
			r, number, err := c.find(ctx, args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if listed.wanted {
				q := listed.query(number)
				q.Follow = follow
				return c.messages(ctx, r.Reader, q, true)
			}
			if viewed.name != "" {
				return c.view(ctx, r.Reader, flowview.ViewQuery{Number: number, Side: o.Side,
					Window: view.Window{From: listed.from, Count: listed.count}}, &viewed)
			}
			o.Number = number
			err = flowview.Copy(ctx, c.env.stdout, r.Reader, o)
			if follow && ctx.Err() != nil && err != nil {
				return partialError("follow the body of flow %d: ended before it was whole", number)
			}
			if _, partial := errors.AsType[*flowview.PartialError](err); partial {
				return &codedError{exitPartial, err}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&request, "request", false, "the body of the request")
	cmd.Flags().BoolVar(&raw, "raw", false, "as recorded, the content coding left on")
	cmd.Flags().StringVar(&octets, "range", "", "only these bytes: `A-B`, A- or -N for the last N")
	listed.add(cmd)
	viewed.add(cmd)
	cmd.Flags().BoolVar(&follow, "follow", false, "wait for more while the flow lives")
	return cmd
}
