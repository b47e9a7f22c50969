package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/store"
	"midstream/internal/view"
)

// ViewQuery says what View shows.
type ViewQuery struct {
	Number uint64
	Side   flow.Side
	// View is a name of package view, "auto" or "" for the one that fits.
	View string
	// Window is the lines that are wanted; without a Count View gives
	// view.DefaultCount of them, PrintView all.
	Window view.Window
	// Schema names the fields of protobuf; nil guesses.
	Schema *view.Schema
	// Others are views of scripts; nil has none.
	Others view.Others
	// Marks are of this body; nil keeps nothing.
	Marks *view.Marks
}

// View shows a window of what is recorded of a body by a view, which may be live
// still. It reads what the window needs, in bounded time and memory. Lines may have
// control characters. It fails with *view.UnknownError, store.ErrNotFound, and when
// the body was not recorded; a record that is not whole is a note.
func View(ctx context.Context, r *store.Reader, q ViewQuery) (*view.Result, error) {
	return q.open(ctx, r, func(in view.Input) (*view.Result, error) {
		return view.Show(ctx, in, q.View, q.Window)
	})
}

// PrintView is View that hands each line to take, and whose reading has no bound
// but the body.
func PrintView(ctx context.Context, r *store.Reader, q ViewQuery, take func(line string) bool) (*view.Result, error) {
	return q.open(ctx, r, func(in view.Input) (*view.Result, error) {
		in.Limit = 1 << 60
		return view.Print(ctx, in, q.View, q.Window, take)
	})
}

func (q *ViewQuery) open(ctx context.Context, r *store.Reader, show func(view.Input) (*view.Result, error)) (*view.Result, error) {
	f, err := r.Get(ctx, q.Number)
	if err != nil {
		return nil, err
	}
	if kind, _ := KindOf(f, q.Side); kind == message.WebSocket || kind == message.TCP {
		return nil, fmt.Errorf("flow %d has messages of %s and no body: --messages shows them", q.Number, kind)
	}
	in := view.InputOf(f, q.Side)
	in.Schema, in.Others = q.Schema, q.Others
	b := bodyOf(f, q.Side)
	if b.Disposition == flow.NoBody || b.Sent == 0 && b.Received == 0 {
		return show(in)
	}
	if b.Record == flow.Unrecorded {
		return nil, unrecorded(q.Number, q.Side, b)
	}
	body, err := r.Body(ctx, q.Number, q.Side)
	if err != nil {
		return nil, whole(err, b)
	}
	defer body.Close()
	src := &partial{ReadSeeker: io.NewSectionReader(body, body.First(), body.Size()-body.First())}
	in.Body = src
	if q.Marks != nil {
		q.Marks.Fit(body.Size() - body.First())
		in.Marks = q.Marks
	}
	result, err := show(in)
	if err != nil {
		return nil, err
	}
	if p, is := errors.AsType[*PartialError](whole(src.err, b)); is {
		result.Notes = append(result.Notes, p.Error())
	}
	return result, nil
}

// partial ends where the record is damaged or gone, and keeps why.
type partial struct {
	io.ReadSeeker
	err error
}

func (p *partial) Read(b []byte) (int, error) {
	n, err := p.ReadSeeker.Read(b)
	for _, e := range []error{store.ErrEvicted, store.ErrDamaged, store.ErrInterrupted} {
		if errors.Is(err, e) {
			p.err, err = err, io.EOF
		}
	}
	return n, err
}

func unrecorded(number uint64, side flow.Side, b *flow.Body) error {
	if b.Reason != "" {
		return fmt.Errorf("the %s body of flow %d was not recorded: %s", side, number, b.Reason)
	}
	return fmt.Errorf("the %s body of flow %d was not recorded", side, number)
}
