package llm

import "strconv"

// cohere reads Cohere's chat, version 2.
type cohere struct{}

func (*cohere) name() string { return "cohere" }

func (*cohere) event(s *state, e event) {
	v := e.json
	if !v.object() {
		return
	}
	o, key := s.out(0), strconv.FormatInt(v.get("index").int(), 10)
	d := v.get("delta")
	m := d.get("message")
	switch v.get("type").str() {
	case "message-start":
		s.name(v.get("id"), value{})
		if role := m.get("role").str(); role != "" {
			o.role = role
		}
	case "content-start", "content-delta":
		o.text(key, m.get("content", "text").str())
		o.reason(key, m.get("content", "thinking").str())
	case "tool-plan-delta":
		o.reason("plan", m.get("tool_plan").str())
	case "tool-call-start", "tool-call-delta":
		t, c := m.get("tool_calls"), o.call(key)
		c.called(t.get("id").str(), t.get("function", "name").str())
		c.argue(t.get("function", "arguments").str())
	case "citation-start":
		if c := m.get("citations"); c.object() {
			o.cite(c.v)
		}
	case "message-end":
		s.end = "message-end"
		o.finish = d.get("finish_reason").str()
		s.fail(d.get("error"))
		u := d.get("usage").first("tokens", "billed_units")
		if u.object() {
			s.usage = &Usage{Input: u.get("input_tokens").int(), Output: u.get("output_tokens").int(), Cached: d.get("usage", "cached_tokens").int()}
		}
	}
}
