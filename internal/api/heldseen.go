package api

import (
	"midstream/flow"
	"midstream/internal/addons/intercept"
	"midstream/internal/redaction"
)

// seenOf is what may be seen of the heads of a held flow; live is nil where nothing
// is replaced.
func seenOf(p *intercept.Parked, r *redaction.Redactor) (live *redaction.Live, f *flow.Flow) {
	f = &flow.Flow{}
	if x := p.Exchange; x.TCP == nil {
		f.Request = &x.Request.Request
		if x.Response != nil {
			f.Response = &x.Response.Response
		}
	}
	if r == nil {
		return nil, f
	}
	return r.Live(f)
}

// held is the message of the head that a flow is held at, and its side.
func heldAt(p *intercept.Parked, f *flow.Flow) (*flow.Message, flow.Side) {
	switch {
	case p.Stage == intercept.Response && f.Response != nil:
		return &f.Response.Message, flow.ToClient
	case f.Request != nil:
		return &f.Request.Message, flow.ToServer
	}
	return &flow.Message{}, flow.ToServer
}

// seenBody is what may be seen of a held body.
func seenBody(p *intercept.Parked, r *redaction.Redactor, content []byte) []byte {
	live, _ := seenOf(p, r)
	if live == nil {
		return content
	}
	m, side := liveHead(p)
	return live.Content(side, m.Fields, content)
}

// liveHead is the head that a flow is held at, as it is.
func liveHead(p *intercept.Parked) (*flow.Message, flow.Side) {
	_, f := seenOf(p, nil)
	return heldAt(p, f)
}

// back puts into an edit what a person has left as it was shown.
func (e *Edit) back(p *intercept.Parked, r *redaction.Redactor) {
	live, shown := seenOf(p, r)
	if live == nil {
		return
	}
	now, side := liveHead(p)
	before, _ := heldAt(p, shown)
	for _, h := range [...]*Head{e.Request, e.Response} {
		if h == nil {
			continue
		}
		h.Fields = backPairs(live, h.Fields, now.Fields, before.Fields)
		h.Trailers = backPairs(live, h.Trailers, now.Trailers, before.Trailers)
		if h.URL != nil && shown.Request != nil {
			url := live.Back(*h.URL, redaction.InURL)
			if *h.URL == shown.Request.DisplayURL() {
				url = p.Exchange.Request.DisplayURL()
			}
			h.URL = &url
		}
		if h.Reason != nil {
			h.Reason = new(live.Back(*h.Reason, redaction.AsItIs))
		}
	}
	if e.Body != nil && e.Body.Text != nil && p.Body != nil {
		if content, err := p.Body.Content(); err == nil {
			live.Content(side, now.Fields, content)
			as := redaction.Guessed
			if flow.EqualFold(now.Fields.Get("Content-Type"), "application/x-www-form-urlencoded") {
				as = redaction.InURL
			}
			e.Body.Text = new(live.Back(*e.Body.Text, as))
		}
	}
	if m := e.Message; m != nil && p.Message != nil {
		live.Message(p.Message.Content())
		for _, s := range []**string{&m.Text, &m.Event, &m.ID, &m.Retry, &m.Comment} {
			if *s != nil {
				*s = new(live.Back(**s, redaction.Guessed))
			}
		}
	}
}

func backPairs(live *redaction.Live, list *[][2]string, now, before flow.Fields) *[][2]string {
	if list == nil {
		return nil
	}
	edited := make(flow.Fields, 0, len(*list))
	for _, f := range *list {
		edited.Add(f[0], f[1])
	}
	return pairs(live.Fields(edited, now, before))
}
