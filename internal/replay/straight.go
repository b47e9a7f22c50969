package replay

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"midstream/internal/capture"
)

// Straight sends the flows of src one after another, each as it is read: nothing is
// kept of them, and Shelf, Last, Filter and Parallel do not count. The error is one
// behind which nothing can be read.
func (s *Sending) Straight(ctx context.Context, src capture.Source) (res Result, err error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	defer func() { res.Passed, res.Failed = s.passed.Load(), s.failed.Load() }()
	for ctx.Err() == nil {
		it, err := src.Next()
		switch _, damaged := errors.AsType[*capture.Damaged](err); {
		case err == io.EOF:
			return res, nil
		case damaged:
			res.Damaged++
			s.Log.Warn(err.Error())
			continue
		case err != nil:
			return res, err
		}
		if why := Unsendable(it); why != "" {
			res.Refused++
			s.Log.Warn("not sent again: " + name(it.Flow) + ": " + why)
			continue
		}
		s.send(ctx, it, nil)
	}
	return res, context.Cause(ctx)
}
