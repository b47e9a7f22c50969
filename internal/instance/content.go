package instance

import (
	"context"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/store"
)

// content reads the recorded body of a flow that is over, for scripts that keep
// flows: nil where it was not recorded, an error where it is not whole or is larger
// than content_limit.
func (in *Instance) content(ctx context.Context, id flow.ID, side flow.Side) ([]byte, error) {
	if in.session == nil {
		return nil, nil
	}
	in.session.Flush()
	r, err := store.OpenReader(in.session.Dir())
	if err != nil {
		return nil, fmt.Errorf("read a recorded body: %w", err)
	}
	defer r.Close()
	number, err := r.Find(ctx, id.String())
	if err != nil {
		return nil, fmt.Errorf("read a recorded body: %w", err)
	}
	f, err := r.Get(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("read a recorded body: %w", err)
	}
	of := &f.RequestBody
	if side == flow.ToClient {
		of = &f.ResponseBody
	}
	if of.Disposition == flow.Pass {
		return nil, nil
	}
	if of.CutReason != "" {
		return nil, fmt.Errorf("the recorded body of flow %d is not whole: %s", number, of.CutReason)
	}
	b, err := r.Body(ctx, number, side)
	if err != nil {
		return nil, fmt.Errorf("read a recorded body: %w", err)
	}
	defer b.Close()
	if limit := in.opts.Size("content_limit"); limit > 0 && b.Size() > limit {
		return nil, fmt.Errorf("the body of flow %d has %d bytes, more than content_limit (%d)", number, b.Size(), limit)
	}
	p := make([]byte, b.Size())
	if _, err := io.ReadFull(io.NewSectionReader(b, 0, b.Size()), p); err != nil {
		return nil, fmt.Errorf("read a recorded body: %w", err)
	}
	return p, nil
}
