package instance

import (
	"strings"
	"sync"

	"midstream/internal/addons/injection"
	"midstream/internal/addons/intercept"
	"midstream/internal/option"
	"midstream/internal/query"
)

// isIntercept tells whether an option is looked at by setIntercept.
func isIntercept(name string) bool {
	return strings.HasPrefix(name, "intercept") || name == "view_filter"
}

// setIntercept checks the filters of front ends, and makes the intercept as the options say now. A filter alone makes it
// active; intercept_active counts where somebody has set it.
func (in *Instance) setIntercept() error {
	text, _ := in.opts.OptionalString("intercept")
	if s, _ := in.opts.Lookup("intercept_active"); s.Source != option.Default && s.Value != true {
		text = ""
	}
	var filter *query.Filter
	if text != "" {
		var err error
		if filter, err = query.Parse(text, in.cfg.Case); err != nil {
			return usage("option intercept: %w", err)
		}
	}
	if text, set := in.opts.OptionalString("view_filter"); set {
		if _, err := query.Parse(text, in.cfg.Case); err != nil {
			return usage("option view_filter: %w", err)
		}
	}
	in.intercept.Set(filter, in.opts.Duration("intercept_timeout"))
	return nil
}

// Attach tells that a front end is there, which may let go what is held and put
// messages into connections that begin from now on; the function returned, that it has
// left.
func (c Control) Attach() (leave func()) {
	in := c.in
	if in.attached.Add(1) == 1 {
		in.rebuild()
	}
	released := in.intercept.Attach()
	return sync.OnceFunc(func() {
		released()
		if in.attached.Add(-1) == 0 {
			in.rebuild()
		}
	})
}

// Injection puts messages into connections.
func (c Control) Injection() *injection.Sender { return &c.in.injection }

// Intercept is what holds flows.
func (c Control) Intercept() *intercept.Intercept { return c.in.intercept }
