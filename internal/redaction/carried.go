package redaction

import (
	"slices"
	"strings"

	"midstream/flow"
)

// Carried collects by their names which credentials flows have in their heads. The
// zero value has none.
type Carried struct {
	names []string
}

// mostCarried bounds the names that are told of.
const mostCarried = 16

// known are the rules that always hold.
var known = Default()

// Add looks at a flow.
func (c *Carried) Add(f *flow.Flow) {
	if len(c.names) == mostCarried {
		return
	}
	if r := f.Request; r != nil {
		c.fields(r.Fields)
		c.fields(r.Trailers)
		c.query(r.Path)
	}
	if r := f.Response; r != nil {
		c.fields(r.Fields)
		c.fields(r.Trailers)
	}
	for i := range f.Interim {
		c.fields(f.Interim[i].Fields)
	}
}

func (c *Carried) fields(fields flow.Fields) {
	for i := range fields {
		if v := fields[i].Value; v != "" && !isTag(v) && known.field(fields[i].Name) {
			c.name(strings.ToLower(fields[i].Name))
		}
	}
}

func (c *Carried) query(target string) {
	_, query, _ := strings.Cut(target, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" && !isTag(value) && known.param(unescapeQuery(name)) {
			c.name(strings.ToLower(name) + " in the query")
		}
	}
}

func (c *Carried) name(s string) {
	if len(s) > 60 {
		s = s[:60]
	}
	if len(c.names) < mostCarried && !slices.Contains(c.names, s) {
		c.names = append(c.names, s)
	}
}

// Names are what was found, in the order of its appearance.
func (c *Carried) Names() []string { return c.names }

// Text says it in one line, "" where nothing was found.
func (c *Carried) Text() string {
	if len(c.names) == 0 {
		return ""
	}
	return "it carries what lets others in: " + strings.Join(c.names, ", ") + "; look at it before you hand it on, or write it with --redact"
}
