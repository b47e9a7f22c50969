package replay

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/store"
)

// past is an Item that passes once more; it is its engine.Past.
type past struct {
	it    *format.Item
	store *store.Store // nil keeps no record
	clock [2]atomic.Int64
}

var _ engine.Past = (*past)(nil)

func newPast(it *format.Item, s *store.Store) *past {
	p := &past{it: it, store: s}
	f := it.Flow
	for side, m := range []*flow.Message{requestOf(f), responseOf(f)} {
		at := f.Start
		switch {
		case m == nil:
		case !m.End.IsZero():
			at = m.End
		case !m.Start.IsZero():
			at = m.Start
		}
		p.clock[side].Store(begin(at).UnixNano())
	}
	return p
}

// begin is a time that a record can begin at.
func begin(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

func requestOf(f *flow.Flow) *flow.Message {
	if f.Request == nil {
		return nil
	}
	return &f.Request.Message
}

func responseOf(f *flow.Flow) *flow.Message {
	if f.Response == nil {
		return nil
	}
	return &f.Response.Message
}

func (p *past) Record() engine.Record {
	if p.store == nil {
		return nil
	}
	return p.store.StartAt(begin(p.it.Flow.Start))
}

// At reads the clock of a side, which whoever reads what it sent sets.
func (p *past) At(side flow.Side) time.Time { return time.Unix(0, p.clock[side].Load()).UTC() }

func (p *past) Seed(x *hook.Exchange) {
	f := p.it.Flow
	x.ID, x.Server, x.Marker, x.Comment, x.Metadata, x.Replayed = f.ID, f.Server, f.Marker, f.Comment, maps.Clone(f.Metadata), f.Replayed
	for _, g := range f.Findings {
		x.Find(g.Code, g.Text)
	}
}

func (p *past) Missing(side flow.Side) bool {
	return !switched(p.it.Flow) && p.it.Bodies[side] == nil && (side == flow.ToServer || p.it.Flow.Response != nil)
}

// Picture gives f the times, connections and facts of the flow of earlier, and
// leaves what hooks have made of it.
func (p *past) Picture(f *flow.Flow) {
	old := p.it.Flow
	f.ID, f.Client, f.Start = old.ID, old.Client, begin(old.Start)
	f.Server, f.Tries, f.Interim, f.Carried, f.Replayed = old.Server, old.Tries, old.Interim, old.Carried, old.Replayed
	if f.RPC == nil {
		f.RPC = old.RPC
	}
	if f.Kind == flow.TCP {
		f.Findings = with(old.Findings, f.Findings)
	}
	p.times(f)
	if f.Live() {
		f.End = p.At(flow.ToClient) // as far as it has come
		if at := p.At(flow.ToServer); at.After(f.End) {
			f.End = at
		}
		return
	}
	if f.End = old.End; f.End.Before(f.Start) {
		f.End = f.Start
	}
	keepBody(&f.RequestBody, &old.RequestBody)
	keepBody(&f.ResponseBody, &old.ResponseBody)
	p.outcome(f)
}

// with is list without what is in old, behind old.
func with(old, list []flow.Finding) []flow.Finding {
	all := slices.Clone(old)
	for _, g := range list {
		if !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

// times gives the heads their own times. Pictures share heads: they are copied.
func (p *past) times(f *flow.Flow) {
	old := p.it.Flow
	if r := f.Request; r != nil && old.Request != nil {
		c := *r
		c.Start = old.Request.Start
		if !c.End.IsZero() {
			c.End = old.Request.End
		}
		f.Request = &c
	}
	if r := f.Response; r != nil {
		c := *r
		start, end := old.End, old.End
		if old.Response != nil {
			start, end = old.Response.Start, old.Response.End
		}
		c.Start = start
		if !c.End.IsZero() {
			c.End = end
		}
		f.Response = &c
	}
}

// keepBody leaves what was said of a body that has passed as it was.
func keepBody(b, old *flow.Body) {
	switch {
	case old.Record == flow.Cut && b.Sent == old.Recorded, old.Sent == b.Sent, old.Disposition == flow.Pass && b.Disposition == flow.Pass:
	default:
		b.Transformed = b.Transformed || old.Transformed
		return
	}
	fresh := *b
	*b = *old
	b.Transformed = fresh.Transformed || old.Transformed
	b.Messages = max(fresh.Messages, old.Messages)
	if fresh.Record == flow.Cut || old.Record == flow.Complete || old.Record == flow.Recording || fresh.Record == flow.Unrecorded && old.Recorded > 0 {
		b.Record, b.Recorded, b.Removed, b.CutReason = fresh.Record, fresh.Recorded, 0, fresh.CutReason
	}
}

// outcome is how the flow ended the first time, unless it ended in another way now.
func (p *past) outcome(f *flow.Flow) {
	old := p.it.Flow
	was := old.Outcome
	if was.Kind == flow.Running {
		was = flow.Outcome{Kind: flow.Interrupt, Bytes: old.ResponseBody.Sent, Text: "it was still running when it was copied"}
	}
	now := f.Outcome.Kind
	if now == flow.Completed && (old.Response != nil || f.Kind != flow.HTTP) || now == was.Kind || now == outcomeOf(failure(was)) {
		f.Outcome = was
	}
}

// outcomeOf is what the engine makes of a failure of the first exchange.
func outcomeOf(e *flow.Error) flow.OutcomeKind {
	if e.Peer == flow.AtServer && e.Phase == flow.InBody && e.Cause == flow.Unspecified {
		return flow.ServerCut
	}
	return flow.Failed
}
