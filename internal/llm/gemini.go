package llm

import "strconv"

// gemini reads what generateContent and streamGenerateContent answer.
type gemini struct {
	calls    int
	finished bool
}

func (*gemini) name() string { return "gemini" }

func (g *gemini) event(s *state, e event) {
	v := e.json
	if !v.object() {
		s.counts.Unread++
		return
	}
	s.fail(v.get("error"))
	s.name(v.get("responseId"), v.get("modelVersion"))
	for _, one := range v.get("candidates").list() {
		g.candidate(s, value{one})
	}
	if reason := v.get("promptFeedback", "blockReason").str(); reason != "" {
		s.out(0).finish, g.finished = reason, true
	}
	if u := v.get("usageMetadata"); u.object() {
		thoughts := u.get("thoughtsTokenCount").int()
		s.usage = &Usage{Input: u.get("promptTokenCount").int(), Output: u.get("candidatesTokenCount").int(),
			Cached: u.get("cachedContentTokenCount").int(), Reasoning: thoughts, apart: true}
	}
}

func (g *gemini) candidate(s *state, c value) {
	o := s.out(c.get("index").int())
	for _, one := range c.get("content", "parts").list() {
		p := value{one}
		if p.get("thought").truth() {
			o.reason("", p.get("text").str())
		} else {
			o.text("", p.get("text").str())
		}
		if f := p.get("functionCall"); f.object() {
			g.calls++
			k := o.call(strconv.Itoa(g.calls))
			k.called(f.get("id").str(), f.get("name").str())
			k.input = f.get("args")
		}
		if d := p.get("inlineData", "data").str(); d != "" {
			o.sound(d)
		}
	}
	for _, one := range c.get("citationMetadata").first("citationSources", "citations").list() {
		o.cite(one)
	}
	if reason := c.get("finishReason").str(); reason != "" {
		o.finish, g.finished = reason, true
	}
}

// ended: the format has no end of its own.
func (g *gemini) ended(s *state) {
	if g.finished && s.failure == nil {
		s.end = "finishReason+EOF"
	}
}
