package flowview

import (
	"fmt"
	"strings"

	"midstream/flow"
)

// opening says how a client opened its HTTP/2 connection.
func (p *page) opening(f *flow.Flow) {
	if f.Client == nil || f.Client.HTTP2 == nil {
		return
	}
	o := f.Client.HTTP2
	var settings []string
	for _, s := range o.Settings {
		settings = append(settings, fmt.Sprintf("%s %d", s.Name(), s.Value))
	}
	p.line("          HTTP/2 settings: %s", strings.Join(settings, ", "))
	p.line("          HTTP/2 window update: %d", o.Window)
	for i := range o.Priorities {
		p.line("          HTTP/2 priority: stream %d %s", o.Priorities[i].Stream, dependence(&o.Priorities[i]))
	}
	pseudos := ""
	if f.Request != nil {
		pseudos = f.Request.Pseudos
	}
	p.line("          HTTP/2 fingerprint: %s", o.Fingerprint(pseudos))
}

func dependence(p *flow.Priority) string {
	text := fmt.Sprintf("depends on %d, weight %d", p.DependsOn, int(p.Weight)+1)
	if p.Exclusive {
		text += ", exclusively"
	}
	return text
}

// asFramed says what an HTTP/2 head has beyond its fields.
func (p *page) asFramed(r *flow.Request) {
	if r.Pseudos == "" {
		return
	}
	p.line("  pseudo-fields in the order %s", strings.Join(r.PseudoNames(), " "))
	if r.Priority != nil {
		p.line("  priority: %s", dependence(r.Priority))
	}
	var never []string
	for _, f := range r.Fields {
		if f.NeverIndexed {
			never = append(never, f.Name)
		}
	}
	if never != nil {
		p.line("  never indexed: %s", strings.Join(never, ", "))
	}
}
