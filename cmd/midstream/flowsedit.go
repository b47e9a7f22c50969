package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/api"
	"midstream/internal/api/client"
	"midstream/internal/flowview"
	"midstream/internal/store"
)

// defaultMarker is the marker that mitmproxy gives where none is named.
const defaultMarker = ":default:"

// chosenFlows wants a flow or a filter.
func chosenFlows(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError("name flows: numbers, last, a UUID, or a filter; ~all means every flow")
	}
	return nil
}

// chosen finds the flows that the words name: one by its name, several by their
// numbers, or those that a filter means. dir is the session that they are in.
func (c *flowsCommand) chosen(ctx context.Context, words []string) (dir string, numbers []uint64, err error) {
	if err := c.changeable(words); err != nil {
		return "", nil, err
	}
	if len(words) == 1 {
		r, number, err := c.find(ctx, words[0])
		if err == nil {
			defer r.Close()
			if _, err := r.Get(ctx, number); err != nil {
				return "", nil, err
			}
			return r.Dir(), []uint64{number}, nil
		}
		if _, bad := errors.AsType[*flowview.NameError](err); !bad {
			return "", nil, err
		}
	}
	filter, err := parseFilter(c.env, words)
	if err != nil {
		return "", nil, err
	}
	r, err := c.reader("")
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	if numbers = numbered(words); numbers != nil {
		for _, n := range numbers {
			if _, err := r.Get(ctx, n); err != nil {
				return "", nil, err
			}
		}
		return r.Dir(), numbers, nil
	}
	for s, err := range r.Search(ctx, store.SearchOptions{Filter: filter, Oldest: true}) {
		if err != nil {
			return "", nil, err
		}
		numbers = append(numbers, s.Number)
	}
	return r.Dir(), numbers, nil
}

// numbered are the words where each is a number, and nil where one is not.
func numbered(words []string) (numbers []uint64) {
	for _, w := range words {
		n, err := strconv.ParseUint(w, 10, 63)
		if err != nil {
			return nil
		}
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// writable opens a session to change it.
func writable(dir string) (*store.Store, error) {
	s, err := store.Open(dir, store.Config{})
	return s, locked(err)
}

// edit changes flows.
func (c *flowsCommand) edit(ctx context.Context, words []string, change func(f *flow.Flow), live func(*client.Client, api.Which) (api.Done, error)) error {
	dir, numbers, err := c.chosen(ctx, words)
	if err != nil || len(numbers) == 0 {
		return c.said(0, "changed", err)
	}
	if midstream, err := c.live(dir); err != nil {
		return err
	} else if midstream != nil {
		defer midstream.Close()
		return c.through(ctx, numbers, "changed", func(w api.Which) (api.Done, error) { return live(midstream, w) })
	}
	s, err := writable(dir)
	if err != nil {
		return err
	}
	n := 0
	for _, number := range numbers {
		if err = s.Edit(number, change); err != nil {
			break
		}
		n++
	}
	return c.said(n, "changed", errors.Join(err, s.Close()))
}

// said tells how many flows something was done to.
func (c *flowsCommand) said(n int, what string, err error) error {
	if err == nil {
		fmt.Fprintf(c.env.stderr, "%s %s\n", what, flowview.Count(uint64(n), "flow"))
	}
	return err
}

func (c *flowsCommand) markCmd() *cobra.Command {
	var marker string
	var off bool
	cmd := &cobra.Command{
		Use:   "mark ID...|FILTER",
		Short: "mark flows, or take the mark off",
		Long: "Marks flows. What is marked stays when a session reaches its size, and ~marked finds it. While the\n" +
			"session is being written the midstream that runs does it; flows that run get the mark at their end.",
		Args: chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			if marker == "" && !off {
				return usageError("--marker is empty: --off takes the mark off")
			}
			if off {
				marker = ""
			}
			return c.edit(cmd.Context(), args, func(f *flow.Flow) { f.Marker = marker },
				func(m *client.Client, w api.Which) (api.Done, error) { return m.Mark(cmd.Context(), w, marker) })
		},
	}
	cmd.Flags().StringVar(&marker, "marker", defaultMarker, "the mark, as a `NAME` or a character")
	cmd.Flags().BoolVar(&off, "off", false, "take the mark off")
	return cmd
}

func (c *flowsCommand) commentCmd() *cobra.Command {
	var text string
	cmd := &cobra.Command{
		Use:   "comment --text TEXT ID...|FILTER",
		Short: "give flows a comment",
		Long:  "Gives flows a comment in place of the one they had; --text '' takes it off.\nFlows that run get it when they have ended.",
		Args:  chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("text") {
				return usageError("write the comment behind --text; --text '' takes it off")
			}
			return c.edit(cmd.Context(), args, func(f *flow.Flow) { f.Comment = text },
				func(m *client.Client, w api.Which) (api.Done, error) { return m.Comment(cmd.Context(), w, text) })
		},
	}
	cmd.Flags().StringVar(&text, "text", "", "the comment")
	return cmd
}

func (c *flowsCommand) deleteCmd() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID...|FILTER",
		Short: "delete flows with all that is recorded of them",
		Long: "Deletes flows: their octets in the folder of the session become zero, and the disk gets the room\n" +
			"back where it can. It says how many, and asks. Flows that run stay.",
		Args: chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, numbers, err := c.chosen(cmd.Context(), args)
			if err != nil || len(numbers) == 0 {
				return c.said(0, "deleted", err)
			}
			if err := confirm(c.env, yes, "delete "+flowview.Count(uint64(len(numbers)), "flow")+" of "+dir, "midstream flows delete"); err != nil {
				return err
			}
			if midstream, err := c.live(dir); err != nil {
				return err
			} else if midstream != nil {
				defer midstream.Close()
				return c.through(cmd.Context(), numbers, "deleted", func(w api.Which) (api.Done, error) { return midstream.Delete(cmd.Context(), w) })
			}
			s, err := writable(dir)
			if err != nil {
				return err
			}
			err = s.Delete(cmd.Context(), numbers)
			return c.said(len(numbers), "deleted", errors.Join(err, s.Close()))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it without asking")
	return cmd
}

func (c *flowsCommand) cutCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cut PATHS [FILTER]",
		Short: "chosen parts of flows, as CSV or JSON lines",
		Long: "Prints parts of flows, one flow a line. PATHS are names with commas between them, as mitmproxy's cut\n" +
			"has them: request.method,request.header[host],response.status_code,response.content. docs/filters.md\n" +
			"lists them. What a flow does not have is empty.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("name the parts, as request.method,request.url,response.status_code")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := flowview.ParseCut(args[0])
			if err != nil {
				return &codedError{exitUsage, err}
			}
			filter, err := parseFilter(c.env, args[1:])
			if err != nil {
				return err
			}
			r, err := c.recording(cmd.Context(), "", "")
			if err != nil {
				return err
			}
			defer r.Close()
			form := flowview.CSV
			if asJSON {
				form = flowview.JSONLines
			}
			err = flowview.Cut(cmd.Context(), c.env.stdout, r.Reader, filter, paths, form)
			if u, some := store.Undecided(err); some {
				return &codedError{exitPartial, u}
			}
			if _, partial := errors.AsType[*flowview.PartialError](err); partial {
				return &codedError{exitPartial, err}
			}
			return r.all(err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}
