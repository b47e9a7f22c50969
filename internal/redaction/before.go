package redaction

import (
	"slices"

	"midstream/flow"
	"midstream/internal/engine"
)

// before is what hooks changed of p as it may be seen; mu is not held.
func (f *Flow) before(p *flow.Flow) *flow.Before {
	if p.Before == nil {
		return nil
	}
	b := *p.Before
	requested, answered := b.Heads(p)
	if requested != nil {
		b.RequestBody = f.original(flow.ToServer, requested.Fields, b.RequestBody)
	}
	if answered != nil {
		b.ResponseBody = f.original(flow.ToClient, answered.Fields, b.ResponseBody)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hand("what is said of it")
	b.By = slices.Clone(b.By)
	for i := range b.By {
		b.By[i] = h.text(b.By[i])
	}
	if b.Request != nil {
		b.Request = f.requestHead(b.Request)
	}
	if b.Response != nil {
		b.Response = f.responseHead(b.Response, "the response head")
	}
	return &b
}

// original is a body as it may be seen. Its sum is left out: candidates could be
// tried with it.
func (f *Flow) original(side flow.Side, fields flow.Fields, o *flow.Original) *flow.Original {
	if o == nil {
		return nil
	}
	seen := &flow.Original{Size: o.Size}
	if o.Octets == nil {
		return seen
	}
	own := &Flow{r: f.r} // what is said of the record is said of what was sent
	by := own.Body(engine.Content{Side: side, Fields: fields})
	if by == nil {
		seen.Octets = o.Octets
		return seen
	}
	keep := func(p []byte) { seen.Octets = append(seen.Octets, p...) }
	by.Write(o.Octets, keep)
	by.End(true, keep)
	if by.Err() != nil {
		seen.Octets = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, place := range own.places {
		f.place(place)
	}
	return seen
}
