package llm

import (
	"strconv"
	"strings"
)

// chat reads OpenAI chat completions and the many that speak them.
type chat struct {
	mistral bool
	open    map[int64]string // the key of the tool call that was opened last, by choice
	made    int64
}

func (c *chat) name() string {
	if c.mistral {
		return "mistral"
	}
	return "openai-chat"
}

func (c *chat) event(s *state, e event) {
	if strings.HasPrefix(strings.TrimSpace(e.data), "[DONE]") {
		s.end = "[DONE]"
		return
	}
	v := e.json
	if !v.object() {
		s.counts.Unread++
		return
	}
	s.name(v.get("id"), v.get("model"))
	s.fail(v.get("error"))
	for _, one := range v.get("choices").list() {
		c.choice(s, value{one})
	}
	if v.get("object").str() == "chat.completion" {
		s.end = "one object"
	}
	for _, u := range []value{v.get("usage"), v.get("x_groq", "usage")} {
		if u.object() {
			s.usage = &Usage{Input: u.get("prompt_tokens").int(), Output: u.get("completion_tokens").int(),
				Cached: u.get("prompt_tokens_details", "cached_tokens").int(), Reasoning: u.get("completion_tokens_details", "reasoning_tokens").int()}
		}
	}
}

func (c *chat) choice(s *state, v value) {
	d := v.first("delta", "message")
	if reason := v.get("finish_reason").str(); reason != "" {
		s.out(v.get("index").int()).finish = reason
	}
	if !d.object() {
		if text := v.get("text").str(); text != "" { // the older completions
			s.out(v.get("index").int()).text("", text)
		}
		return
	}
	o := s.out(v.get("index").int())
	if role := d.get("role").str(); role != "" {
		o.role = role
	}
	content := d.get("content")
	o.text("", content.str())
	for _, p := range content.list() {
		c.part(o, value{p})
	}
	// Gateways send the same under both names.
	o.reason("", d.first("reasoning_content", "reasoning").str())
	o.refuse(d.get("refusal").str())
	for _, a := range d.get("annotations").list() {
		o.cite(a)
	}
	if audio := d.get("audio"); audio.object() {
		o.sound(audio.get("data").str())
		o.text("", audio.get("transcript").str())
	}
	for _, t := range d.get("tool_calls").list() {
		c.tool(o, value{t})
	}
	if f := d.get("function_call"); f.object() {
		k := o.call("function_call")
		k.called("", f.get("name").str())
		k.argue(f.get("arguments").str())
	}
}

// part is one of the parts that a content may be a list of.
func (c *chat) part(o *output, p value) {
	switch p.get("type").str() {
	case "thinking":
		c.mistral = true
		o.reason("", p.get("thinking").str())
		for _, t := range p.get("thinking").list() {
			o.reason("", value{t}.get("text").str())
		}
	case "reference":
		o.cite(p.v)
	default:
		o.text("", p.get("text").str())
	}
}

// tool takes a piece of a tool call. Pieces are joined by index; without one by
// id, and without that they go on with the last.
func (c *chat) tool(o *output, t value) {
	if c.open == nil {
		c.open = map[int64]string{}
	}
	key, id := c.open[o.index], t.get("id").str()
	if n, ok := t.get("index").num(); ok {
		key = "i" + strconv.FormatInt(n, 10)
	} else if id != "" || key == "" {
		c.made++
		key = "n" + strconv.FormatInt(c.made, 10)
		if id != "" {
			key = "d" + id
		}
	}
	c.open[o.index] = key
	k := o.call(key)
	f := t.first("function", "custom")
	k.called(id, f.get("name").str())
	if a := f.first("arguments", "input"); a.object() {
		k.input = a
	} else {
		k.argue(a.str())
	}
}
