package llm

import (
	"strconv"
	"time"
)

// ollama reads the lines of Ollama's own interface.
type ollama struct{ calls int }

func (*ollama) name() string { return "ollama" }

func (l *ollama) event(s *state, e event) {
	v := e.json
	if !v.object() {
		s.counts.Unread++
		return
	}
	s.name(value{}, v.get("model"))
	s.fail(v.get("error"))
	if v.has("error") && !v.has("done") {
		return
	}
	o, m := s.out(0), v.get("message")
	if role := m.get("role").str(); role != "" {
		o.role = role
	}
	o.text("", v.get("response").str()+m.get("content").str())
	o.reason("", v.get("thinking").str()+m.get("thinking").str())
	for _, one := range m.get("tool_calls").list() {
		t := value{one}
		l.calls++
		c := o.call(strconv.Itoa(l.calls))
		c.called(t.get("id").str(), t.get("function", "name").str())
		if a := t.get("function", "arguments"); a.isString() {
			c.argue(a.str())
		} else {
			c.input = a
		}
	}
	if !v.get("done").truth() {
		return
	}
	o.finish, s.end = v.get("done_reason").str(), "done:true"
	in, inOK := v.get("prompt_eval_count").num()
	out, outOK := v.get("eval_count").num()
	if inOK || outOK {
		s.usage = &Usage{Input: in, Output: out}
	}
	if d := time.Duration(v.get("eval_duration").int()); d > 0 {
		s.rate = float64(out) / d.Seconds()
	}
}
