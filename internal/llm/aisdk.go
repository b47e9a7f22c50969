package llm

import (
	"strconv"
	"strings"
)

// uiStream reads the AI SDK's stream of messages for user interfaces.
type uiStream struct{ step int }

func (*uiStream) name() string { return "ai-sdk-ui" }

func (u *uiStream) event(s *state, e event) {
	if strings.HasPrefix(e.data, "[DONE]") {
		s.end = "[DONE]"
		return
	}
	v := e.json
	// The same id in another step is another part.
	o, key := s.out(0), strconv.Itoa(u.step)+"."+v.get("id").str()
	switch v.get("type").str() {
	case "start":
		s.name(v.get("messageId"), value{})
	case "start-step":
		u.step++
	case "text-delta":
		o.text(key, v.get("delta").str())
	case "reasoning-delta":
		o.reason(key, v.get("delta").str())
	case "tool-input-start":
		u.call(o, v).hasText = true
	case "tool-input-delta":
		u.call(o, v).argue(v.get("inputTextDelta").str())
	case "tool-input-available", "tool-input-error":
		u.call(o, v).input = v.get("input")
	case "tool-output-available":
		u.call(o, v).output = v.get("output")
	case "tool-output-error":
		u.call(o, v).output = v.get("errorText")
	case "source-url", "source-document":
		o.cite(v.v)
	case "finish":
		o.finish = v.get("finishReason").str()
	case "abort":
		o.finish = "abort"
	case "error":
		s.fail(v.get("errorText"))
	}
}

func (*uiStream) call(o *output, v value) *call {
	c := o.call(v.get("toolCallId").str())
	c.called(v.get("toolCallId").str(), v.get("toolName").str())
	return c
}

// dataStream reads its older stream of lines, each a letter and JSON.
type dataStream struct{}

func (*dataStream) name() string { return "ai-sdk-data" }

func (*dataStream) event(s *state, e event) {
	code, rest, ok := strings.Cut(e.data, ":")
	if !ok {
		s.counts.Unread++
		return
	}
	v, ok := parseValue([]byte(rest))
	if !ok {
		s.counts.Unread++
		return
	}
	o := s.out(0)
	call := func() *call {
		c := o.call(v.get("toolCallId").str())
		c.called(v.get("toolCallId").str(), v.get("toolName").str())
		return c
	}
	switch code {
	case "0":
		o.text("", v.str())
	case "g":
		o.reason("", v.str())
	case "h":
		o.cite(v.v)
	case "3":
		s.fail(v)
	case "b":
		call().hasText = true
	case "c":
		call().argue(v.get("argsTextDelta").str())
	case "9":
		call().input = v.get("args")
	case "a":
		call().output = v.get("result")
	case "f":
		s.name(v.get("messageId"), value{})
	case "d":
		s.end, o.finish = "d:", v.get("finishReason").str()
		if u := v.get("usage"); u.object() {
			s.usage = &Usage{Input: u.get("promptTokens").int(), Output: u.get("completionTokens").int()}
		}
	}
}
