package redaction

import (
	"slices"
	"strconv"
	"strings"

	"midstream/flow"
)

// texts replaces what may be a credential in what is said about a flow. mu is held.
func (f *Flow) texts(c *flow.Flow) {
	h := f.hand("what is said of it")
	text := func(s string) string {
		if s == "" {
			return ""
		}
		return f.r.seen.hide(f.own.hide(h.text(s)))
	}
	c.Client, c.Server = conn(c.Client, h), conn(c.Server, h)
	for _, b := range [...]*flow.Body{&c.RequestBody, &c.ResponseBody} {
		b.Reason, b.CutReason = text(b.Reason), text(b.CutReason)
		if len(b.Changes) > 0 {
			b.Changes = slices.Clone(b.Changes)
			for i := range b.Changes {
				b.Changes[i].Reason = text(b.Changes[i].Reason)
			}
		}
	}
	if len(c.Tries) > 0 {
		c.Tries = slices.Clone(c.Tries)
		for i := range c.Tries {
			c.Tries[i].Error, c.Tries[i].Address = text(c.Tries[i].Error), text(c.Tries[i].Address)
		}
	}
	if len(c.Findings) > 0 {
		c.Findings = slices.Clone(c.Findings)
		for i := range c.Findings {
			c.Findings[i].Text = text(c.Findings[i].Text)
		}
	}
	c.Outcome.Text = text(c.Outcome.Text)
	if c.RPC != nil {
		rpc := *c.RPC
		rpc.Message = text(rpc.Message)
		c.RPC = &rpc
	}
	c.Comment, c.Marker = text(c.Comment), text(c.Marker)
	if len(c.Metadata) > 0 {
		m := make(map[string]string, len(c.Metadata))
		for k, v := range c.Metadata {
			if f.r.rules.field(k) || f.r.rules.param(k) {
				v = string(h.replace([]byte(v)))
			}
			m[text(k)] = text(v)
		}
		c.Metadata = m
	}
	// What a file said beyond a flow is not read here, and so cannot be looked into.
	c.Carried = nil
}

// conn is a connection as it may be seen.
func conn(c *flow.Conn, h *hand) *flow.Conn {
	if c == nil {
		return nil
	}
	via, mode, address := h.address(c.Via), h.address(c.Mode), h.address(c.Address)
	if via == c.Via && mode == c.Mode && address == c.Address {
		return c
	}
	d := *c
	d.Via, d.Mode, d.Address = via, mode, address
	return &d
}

// lengths makes the lengths in the heads those of what was recorded.
func (f *Flow) lengths(c *flow.Flow) {
	if c.Request != nil && f.body[flow.ToServer] && wholly(&c.RequestBody) {
		if m, changed := resized(&c.Request.Message, c.RequestBody.Sent); changed {
			r := *c.Request
			r.Message = m
			c.Request = &r
		}
	}
	if c.Response != nil && f.body[flow.ToClient] && wholly(&c.ResponseBody) {
		if m, changed := resized(&c.Response.Message, c.ResponseBody.Sent); changed {
			r := *c.Response
			r.Message = m
			c.Response = &r
		}
	}
}

// wholly tells that a body was sent and recorded to its end.
func wholly(b *flow.Body) bool {
	return b.Disposition != flow.NoBody && b.Ended && b.Sent > 0 && b.CutReason == ""
}

func resized(m *flow.Message, n int64) (flow.Message, bool) {
	text := strconv.FormatInt(n, 10)
	if v, ok := m.Fields.Lookup("Content-Length"); !ok || v == text {
		return *m, false
	}
	c := *m
	c.Fields = m.Fields.Clone()
	c.Fields.Set("Content-Length", text)
	return c, true
}

// findings are those of c, with what was replaced and what was not kept.
func (f *Flow) findings(c *flow.Flow) []flow.Finding {
	list := slices.Clip(c.Findings)
	if len(f.places) > 0 && !slices.ContainsFunc(list, func(g flow.Finding) bool { return g.Code == Finding }) {
		list = append(list, flow.Finding{Code: Finding,
			Text: "credentials were replaced by " + tagBegin + "TAG] in " + strings.Join(f.places, ", ") + "; on the wire they passed as they were"})
	}
	for side, b := range [...]*flow.Body{&c.RequestBody, &c.ResponseBody} {
		if f.coded[side] && b.Sent > 0 && !slices.ContainsFunc(list, func(g flow.Finding) bool { return g.Code == Recoded }) {
			list = append(list, flow.Finding{Code: Recoded, Text: "the content coding of the " + flow.Side(side).String() +
				" body was taken off to look into it, and put on again: the octets that are recorded are not those that passed, though they say the same"})
		}
	}
	return list
}
