package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"midstream/internal/flowview"
	"midstream/internal/store"
)

// A flowsCommand has what the commands under `flows` share.
type flowsCommand struct {
	env     *env
	session string
	file    string
	confdir string
}

func newFlowsCmd(e *env) *cobra.Command {
	c := &flowsCommand{env: e}
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "what was recorded: list, show, change it",
		Long: "Reads what was recorded, also while it is being recorded. A flow is named by its number, by last,\n" +
			"by its UUID or the first digits of it; PATH#4471 is a flow of the session or file PATH.\n\n" +
			"-r reads a flow file, an HTTP Archive or a session: number 1 is the first flow of a file. Without\n" +
			"-r and --session it reads the one live session, else the newest kept one, and says which.",
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.session, "session", "", "`DIR` of the session to read")
	cmd.PersistentFlags().StringVarP(&c.file, "rfile", "r", "", "flow file, HTTP Archive or session to read (`FILE`); - is stdin")
	cmd.PersistentFlags().StringVar(&c.confdir, "confdir", "", "`DIR` that has the sessions (default ~/.midstream)")
	_ = cmd.MarkPersistentFlagDirname("session")
	_ = cmd.MarkPersistentFlagDirname("confdir")
	cmd.AddCommand(c.listCmd(), c.showCmd(), c.bodyCmd(), c.exportCmd(), c.cutCmd(), c.markCmd(), c.commentCmd(), c.deleteCmd(), c.killCmd(), c.resumeCmd())
	return cmd
}

// reader opens the session that dir, --session, or nothing names.
func (c *flowsCommand) reader(dir string) (*store.Reader, error) {
	if dir != "" && c.session != "" && dir != c.session {
		return nil, usageError("the flow's name and --session name two sessions: give one of them")
	}
	if dir == "" {
		dir = c.session
	}
	if dir == "" {
		reg, err := loadFor(c.env, c.confdir, nil)
		if err != nil {
			return nil, err
		}
		var why string
		if dir, why, err = store.Choose(reg.Path("confdir"), ""); err != nil {
			return nil, err
		}
		fmt.Fprintln(c.env.stderr, why)
	}
	return store.OpenReader(dir)
}

// find opens the session of a flow and finds its number. The caller must close
// the recording.
func (c *flowsCommand) find(ctx context.Context, name string) (*recording, uint64, error) {
	dir, id := flowview.SplitName(name)
	r, err := c.recording(ctx, dir, id)
	if err != nil {
		return nil, 0, err
	}
	number, err := flowview.Resolve(ctx, r.Reader, id)
	if err != nil {
		r.Close()
		if _, bad := errors.AsType[*flowview.NameError](err); bad {
			err = &codedError{exitUsage, err}
		}
		return nil, 0, err
	}
	return r, number, nil
}

func (c *flowsCommand) listCmd() *cobra.Command {
	var last int
	var follow bool
	var form listForm
	var names string
	cmd := &cobra.Command{
		Use:   "list [FILTER]",
		Short: "the flows, one a line",
		Long: "Lists the flows in the order of their numbers: time, method, status, what happened to the body of\n" +
			"the response (tee: recorded as it passed, hold: held, pass: passed unrecorded), its size, duration,\n" +
			"how it ended, and the URL. --follow goes on with those that end from now on.\n\n" +
			"FILTER chooses flows, as '~d example.com & !~c 2xx' does; docs/filters.md has the whole language.\n" +
			"With --last it lists the newest that it means. Where a body that it asks for is gone, the flow is\n" +
			"left out and the exit code is 3. --columns takes names with commas between them.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 0 {
				return usageError("--last %d: give a number of flows, 0 for all", last)
			}
			filter, err := parseFilter(c.env, args)
			if err != nil {
				return err
			}
			if names != "" {
				if form.json {
					return usageError("--columns and --json cannot be together: JSON has all of them")
				}
				if form.columns, err = flowview.ParseColumns(names); err != nil {
					return &codedError{exitUsage, err}
				}
			}
			if follow && c.file != "" && isFile(c.file) {
				return usageError("--follow waits for more, and nothing more comes into a file: leave it out")
			}
			ctx, stop := c.context(cmd, follow)
			defer stop()
			r, err := c.recording(ctx, "", "")
			if err != nil {
				return err
			}
			defer r.Close()
			err = c.list(ctx, r.Reader, store.ListOptions{Last: last, Filter: filter, Progress: c.progress(filter)}, follow, form)
			if follow && ctx.Err() != nil {
				return nil // Ctrl-C is how this ends
			}
			if u, some := store.Undecided(err); some {
				return &codedError{exitPartial, u}
			}
			return r.all(err)
		},
	}
	cmd.Flags().IntVar(&last, "last", 0, "only the newest `N`; 0 lists all")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with the flows that end from now on")
	cmd.Flags().BoolVar(&form.json, "json", false, "one JSON object a line")
	cmd.Flags().StringVar(&names, "columns", "", "only these `NAMES`, with tabs between them")
	return cmd
}

