package llm

import (
	"strconv"
	"strings"
)

// langGraph reads the messages of LangGraph's streams; each message is an output.
type langGraph struct{ ids []string }

func (*langGraph) name() string { return "langgraph" }

func (l *langGraph) event(s *state, e event) {
	mode, _, _ := strings.Cut(e.name, "|")
	v := e.json
	switch mode {
	case "metadata":
		s.name(v.get("run_id"), value{})
	case "error":
		s.fail(v)
	case "end":
		s.end = "end"
	case "messages":
		if all := v.list(); len(all) > 0 {
			l.message(s, value{all[0]}, false)
		}
	case "messages/partial", "messages/complete":
		for _, one := range v.list() {
			l.message(s, value{one}, true)
		}
	}
}

func (l *langGraph) message(s *state, m value, whole bool) {
	if kind := m.get("type").str(); strings.HasPrefix(kind, "human") || strings.HasPrefix(kind, "tool") || strings.HasPrefix(kind, "system") {
		return
	}
	index := len(l.ids)
	for i, id := range l.ids {
		if id == m.get("id").str() {
			index = i
		}
	}
	if index == len(l.ids) {
		if index >= maxOutputs {
			s.truncated = true
			return
		}
		l.ids = append(l.ids, m.get("id").str())
	}
	o := s.out(int64(index))
	text := m.get("content").str()
	for _, one := range m.get("content").list() {
		text += value{one}.get("text").str()
	}
	if whole && text != "" {
		s.find(&o.texts, "").set(text)
		s.content, s.answer = true, true
	} else {
		o.text("", text)
	}
	for _, one := range m.get("tool_call_chunks").list() {
		t := value{one}
		c := o.call(strconv.FormatInt(t.get("index").int(), 10))
		c.called(t.get("id").str(), t.get("name").str())
		c.argue(t.get("args").str())
	}
	if u := m.get("usage_metadata"); u.object() {
		if s.usage == nil {
			s.usage = &Usage{}
		}
		if whole {
			*s.usage = Usage{}
		}
		s.usage.Input += u.get("input_tokens").int()
		s.usage.Output += u.get("output_tokens").int()
	}
}
