package compare

import (
	"slices"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/query"
)

// comparison is one pair while it is looked at.
type comparison struct {
	Options
	a, b  *format.Item
	found []Difference
}

// maxFound bounds what is listed of a pair.
const maxFound = 200

func (c *comparison) add(d Difference) {
	if len(c.found) < maxFound {
		c.found = append(c.found, d)
	}
}

func (c *comparison) value(what, name, a, b string) {
	if a != b {
		c.add(Difference{What: what, Name: name, A: a, B: b})
	}
}

func (c *comparison) run() error {
	a, b := c.a.Flow, c.b.Flow
	c.value("kind", "", a.Kind.String(), b.Kind.String())
	if a.Kind != b.Kind {
		return nil
	}
	if a.Request != nil && b.Request != nil {
		c.value("method", "", a.Request.Method, b.Request.Method)
		c.value("URL", "", a.Request.DisplayURL(), b.Request.DisplayURL())
		c.message("request", &a.Request.Message, &b.Request.Message)
	}
	if (a.Response == nil) != (b.Response == nil) {
		c.value("response", "", there(a.Response), there(b.Response))
	} else if a.Response != nil {
		c.value("status", "", strconv.Itoa(a.Response.Status), strconv.Itoa(b.Response.Status))
		if c.Exact {
			c.value("reason", "", a.Response.Reason, b.Response.Reason)
		}
		c.message("response", &a.Response.Message, &b.Response.Message)
	}
	c.value("outcome", "", a.Outcome.Kind.String(), b.Outcome.Kind.String())
	if query.IsWebSocket(a) && query.IsWebSocket(b) {
		return c.messages()
	}
	for side := range c.a.Bodies {
		if err := c.body(flow.Side(side)); err != nil {
			return err
		}
	}
	return nil
}

func there(r *flow.Response) string {
	if r == nil {
		return "none"
	}
	return strconv.Itoa(r.Status)
}

func (c *comparison) message(what string, a, b *flow.Message) {
	c.value(what+" version", "", a.Version.String(), b.Version.String())
	c.fields(what+" field", a.Fields, b.Fields)
	c.fields(what+" trailer", a.Trailers, b.Trailers)
}

// fields compares field lines; where order does not count, those of each name keep
// theirs, for it means something (RFC 9110 section 5.3).
func (c *comparison) fields(what string, a, b flow.Fields) {
	a, b = c.counting(a), c.counting(b)
	if c.Exact {
		if !a.Equal(b) {
			c.add(Difference{What: what + "s", Text: unified(block(a), block(b))})
		}
		return
	}
	for _, name := range namesOf(a, b) {
		c.value(what, name, strings.Join(a.Values(name), ", "), strings.Join(b.Values(name), ", "))
	}
}

func (c *comparison) counting(fs flow.Fields) flow.Fields {
	return slices.DeleteFunc(fs.Clone(), func(f flow.Field) bool {
		return slices.ContainsFunc(c.Ignore, func(name string) bool { return flow.EqualFold(name, f.Name) })
	})
}

// namesOf are the names of both, each once, as they come first.
func namesOf(lists ...flow.Fields) (names []string) {
	seen := make(map[string]bool)
	for _, fs := range lists {
		for _, f := range fs {
			if k := strings.ToLower(f.Name); !seen[k] {
				seen[k] = true
				names = append(names, f.Name)
			}
		}
	}
	return names
}

func block(fs flow.Fields) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}
