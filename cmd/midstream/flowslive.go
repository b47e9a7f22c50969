package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"midstream/internal/api"
	"midstream/internal/api/client"
	"midstream/internal/dump"
	"midstream/internal/store"
)

// live returns the midstream that writes the session in dir, nil where none does.
// The caller must close the client.
func (c *flowsCommand) live(dir string) (*client.Client, error) {
	reg, err := loadFor(c.env, c.confdir, nil)
	if err != nil {
		return nil, err
	}
	all, err := store.LiveProcesses(reg.Path("confdir"))
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if sameFolder(l.Session, dir) {
			return client.New(l)
		}
	}
	return nil, nil
}

// atATime is how many flows are named in one request.
const atATime = 10_000

// through has a running midstream do something to flows, and tells what came of it.
func (c *flowsCommand) through(ctx context.Context, numbers []uint64, what string, do func(api.Which) (api.Done, error)) error {
	n := 0
	var failed []api.Failed
	for len(numbers) > 0 {
		some := numbers[:min(len(numbers), atATime)]
		numbers = numbers[len(some):]
		d, err := do(api.Which{Numbers: some})
		n += d.Done
		failed = append(failed, d.Failed...)
		if err != nil {
			return errors.Join(c.said(n, what, nil), err)
		}
	}
	_ = c.said(n, what, nil)
	if len(failed) == 0 {
		return nil
	}
	text := dump.Safe(failed[0].Text)
	if len(failed) > 1 {
		text += fmt.Sprintf(", and %d more", len(failed)-1)
	}
	if n == 0 {
		return errors.New(text)
	}
	return &codedError{exitPartial, errors.New(text)}
}

// running finds the flows that words name, those that live, and who runs them.
func (c *flowsCommand) running(ctx context.Context, words []string) (*client.Client, []uint64, error) {
	dir, numbers, err := c.chosen(ctx, words)
	if err != nil {
		return nil, nil, err
	}
	midstream, err := c.live(dir)
	if err == nil && midstream == nil {
		err = fmt.Errorf("no midstream is running that records into %s", dir)
	}
	return midstream, numbers, err
}

func (c *flowsCommand) killCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "kill ID...|FILTER",
		Short: "end flows that run",
		Long: "Ends flows that run: both sides see a connection that breaks, or a stream that is reset. It needs\n" +
			"the midstream that they pass through.",
		Args: chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			midstream, numbers, err := c.running(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer midstream.Close()
			return c.through(cmd.Context(), numbers, "killed", func(w api.Which) (api.Done, error) {
				d, err := midstream.Kill(cmd.Context(), w)
				if len(numbers) > 1 {
					d.Failed = nil // a filter means flows that have ended, too
				}
				return d, err
			})
		},
	}
}

func (c *flowsCommand) resumeCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "resume ID...|FILTER",
		Short: "let flows go on that an intercept holds",
		Long: "Lets flows go on, unchanged, that the option intercept holds. It needs the midstream that they pass\n" +
			"through.",
		Args: chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			midstream, numbers, err := c.running(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer midstream.Close()
			return c.through(cmd.Context(), numbers, "resumed", func(w api.Which) (api.Done, error) { return midstream.Resume(cmd.Context(), w) })
		},
	}
}

// sameFolder tells whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
