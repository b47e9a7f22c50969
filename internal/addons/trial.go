package addons

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/coding"
	"midstream/internal/rule"
)

// A Trial runs one rule on recorded flows, to tell what it would have changed.
// Flows are given in their order: some rules remember. It is used by one
// goroutine.
type Trial struct {
	rule *rule.Rule
	set  *hook.Set
}

// NewTrial makes the trial of r, which counts as on. Errors are an *rule.Error.
func NewTrial(r *rule.Rule, env rule.Env) (*Trial, error) {
	on := r.Alone()
	env.Memory, env.StandIn = nil, nil
	env.Wait = func(context.Context, time.Duration) error { return nil }
	b, err := Build([]*rule.Rule{on}, env)
	if err != nil {
		return nil, err
	}
	set, err := hook.NewSet(env.Logger(), append(b.Before, b.After...)...)
	return &Trial{rule: on, set: set}, err
}

// Recorded is a side of a flow that can be read.
type Recorded interface {
	io.ReaderAt
	Size() int64
}

// source is a body for hooks that want the whole.
type source struct{ Recorded }

func (s source) Len() int64 { return s.Size() }
func (s source) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s, 0, s.Size())), nil
}

// trialLimit bounds what a pattern that needs the whole is given.
const trialLimit = 64 << 20

// Run tells what the rule would have changed of f, in words; nothing for
// nothing. bodies are those of both sides, nil where there is none.
func (t *Trial) Run(ctx context.Context, f *flow.Flow, bodies [2]Recorded) (changes []string, err error) {
	if f.Kind != flow.HTTP || f.Request == nil || f.Request.Form == flow.AuthorityForm {
		return nil, nil
	}
	x, ctl := hook.NewExchange(*f.Request.Clone(), f.Client, t.set, func() {})
	x.Marker, x.Comment, x.Metadata = f.Marker, f.Comment, f.Metadata
	if err := t.set.RequestHeaders(ctx, x); err != nil {
		return []string{"refused: " + err.Error()}, nil
	}
	var changed bool
	if !x.Killed() && x.Response == nil && ctl.StandIn() == nil {
		if changed, err = t.content(ctx, x, ctl, &x.Request.Body, flow.ToServer, bodies[flow.ToServer]); err != nil {
			return changes, err
		}
	}
	changes = append(changes, differences("request ", f.Request.Fields, x.Request.Fields)...)
	if now := x.Request.URL(); now != f.Request.URL() {
		changes = append(changes, "sent to "+now)
	}
	if changed {
		changes = append(changes, "request body")
	}
	switch {
	case x.Killed():
		return append(changes, "closed without an answer"), nil
	case x.Response != nil:
		return append(changes, fmt.Sprintf("answered with %d, %d bytes", x.Response.Status, x.Response.Len())), nil
	case ctl.StandIn() != nil:
		return append(changes, fmt.Sprint("answered with ", ctl.StandIn())), nil
	case f.Response == nil:
		return changes, nil
	}
	x.Response = hook.NewResponse(*f.Response.Clone())
	if err := t.set.ResponseHeaders(ctx, x); err != nil {
		return append(changes, "refused: "+err.Error()), nil
	}
	changed, err = t.content(ctx, x, ctl, &x.Response.Body, flow.ToClient, bodies[flow.ToClient])
	changes = append(changes, differences("response ", f.Response.Fields, x.Response.Fields)...)
	if changed {
		changes = append(changes, "response body")
	}
	return changes, err
}

// content runs what the head hooks have asked for on a body, and tells whether that has
// changed it.
func (t *Trial) content(ctx context.Context, x *hook.Exchange, ctl hook.Control, b *hook.Body, side flow.Side, of Recorded) (bool, error) {
	m := &x.Request.Message
	if side == flow.ToClient {
		m = &x.Response.Message
	}
	name := m.Fields.Joined("Content-Encoding")
	if !coding.Identity(name) && !coding.Known(name) {
		of = nil
	}
	var held hook.Source
	if of != nil && of.Size() > 0 {
		held = source{of}
		if changed, err := t.rewrite(ctx, b, side, name, of); changed || err != nil {
			return changed, err
		}
	}
	ctl.Settle(b, hook.Editable, held, trialLimit, func(string) {})
	if b.Wanted() == "" {
		return false, nil
	}
	run := t.set.Request
	if side == flow.ToClient {
		run = t.set.Response
	}
	err := run(ctx, x)
	return b.Changed(), err
}

// rewrite runs the rewritings of a body, and tells whether one has changed it.
func (t *Trial) rewrite(ctx context.Context, b *hook.Body, side flow.Side, name string, of Recorded) (bool, error) {
	before := t.rule.Hits()
	for _, r := range b.Rewritings() {
		src := body.From(io.NewSectionReader(of, 0, of.Size()), nil)
		if r.Decoded {
			var err error
			if src, err = body.Decoded(src, name); err != nil {
				return false, fmt.Errorf("read the %s body: %w", side, err)
			}
		}
		src = body.Transformed(ctx, src, r.New(), body.TransformOptions{})
		buf := make([]byte, body.PieceSize)
		for {
			_, err := src.Read(buf)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil && t.rule.Hits() > before {
				return true, nil // it broke the body
			}
			if err != nil {
				return false, fmt.Errorf("read the %s body: %w", side, err)
			}
		}
	}
	return t.rule.Hits() > before, nil
}

// differences names the fields that are not the same.
func differences(what string, old, now flow.Fields) []string {
	var list []string
	seen := map[string]bool{}
	for _, f := range append(old.Clone(), now...) {
		key := strings.ToLower(f.Name)
		if seen[key] {
			continue
		}
		seen[key] = true
		was, is := strings.Join(old.Values(f.Name), ", "), strings.Join(now.Values(f.Name), ", ")
		switch {
		case !now.Has(f.Name):
			list = append(list, what+f.Name+" left out")
		case !old.Has(f.Name):
			list = append(list, what+f.Name+": "+is)
		case was != is:
			list = append(list, what+f.Name+": "+is+" instead of "+was)
		}
	}
	return list
}
