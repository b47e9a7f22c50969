package pyhost

import (
	"context"
	"errors"
	"fmt"

	"midstream/hook"
)

// chunks is the transform of one body by a function of a script: a piece goes, what
// the function makes of it comes, then the next one. So a slow function slows its
// body, and nothing piles up.
type chunks struct {
	f    *picture
	side string
	head []byte
}

var _ hook.Transform = (*chunks)(nil)

// Chunk gives the function one piece.
func (c *chunks) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	return c.run(ctx, p, emit)
}

// End calls the function once more, without octets.
func (c *chunks) End(ctx context.Context, emit func([]byte) error) error {
	return c.run(ctx, nil, emit)
}

// Prompt implements body.Prompt: such a function is none that may wait.
func (c *chunks) Prompt() bool { return true }

func (c *chunks) run(ctx context.Context, p []byte, emit func([]byte) error) error {
	proc := c.f.p
	call := proc.begin("stream")
	c.head = callHead(c.head[:0], "chunk", call.id)
	c.head = append(append(append(c.head, `,"f":"`...), c.f.id...), `","d":"`...)
	c.head = append(append(c.head, c.side...), `"}`...)
	if err := proc.send(ctx, c.head, p); err != nil {
		proc.forget(call)
		return err
	}
	r, raw, err := proc.finish(ctx, call, nil)
	if err != nil {
		return err
	}
	if len(r.Errors) > 0 {
		return fmt.Errorf("script %s: %s", proc.v.path, r.Errors[0].text)
	}
	o := &octetsOf{left: raw}
	for _, n := range r.Pieces {
		q := o.take(n)
		if o.bad || n < 0 {
			proc.fail(errFrame)
			return errors.Join(errFrame, proc.failure())
		}
		if len(q) == 0 {
			continue
		}
		if err := emit(q); err != nil {
			return err
		}
	}
	return nil
}
