package view

import (
	"context"
	"slices"
	"strings"
)

// Others are views that this package does not have, as scripts declare them. Its
// methods may be called at once.
type Others interface {
	// Names are the names of the views.
	Names() []string
	// Render shows a body by the view name, or with "auto" by the one that fits it
	// better than those of this package: a Rendered without a View says that none does.
	// body is the content, its coding removed, at most 4 MiB of it.
	Render(ctx context.Context, in *Input, name string, body []byte) (Rendered, error)
	// Encode makes a body of the text of a view that is Editable.
	Encode(ctx context.Context, name, text string) ([]byte, error)
}

// Rendered is what one of the Others shows.
type Rendered struct {
	View, Syntax, Text string
	Editable           bool
}

// knows tells whether name is a view's, be it one of others.
func knows(others Others, name string) bool {
	return Known(name) || others != nil && slices.Contains(others.Names(), name)
}

// chosen is the view to show a content by.
func (s *source) chosen(ctx context.Context, name string, auto bool) (view, error) {
	own := Known(name) || name == ""
	if s.in.Others == nil || own && !auto {
		if auto {
			name = choose(s)
		}
		return find(name)
	}
	s.in.Own = choose(s)
	r, err := s.in.Others.Render(ctx, s.in, name, s.all())
	switch {
	case err == nil && r.View != "":
		return rendered(r), nil
	case err != nil && ctx.Err() != nil:
		return view{}, context.Cause(ctx)
	case err != nil:
		s.note("not shown by a script: %v", err)
	}
	s.again()
	return find(s.in.Own)
}

// rendered is a view that shows what another has made already.
func rendered(r Rendered) view {
	v := view{name: r.View, syntax: r.Syntax, show: func(s *source, p *page) error {
		for line := range strings.Lines(r.Text) {
			if p.full {
				break
			}
			p.text(strings.TrimRight(line, "\r\n"))
			p.end()
		}
		return nil
	}}
	if r.Editable {
		v.edit = func(string) ([]byte, error) { return nil, nil } // Others do
	}
	return v
}
