package api

import (
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/addons/intercept"
)

// tokenMarks are the octets of a token besides letters and digits (RFC 9110
// section 5.6.2).
const tokenMarks = "!#$%&'*+-.^_`|~"

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(tokenMarks, c) >= 0) {
			return false
		}
	}
	return s != ""
}

// fieldsOf reads fields that a person has written.
func fieldsOf(list [][2]string) (flow.Fields, error) {
	fields := make(flow.Fields, 0, len(list))
	for _, f := range list {
		if !isToken(f[0]) {
			return nil, badRequest("%q is not the name of a field: it has letters, digits and %s", f[0], tokenMarks)
		}
		if strings.ContainsAny(f[1], "\r\n\x00") {
			return nil, badRequest("the value of field %s has a line break or a NUL in it", f[0])
		}
		fields.Add(f[0], f[1])
	}
	return fields, nil
}

// unchanged keeps the wire form of the fields that are as they were.
func unchanged(now, before flow.Fields) flow.Fields {
	for i := range now {
		for _, old := range before {
			if now[i].Name == old.Name && now[i].Value == old.Value {
				now[i] = old
				break
			}
		}
	}
	return now
}

// apply changes a held flow, wholly or not at all.
func (e *Edit) apply(p *intercept.Parked) error {
	if e.Message != nil && p.Message == nil || p.Message != nil && (e.Request != nil || e.Response != nil || e.Body != nil) ||
		p.Stage == intercept.Request && e.Response != nil || p.Stage == intercept.Response && e.Request != nil {
		return conflict("the flow is held at a %s: only that can be changed now", p.Stage)
	}
	if e.Message != nil {
		return e.Message.apply(p.Message)
	}
	var content []byte
	if e.Body != nil {
		if p.Body == nil {
			return conflict("the body is not held: it passes when the flow goes on")
		}
		var err error
		if content, err = e.Body.octets(); err != nil {
			return err
		}
	}
	var err error
	switch x := p.Exchange; {
	case p.Stage == intercept.Request && e.Request != nil:
		err = e.Request.ofRequest(x.Request)
	case p.Stage == intercept.Response && e.Response != nil:
		err = e.Response.ofResponse(x.Response)
	}
	if err != nil {
		return err
	}
	if e.Body != nil && (content != nil || e.Body.Text != nil) {
		if err := p.Body.SetContent(content); err != nil {
			return conflict("change the body: %v", err)
		}
	}
	return nil
}

// parsed are the fields of a head that a person has written.
func (h *Head) parsed() (fields, trailers flow.Fields, err error) {
	if h.Fields != nil {
		if fields, err = fieldsOf(*h.Fields); err != nil {
			return nil, nil, err
		}
	}
	if h.Trailers != nil {
		trailers, err = fieldsOf(*h.Trailers)
	}
	return fields, trailers, err
}

// put changes the fields of m.
func (h *Head) put(m *flow.Message, fields, trailers flow.Fields) {
	if h.Fields != nil {
		m.Fields = unchanged(fields, m.Fields)
	}
	if h.Trailers != nil {
		m.Trailers = unchanged(trailers, m.Trailers)
	}
}

// ofRequest changes the head of a request, wholly or not at all.
func (h *Head) ofRequest(r *hook.Request) error {
	fields, trailers, err := h.parsed()
	if err != nil {
		return err
	}
	if h.Status != nil || h.Reason != nil {
		return badRequest("a request has no status")
	}
	if h.Method != nil && !isToken(*h.Method) {
		return badRequest("%q is not a method", *h.Method)
	}
	if h.URL != nil && *h.URL != r.DisplayURL() {
		if strings.ContainsAny(*h.URL, " \r\n\x00\t") {
			return badRequest("url: it has white space in it: write %%20 for a space")
		}
		if err := hook.NewRequest(*r.Request.Clone()).SetURL(*h.URL); err != nil {
			return badRequest("url: %v", err)
		}
		// Host follows the URL, also where the fields say what it was.
		defer func() { _ = r.SetURL(*h.URL) }()
	}
	if h.Method != nil {
		r.Method = *h.Method
	}
	h.put(&r.Message, fields, trailers)
	return nil
}

// ofResponse changes the head of a response, wholly or not at all.
func (h *Head) ofResponse(r *hook.Response) error {
	fields, trailers, err := h.parsed()
	if err != nil {
		return err
	}
	switch {
	case h.Method != nil || h.URL != nil:
		return badRequest("a response has no method and no url")
	case h.Status != nil && (*h.Status < 200 || *h.Status > 999):
		return badRequest("status %d: a final response has one from 200", *h.Status)
	case h.Reason != nil && strings.ContainsAny(*h.Reason, "\r\n\x00"):
		return badRequest("the reason has a line break or a NUL in it")
	}
	if h.Status != nil {
		r.Status = *h.Status
	}
	if h.Reason != nil {
		r.Reason = *h.Reason
	}
	h.put(&r.Message, fields, trailers)
	return nil
}

// apply changes a message.
func (h *HeldMessage) apply(m *intercept.Message) error {
	content, err := h.octets()
	if err != nil {
		return err
	}
	for _, s := range []*string{h.Event, h.ID, h.Retry} {
		if s != nil && strings.ContainsAny(*s, "\r\n") {
			return badRequest("event, id and retry of an event have no line breaks")
		}
	}
	e := m.Event()
	if e == nil && (h.Event != nil || h.ID != nil || h.Retry != nil || h.Comment != nil) {
		return badRequest("only server-sent events have event, id, retry and comment")
	}
	if content != nil || h.Text != nil {
		m.SetContent(content)
	}
	if h.Event != nil {
		e.Event = *h.Event
	}
	if h.ID != nil {
		e.ID = *h.ID
	}
	if h.Retry != nil {
		e.Retry = *h.Retry
	}
	if h.Comment != nil {
		e.Comment = *h.Comment
	}
	return nil
}