// listForm is how a list is written.
type listForm struct {
	json    bool
	columns []flowview.Column
	width   int
}

func (f listForm) write(w io.Writer, flows iter.Seq2[store.Summary, error]) error {
	switch {
	case f.json:
		return flowview.ListJSON(w, flows)
	case f.columns != nil:
		return flowview.ListColumns(w, flows, f.columns)
	}
	return flowview.List(w, flows, f.width)
}

// context ends at a signal for a command that would go on for ever.
func (c *flowsCommand) context(cmd *cobra.Command, follow bool) (context.Context, func()) {
	if follow {
		// Nothing has to come to an end first.
		return untilSignalTold(cmd.Context(), c.env, func(os.Signal) {})
	}
	return cmd.Context(), func() {}
}

func (c *flowsCommand) list(ctx context.Context, r *store.Reader, o store.ListOptions, follow bool, form listForm) error {
	form.width = widthOf(c.env.stdout)()
	if !follow {
		return form.write(c.env.stdout, r.List(ctx, o))
	}
	past, next := flowview.Join(r.List(ctx, o), r.TailOf(ctx, o.Filter))
	err := form.write(c.env.stdout, past)
	if err != nil {
		if _, some := store.Undecided(err); !some {
			return err
		}
	}
	if form.json || form.columns != nil {
		return form.write(c.env.stdout, next)
	}
	return flowview.Follow(c.env.stdout, next, form.width)
}

func (c *flowsCommand) showCmd() *cobra.Command {
	var asJSON bool
	var listed messageFlags
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "all about one flow but its bodies",
		Long: "Prints the heads as they were on the wire, the times, both connections, what happened to the bodies\n" +
			"and why, what was found, each try, and how it ended.\n\n" +
			"--messages prints the messages in a body instead, one a line: the events of an event stream, lines\n" +
			"of NDJSON, JSON sequences, gRPC and Connect, AWS event streams, parts of a multipart; of a WebSocket\n" +
			"connection the messages of both ends, with --request only those of the client.\n\n" +
			"The answer of a language model stands at the end, put together from its stream: text, reasoning,\n" +
			"tool calls, usage, why it stopped, and how fast it came; in JSON as llm.",
		Args: oneFlow,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := listed.check(); err != nil {
				return err
			}
			r, number, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if listed.wanted {
				return c.messages(cmd.Context(), r.Reader, listed.query(number), asJSON)
			}
			f, err := r.Get(cmd.Context(), number)
			if err != nil {
				return err
			}
			return c.page(cmd.Context(), r.Reader, f, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&listed.request, "request", false, "with --messages: of the request")
	listed.add(cmd)
	return cmd
}

// oneFlow asks for exactly one name.
func oneFlow(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError("name one flow: its number, last, or its UUID; %q lists them", "midstream flows list")
	}
	return nil
}
