package llm

import (
	"strconv"

	"midstream/internal/message"
)

// converse reads the events of Bedrock's Converse.
type converse struct{ stopped bool }

func (*converse) name() string { return "bedrock-converse" }

// failAWS takes an exception, which stands in the headers of its message.
func (s *state) failAWS(m message.AWSMessage) {
	kind := m.Header(":exception-type")
	if kind == "" {
		kind = m.Header(":error-code")
	}
	text := m.Header(":error-message")
	if v, ok := parseValue(m.Payload); ok {
		if said := v.first("message", "Message").str(); said != "" {
			text = said
		}
	}
	s.fail(value{map[string]any{"type": kind, "message": text}})
}

func (c *converse) event(s *state, e event) {
	v := e.json
	key := strconv.FormatInt(v.get("contentBlockIndex").int(), 10)
	switch e.name {
	case "messageStart":
		if role := v.get("role").str(); role != "" {
			s.out(0).role = role
		}
	case "contentBlockStart":
		if t := v.get("start", "toolUse"); t.object() {
			k := s.out(0).call(key)
			k.called(t.get("toolUseId").str(), t.get("name").str())
			k.hasText = true
		}
	case "contentBlockDelta":
		o, d := s.out(0), v.get("delta")
		o.text(key, d.get("text").str())
		o.reason(key, d.get("reasoningContent", "text").str())
		if t := d.get("toolUse"); t.object() {
			o.call(key).argue(t.get("input").str())
		}
		if cite := d.get("citation"); cite.object() {
			o.cite(cite.v)
		}
	case "messageStop":
		s.out(0).finish, c.stopped = v.get("stopReason").str(), true
		s.end = "messageStop"
	case "metadata":
		if u := v.get("usage"); u.object() {
			s.usage = &Usage{Input: u.get("inputTokens").int(), Output: u.get("outputTokens").int(), Cached: u.get("cacheReadInputTokens").int()}
		}
		if c.stopped {
			s.end = "messageStop+metadata"
		}
	}
}
