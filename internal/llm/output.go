package llm

import "encoding/base64"

// The bounds of what is kept of one stream.
const (
	maxText      = 8 << 20 // octets of text, reasoning and arguments in all
	maxOutputs   = 64
	maxCalls     = 256 // of one output
	maxCitations = 256 // of one output
)

// buffer is text that grows by pieces, in one budget with all others.
type buffer struct {
	b []byte
	s *state
}

func (b *buffer) add(text string) {
	room := maxText - b.s.kept
	if len(text) > room {
		b.s.truncated = true
		text = text[:max(room, 0)]
	}
	b.b = append(b.b, text...)
	b.s.kept += len(text)
}

// set replaces what was there: the events that repeat the whole of a text.
func (b *buffer) set(text string) {
	b.s.kept -= len(b.b)
	b.b = b.b[:0]
	b.add(text)
}

// call is a tool call that is being put together.
type call struct {
	id, name  string
	arguments buffer
	hasText   bool // arguments came as text
	input     value
	output    value
	key       string // what its pieces are joined by
}

// part is one piece of text that has a place of its own among others.
type part struct {
	key  string
	text buffer
}

// output is one answer that is being put together.
type output struct {
	s          *state
	index      int64
	role       string
	texts      []*part
	reasonings []*part
	refusal    buffer
	calls      []*call
	citations  []any
	audio      int64
	finish     string
}

// state is what all formats share while a stream is read.
type state struct {
	head      Head
	outputs   []*output
	id, model string
	end       string
	failure   any
	usage     *Usage
	rate      float64
	counts    Counts
	kept      int
	truncated bool

	// What the present event had, for the timing.
	content, answer bool
}

// out finds or makes the output with an index.
func (s *state) out(index int64) *output {
	for _, o := range s.outputs {
		if o.index == index {
			return o
		}
	}
	if len(s.outputs) >= maxOutputs {
		s.truncated = true
		return s.outputs[maxOutputs-1]
	}
	o := &output{s: s, index: index, role: "assistant"}
	o.refusal.s = s
	s.outputs = append(s.outputs, o)
	return o
}

func (s *state) fail(v value) {
	if s.failure == nil && !v.null() {
		s.failure = v.v
	}
}

func (s *state) name(id, model value) {
	if t := id.str(); t != "" {
		s.id = t
	}
	if t := model.str(); t != "" {
		s.model = t
	}
}

// find finds or makes the part with a key.
func (s *state) find(parts *[]*part, key string) *buffer {
	for _, p := range *parts {
		if p.key == key {
			return &p.text
		}
	}
	if len(*parts) >= maxCalls {
		s.truncated = true
		return &(*parts)[maxCalls-1].text
	}
	p := &part{key: key, text: buffer{s: s}}
	*parts = append(*parts, p)
	return &p.text
}

// text adds to the answer, at the place that key names.
func (o *output) text(key, piece string) {
	if piece != "" {
		o.s.content, o.s.answer = true, true
		o.s.find(&o.texts, key).add(piece)
	}
}

func (o *output) reason(key, piece string) {
	if piece != "" {
		o.s.content = true
		o.s.find(&o.reasonings, key).add(piece)
	}
}

func (o *output) refuse(piece string) {
	if piece != "" {
		o.s.content, o.s.answer = true, true
		o.refusal.add(piece)
	}
}

func (o *output) sound(encoded string) {
	if encoded != "" {
		o.s.content, o.s.answer = true, true
		n := base64.RawStdEncoding.DecodedLen(len(encoded))
		for i := len(encoded); i > 0 && encoded[i-1] == '='; i-- {
			n = base64.RawStdEncoding.DecodedLen(i - 1)
		}
		o.audio += int64(n)
	}
}

func (o *output) cite(v any) {
	if len(o.citations) >= maxCitations {
		o.s.truncated = true
		return
	}
	o.citations = append(o.citations, v)
}

// call finds or makes the tool call with a key.
func (o *output) call(key string) *call {
	for _, c := range o.calls {
		if c.key == key {
			return c
		}
	}
	if len(o.calls) >= maxCalls {
		o.s.truncated = true
		return o.calls[maxCalls-1]
	}
	c := &call{key: key, arguments: buffer{s: o.s}}
	o.calls = append(o.calls, c)
	o.s.content = true
	return c
}

func (c *call) called(id, name string) {
	if id != "" {
		c.id = id
	}
	if name != "" {
		c.name = name
	}
}

// argue adds a piece of the text of the arguments.
func (c *call) argue(piece string) {
	c.hasText = true
	if piece != "" {
		c.arguments.s.content = true
		c.arguments.add(piece)
	}
}

func (o *output) result() Output {
	r := Output{Index: o.index, Role: o.role, Refusal: string(o.refusal.b), Citations: o.citations,
		AudioBytes: o.audio, FinishReason: Text(o.finish)}
	for _, p := range o.texts {
		r.Text += string(p.text.b)
	}
	for _, p := range o.reasonings {
		r.Reasoning += string(p.text.b)
	}
	for _, c := range o.calls {
		t := ToolCall{ID: Text(c.id), Name: c.name, Input: c.input.v, Output: c.output.v}
		if c.hasText {
			text := string(c.arguments.b)
			t.Arguments = &text
			if v, ok := parseValue(c.arguments.b); ok && t.Input == nil {
				t.Input = v.v
			}
			if text == "" && t.Input == nil {
				t.Input = map[string]any{}
			}
		}
		r.ToolCalls = append(r.ToolCalls, t)
	}
	return r
}
