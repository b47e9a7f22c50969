package llm

import "encoding/json"

// Text is a string that JSON has as null when it is empty.
type Text string

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// Result is what a stream has said so far.
type Result struct {
	// Format is the format's name, such as "openai-chat".
	Format string `json:"format"`
	// Complete tells that the format's own end was seen; a stream that only
	// stopped is not complete. End is what that end was.
	Complete bool `json:"complete"`
	End      Text `json:"end"`
	ID       Text `json:"id"`
	Model    Text `json:"model"`
	// Error is what the stream says went wrong, in its own shape; nil for nothing.
	Error   any      `json:"error"`
	Outputs []Output `json:"outputs"`
	Usage   *Usage   `json:"usage"`
	// ServerRate is the tokens a second that the server itself reports, 0 for none.
	ServerRate float64 `json:"server_tokens_per_second,omitempty"`
	Counts     Counts  `json:"counts"`
	Timing     *Timing `json:"timing,omitempty"`
	// Truncated tells that something was left out because it was too much.
	Truncated bool `json:"truncated,omitempty"`
}

// Output is one answer: most streams have one.
type Output struct {
	Index        int64      `json:"index"`
	Role         string     `json:"role"`
	Text         string     `json:"text"`
	Reasoning    string     `json:"reasoning,omitempty"`
	Refusal      string     `json:"refusal,omitempty"`
	ToolCalls    []ToolCall `json:"tool_calls,omitempty"`
	Citations    []any      `json:"citations,omitempty"`
	AudioBytes   int64      `json:"audio_bytes,omitempty"`
	FinishReason Text       `json:"finish_reason"`
}

// ToolCall is a call of a tool that the model asks for.
type ToolCall struct {
	ID   Text   `json:"id"`
	Name string `json:"name"`
	// Arguments is their text as it came in pieces; nil where they came as an
	// object. Input is them as a JSON value, nil where the text is none.
	Arguments *string `json:"arguments"`
	Input     any     `json:"input,omitempty"`
	Output    any     `json:"output,omitempty"`
}

// Usage is what the server counts, in tokens.
type Usage struct {
	Input     int64 `json:"input"`
	Output    int64 `json:"output"`
	Cached    int64 `json:"cached,omitempty"`
	Reasoning int64 `json:"reasoning,omitempty"`

	apart bool // reasoning is not in output: Gemini counts so
}

// made is how many tokens the model made.
func (u *Usage) made() int64 {
	if u.apart {
		return u.Output + u.Reasoning
	}
	return u.Output
}

// Counts is what the stream was made of.
type Counts struct {
	Events   int64 `json:"events"` // events that fire, lines, or messages
	Comments int64 `json:"comments,omitempty"`
	Pings    int64 `json:"pings,omitempty"`
	Unread   int64 `json:"unread,omitempty"` // that were too large or no JSON
}
