package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/flowview"
	"midstream/internal/store"
)

// messageFlags choose messages of a body.
type messageFlags struct {
	wanted, request bool
	lines           bool // --view: from and count are of lines
	from, count     int64
}

func (m *messageFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&m.wanted, "messages", false, "the messages in the body")
	cmd.Flags().Int64Var(&m.from, "from", 0, "with --messages: the first one's number `N`, counted from 0")
	cmd.Flags().Int64Var(&m.count, "count", 0, "with --messages: only `N` of them; 0 is all")
}

func (m *messageFlags) check() error {
	switch {
	case m.from < 0:
		return usageError("--from %d: give the number of a message, the first is 0", m.from)
	case m.count < 0:
		return usageError("--count %d: give a number of messages, 0 for all", m.count)
	case !m.wanted && !m.lines && (m.from > 0 || m.count > 0):
		return usageError("--from and --count choose messages: add --messages")
	}
	return nil
}

func (m *messageFlags) query(number uint64) flowview.MessageQuery {
	q := flowview.MessageQuery{Number: number, Side: flow.ToClient, From: m.from, Count: m.count}
	if m.request {
		q.Side = flow.ToServer
	}
	return q
}

// messages writes the messages of a body.
func (c *flowsCommand) messages(ctx context.Context, r *store.Reader, q flowview.MessageQuery, asJSON bool) error {
	f, err := r.Get(ctx, q.Number)
	if err != nil {
		return err
	}
	all := flowview.Messages(ctx, r, q)
	if asJSON {
		err = flowview.MessagesJSON(c.env.stdout, all)
	} else {
		err = flowview.MessagesText(c.env.stdout, all, f.Start, widthOf(c.env.stdout)())
	}
	if _, partial := errors.AsType[*flowview.PartialError](err); partial {
		return &codedError{exitPartial, err}
	}
	return err
}
