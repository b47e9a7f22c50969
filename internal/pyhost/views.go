package pyhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"midstream/flow"
	"midstream/internal/view"
)

var _ view.Others = (*Host)(nil)

// viewWait bounds how long a script may take to show a body.
const viewWait = 10 * time.Second

// Names are the names of the content views that scripts declare.
func (h *Host) Names() []string {
	var all []string
	for _, v := range h.current() {
		v.mu.Lock()
		for _, name := range v.views {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		v.mu.Unlock()
	}
	return all
}

// declaring are the scripts that declare a view, name being "auto" or "" any.
func (h *Host) declaring(name string) []*version {
	var found []*version
	for _, v := range h.current() {
		v.mu.Lock()
		there := slices.Contains(v.views, name) || (name == "" || name == view.Auto) && len(v.views) > 0
		v.mu.Unlock()
		if there {
			found = append(found, v)
		}
	}
	return found
}

// Render shows a body by a view of a script.
func (h *Host) Render(ctx context.Context, in *view.Input, name string, body []byte) (view.Rendered, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, viewWait, errors.New("it has not answered in time"))
	defer cancel()
	if name == view.Auto {
		name = ""
	}
	values := map[string]any{"n": name, "ct": in.Fields.Joined("Content-Type"), "d": sides[in.Side], "f": "", "plain": in.Own == "raw" || in.Own == "hex"}
	if in.Flow != (flow.ID{}) {
		values["f"] = in.Flow.String()
	}
	for _, v := range h.declaring(name) {
		r, raw, err := v.show(ctx, values, body)
		if err != nil {
			return view.Rendered{}, fmt.Errorf("script %s: %w", v.path, err)
		}
		if r.View != "" {
			return view.Rendered{View: r.View, Syntax: r.Syntax, Text: string(raw), Editable: r.Editable}, nil
		}
	}
	return view.Rendered{}, nil
}

// Encode makes a body of what a script's view has shown and a person has changed.
func (h *Host) Encode(ctx context.Context, name, text string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, viewWait, errors.New("it has not answered in time"))
	defer cancel()
	declaring := h.declaring(name)
	if len(declaring) == 0 {
		return nil, &view.UnknownError{Name: name, Others: h.Names()}
	}
	v := declaring[0]
	_, raw, err := v.show(ctx, map[string]any{"n": name, "enc": true, "f": ""}, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", v.path, err)
	}
	return raw, nil
}

func (v *version) show(ctx context.Context, values map[string]any, body []byte) (*ret, []byte, error) {
	p, err := v.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, raw, err := p.ask(ctx, "view", values, body)
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, raw, err
}
