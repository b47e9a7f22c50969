package view

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"midstream/internal/llm"
)

func llmHead(in *Input) llm.Head {
	return llm.Head{Authority: in.Authority, Path: in.Path, Request: in.Request, Response: in.Fields}
}

// isLLM tells whether a start is that of a model's answer.
func isLLM(s *source, start []byte) bool {
	a := llm.New(llmHead(s.in), time.Time{})
	if a == nil {
		return false
	}
	a.Write(start, time.Time{})
	return a.Known()
}

// showLLM prints the answer of a language model as its stream says it.
func showLLM(s *source, p *page) error {
	a := llm.New(llmHead(s.in), time.Time{})
	if a == nil {
		return errors.New("it is no stream of a language model")
	}
	if _, err := io.Copy(feeder{a}, s.r); err != nil && s.failed() != nil {
		return errCut
	}
	a.End(time.Time{})
	r := a.Result()
	if r == nil {
		return errors.New("it is no answer of a language model that is known")
	}
	Answer(r, p.row)
	return nil
}

type feeder struct{ a *llm.Assembler }

func (f feeder) Write(p []byte) (int, error) {
	if f.a.Write(p, time.Time{}); f.a.Hopeless() {
		return 0, errCut
	}
	return len(p), nil
}

// Answer prints an answer by row, which takes a line as fmt.Printf does; texts of
// several lines come as one.
func Answer(r *llm.Result, row func(format string, args ...any)) {
	title := "format: " + r.Format
	if r.Model != "" {
		title += ", model " + string(r.Model)
	}
	row("%s", title)
	if r.ID != "" {
		row("id: %s", r.ID)
	}
	for i := range r.Outputs {
		o := &r.Outputs[i]
		row("")
		if len(r.Outputs) > 1 {
			row("%s, number %d:", o.Role, o.Index)
		} else {
			row("%s:", o.Role)
		}
		said(row, "reasoning", o.Reasoning)
		said(row, "text", o.Text)
		said(row, "refusal", o.Refusal)
		for _, c := range o.ToolCalls {
			row("  calls %s %s", c.Name, arguments(&c))
			if c.Output != nil {
				row("    gives %s", jsonText(c.Output))
			}
		}
		for _, c := range o.Citations {
			row("  cites %s", jsonText(c))
		}
		if o.AudioBytes > 0 {
			row("  audio: %d bytes", o.AudioBytes)
		}
		if o.FinishReason != "" {
			row("  finish: %s", o.FinishReason)
		}
	}
	row("")
	if u := r.Usage; u != nil {
		text := "usage: " + strconv.FormatInt(u.Input, 10) + " tokens in, " + strconv.FormatInt(u.Output, 10) + " out"
		if u.Cached > 0 {
			text += ", " + strconv.FormatInt(u.Cached, 10) + " from a cache"
		}
		if u.Reasoning > 0 {
			text += ", " + strconv.FormatInt(u.Reasoning, 10) + " of reasoning"
		}
		row("%s", text)
	}
	if r.ServerRate > 0 {
		row("server's own count: %.1f tokens a second", r.ServerRate)
	}
	timing(row, r.Timing)
	if r.Error != nil {
		row("error: %s", jsonText(r.Error))
	}
	if r.Truncated {
		row("truncated: a part of it is too large to be kept")
	}
	if r.Complete {
		row("complete: %s", r.End)
	} else {
		row("complete: no, its end did not come")
	}
}

func timing(row func(string, ...any), t *llm.Timing) {
	if t == nil {
		return
	}
	if t.FirstToken > 0 {
		row("first token: after %.3f s", t.FirstToken)
	}
	if t.FirstAnswer > t.FirstToken {
		row("first text of the answer: after %.3f s", t.FirstAnswer)
	}
	if t.TokensPerSecond > 0 {
		how := "as the server counts"
		if t.TokenSource != "usage" {
			how = "one an event"
		}
		row("speed: %.1f tokens a second, %s", t.TokensPerSecond, how)
	}
	if t.LongestGap > 0 {
		row("gaps: median %.3f s, longest %.3f s", t.MedianGap, t.LongestGap)
	}
	if t.Stalls > 0 {
		row("stalls: %d, together %.3f s", t.Stalls, t.Stalled)
	}
}

// said prints a text of several lines below its name.
func said(row func(string, ...any), name, text string) {
	if text == "" {
		return
	}
	row("  %s:", name)
	for len(text) > 0 {
		line := text
		if i := indexLine(text); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		row("    %s", line)
	}
}

func indexLine(s string) int {
	for i := range len(s) {
		if s[i] == '\n' {
			return i
		}
	}
	return -1
}

func arguments(c *llm.ToolCall) string {
	if c.Arguments != nil {
		return *c.Arguments
	}
	return jsonText(c.Input)
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(text)
}
