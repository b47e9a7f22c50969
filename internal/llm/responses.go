package llm

import (
	"strconv"
	"strings"
)

// responses reads OpenAI Responses, and Realtime, whose events are alike.
type responses struct {
	realtime bool
}

func (r *responses) name() string {
	if r.realtime {
		return "openai-realtime"
	}
	return "openai-responses"
}

// place names the part of an item that an event is about.
func place(v value) string {
	return strconv.FormatInt(v.get("output_index").int(), 10) + "." + strconv.FormatInt(v.first("content_index", "summary_index").int(), 10)
}

func itemKey(v value) string { return strconv.FormatInt(v.get("output_index").int(), 10) }

func (r *responses) event(s *state, e event) {
	v := e.json
	if !v.object() {
		if !strings.HasPrefix(e.data, "[DONE]") {
			s.counts.Unread++
		}
		return
	}
	if v.get("object").str() == "response" {
		r.whole(s, v)
		s.end = "one object"
		return
	}
	kind := v.get("type").str()
	if r.realtime {
		s.name(v.get("response", "id"), v.get("session", "model"))
	}
	switch kind {
	case "error":
		if inner := v.get("error"); inner.object() {
			s.fail(inner)
		} else {
			s.fail(v)
		}
	case "response.created", "response.queued", "response.in_progress":
		s.name(v.get("response", "id"), v.get("response", "model"))
	case "response.completed", "response.incomplete", "response.failed", "response.done":
		r.whole(s, v.get("response"))
		s.end = kind
	case "response.output_item.added":
		r.item(s, v, false)
	case "response.output_item.done":
		r.item(s, v, true)
	case "response.output_text.annotation.added", "response.output_text_annotation.added":
		s.out(0).cite(v.get("annotation").v)
	case "response.audio.delta", "response.output_audio.delta":
		s.out(0).sound(v.get("delta").str())
	default:
		r.piece(s, kind, v)
	}
}

// piece takes a delta, or the event that repeats the whole of them.
func (r *responses) piece(s *state, kind string, v value) {
	base, done := strings.CutSuffix(kind, ".done")
	if !done {
		var is bool
		if base, is = strings.CutSuffix(kind, ".delta"); !is {
			return
		}
	}
	o, text := s.out(0), v.first("delta", "text", "transcript", "refusal", "arguments", "input", "code").str()
	var b *buffer
	switch base {
	case "response.output_text", "response.text", "response.audio.transcript", "response.audio_transcript", "response.output_audio_transcript":
		if !done {
			o.text(place(v), text)
			return
		}
		b = s.find(&o.texts, place(v))
	case "response.refusal":
		if !done {
			o.refuse(text)
			return
		}
		b = &o.refusal
	case "response.reasoning_summary_text", "response.reasoning_text":
		key := base + place(v)
		if !done {
			o.reason(key, text)
			return
		}
		b = s.find(&o.reasonings, key)
	case "response.function_call_arguments", "response.custom_tool_call_input", "response.mcp_call_arguments", "response.code_interpreter_call_code":
		c := o.call(itemKey(v))
		if !done {
			c.argue(text)
			return
		}
		c.hasText = true
		c.called("", v.get("name").str())
		b = &c.arguments
	default:
		return
	}
	b.set(text)
}

// item takes what is known of an item when it begins or when it is done. Those
// that are calls of tools of the server's own have no arguments.
func (r *responses) item(s *state, v value, done bool) {
	item := v.get("item")
	switch kind := item.get("type").str(); {
	case kind == "message":
		if role := item.get("role").str(); role != "" {
			s.out(0).role = role
		}
	case strings.HasSuffix(kind, "_call"):
		c := s.out(0).call(itemKey(v))
		name := item.get("name").str()
		if name == "" {
			name = strings.TrimSuffix(kind, "_call")
		}
		c.called(item.first("call_id", "id").str(), name)
		if text := item.first("arguments", "input", "code").str(); done && text != "" {
			c.hasText = true
			c.arguments.set(text)
		} else if kind == "function_call" || kind == "custom_tool_call" || kind == "mcp_call" {
			c.hasText = true
		}
		if out := item.get("output"); done && !out.null() {
			c.output = out
		}
	}
}

// whole takes a response object: how it ended, and of one that came without its
// pieces what is in it.
func (r *responses) whole(s *state, v value) {
	s.name(v.get("id"), v.get("model"))
	s.fail(v.get("error"))
	o := s.out(0)
	o.finish = v.get("status").str()
	if len(o.texts) == 0 && len(o.calls) == 0 && len(o.reasonings) == 0 {
		for i, one := range v.get("output").list() {
			item := value{one}
			key := strconv.Itoa(i)
			for _, p := range item.get("content").list() {
				o.text(key, value{p}.first("text", "transcript").str())
				o.refuse(value{p}.get("refusal").str())
				for _, a := range (value{p}).get("annotations").list() {
					o.cite(a)
				}
			}
			for _, p := range item.get("summary").list() {
				o.reason(key, value{p}.get("text").str())
			}
			r.item(s, value{map[string]any{"item": one, "output_index": number(i)}}, true)
		}
	}
	if u := v.get("usage"); u.object() {
		s.usage = &Usage{Input: u.get("input_tokens").int(), Output: u.get("output_tokens").int(),
			Cached:    u.first("input_tokens_details", "input_token_details").get("cached_tokens").int(),
			Reasoning: u.first("output_tokens_details", "output_token_details").get("reasoning_tokens").int()}
	}
}
