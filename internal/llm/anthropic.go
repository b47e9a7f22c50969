package llm

import "strconv"

// anthropic reads Anthropic messages.
type anthropic struct{}

func (*anthropic) name() string { return "anthropic" }

func (a *anthropic) event(s *state, e event) {
	v := e.json
	if !v.object() {
		s.counts.Unread++
		return
	}
	key := strconv.FormatInt(v.get("index").int(), 10)
	switch v.get("type").str() {
	case "message_start":
		m := v.get("message")
		s.name(m.get("id"), m.get("model"))
		if role := m.get("role").str(); role != "" {
			s.out(0).role = role
		}
		a.usage(s, m.get("usage"))
	case "message": // the whole of one that was not streamed
		s.name(v.get("id"), v.get("model"))
		for i, b := range v.get("content").list() {
			a.block(s, strconv.Itoa(i), value{b})
		}
		s.out(0).finish = v.get("stop_reason").str()
		a.usage(s, v.get("usage"))
		s.end = "one object"
	case "content_block_start":
		a.block(s, key, v.get("content_block"))
	case "content_block_delta":
		a.delta(s, key, v.get("delta"))
	case "message_delta":
		if reason := v.get("delta", "stop_reason").str(); reason != "" {
			s.out(0).finish = reason
		}
		a.usage(s, v.get("usage"))
	case "message_stop":
		s.end = "message_stop"
	case "ping":
		s.counts.Pings++
	case "error":
		s.fail(v.get("error"))
	}
}

func (a *anthropic) block(s *state, key string, b value) {
	o := s.out(0)
	switch b.get("type").str() {
	case "text":
		o.text(key, b.get("text").str())
		for _, c := range b.get("citations").list() {
			o.cite(c)
		}
	case "thinking":
		o.reason(key, b.get("thinking").str())
	case "tool_use", "server_tool_use", "mcp_tool_use":
		c := o.call(key)
		c.called(b.get("id").str(), b.get("name").str())
		c.hasText = true
		if in, _ := b.get("input").v.(map[string]any); len(in) > 0 {
			c.argue(b.get("input").text())
		}
	default:
		// A result of a tool comes whole.
		if id := b.get("tool_use_id").str(); id != "" {
			for _, c := range o.calls {
				if c.id == id {
					c.output = b.get("content")
				}
			}
		}
	}
}

func (a *anthropic) delta(s *state, key string, d value) {
	o := s.out(0)
	switch d.get("type").str() {
	case "text_delta":
		o.text(key, d.get("text").str())
	case "thinking_delta":
		o.reason(key, d.get("thinking").str())
	case "input_json_delta":
		o.call(key).argue(d.get("partial_json").str())
	case "citations_delta":
		o.cite(d.get("citation").v)
	}
}

// usage takes counts, each of which stands for all before it.
func (a *anthropic) usage(s *state, u value) {
	if !u.object() {
		return
	}
	if s.usage == nil {
		s.usage = &Usage{}
	}
	for name, to := range map[string]*int64{"input_tokens": &s.usage.Input, "output_tokens": &s.usage.Output, "cache_read_input_tokens": &s.usage.Cached} {
		if n, ok := u.get(name).num(); ok {
			*to = n
		}
	}
}
