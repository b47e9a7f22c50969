package api

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"midstream/internal/llm"
)

func TestAnAnswerIsPutTogetherWhileItPasses(t *testing.T) {
	step := make(chan string)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/plain" {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for piece := range step {
			fmt.Fprintf(w, "data: %s\n\n", piece)
			w.(http.Flusher).Flush()
		}
	})
	answered := r.send(t.Context(), "POST", "/v1/chat/completions", "{}")
	step <- `{"choices":[{"delta":{"role":"assistant","content":"It "}}]}`
	var one struct{ Answer *llm.Result }
	for one.Answer == nil { // the record comes behind the client
		r.call("GET", "/flows/1/answer", "", &one)
	}
	event := r.eventsOf("/flows/1/answer?follow=1")
	var all, more llm.Result
	event("answer", &all)
	if len(all.Outputs) != 1 || all.Outputs[0].Text != "It " || all.Complete || all.Format != "openai-chat" {
		t.Errorf("%+v", all)
	}
	step <- `{"choices":[{"delta":{"content":"rains."}}]}`
	event("more", &more)
	if more.Outputs[0].Text != "rains." {
		t.Errorf("%+v", more)
	}
	step <- `{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\""}}]}}]}`
	event("more", &more)
	if more.Outputs[0].Text != "" || *more.Outputs[0].ToolCalls[0].Arguments != `{"a"` {
		t.Errorf("%+v", more)
	}
	step <- `{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}`
	event("more", &more)
	if *more.Outputs[0].ToolCalls[0].Arguments != `:1}` {
		t.Errorf("%+v", more)
	}
	step <- "[DONE]"
	close(step)
	<-answered
	for !more.Complete {
		event("more", &more)
	}
	event("end", &struct{}{})
	one.Answer = nil
	if code := r.call("GET", "/flows/1/answer", "", &one); code != 200 || one.Answer == nil || one.Answer.Outputs[0].Text != "It rains." || !one.Answer.Complete {
		t.Errorf("%d %+v", code, one.Answer)
	}
	// What is no answer of a model has none, and says so at once.
	r.through("/plain")
	one.Answer = nil
	if code := r.call("GET", "/flows/2/answer", "", &one); code != 200 || one.Answer != nil {
		t.Errorf("%d %+v", code, one)
	}
	r.eventsOf("/flows/2/answer?follow=1")("end", &struct{}{})
	if code := r.call("GET", "/flows/3/answer", "", nil); code != 404 {
		t.Error(code)
	}
}

func TestGrowth(t *testing.T) {
	text := func(s string) *string { return &s }
	of := func(o ...llm.Output) *llm.Result { return &llm.Result{Outputs: o} }
	for name, c := range map[string]struct {
		was, now *llm.Result
		ok       bool
	}{
		"first":              {nil, of(), false},
		"text":               {of(llm.Output{Text: "a"}), of(llm.Output{Text: "ab"}), true},
		"another text":       {of(llm.Output{Text: "a"}), of(llm.Output{Text: "b"}), false},
		"another reasoning":  {of(llm.Output{Reasoning: "a"}), of(llm.Output{Reasoning: ""}), false},
		"a second output":    {of(llm.Output{Text: "a"}), of(llm.Output{Text: "a"}, llm.Output{Index: 1}), true},
		"fewer outputs":      {of(llm.Output{}), of(), false},
		"a call":             {of(llm.Output{}), of(llm.Output{ToolCalls: []llm.ToolCall{{Arguments: text("x")}}}), true},
		"another argument":   {of(llm.Output{ToolCalls: []llm.ToolCall{{Arguments: text("x")}}}), of(llm.Output{ToolCalls: []llm.ToolCall{{Arguments: text("y")}}}), false},
		"arguments as input": {of(llm.Output{ToolCalls: []llm.ToolCall{{Arguments: text("x")}}}), of(llm.Output{ToolCalls: []llm.ToolCall{{Input: 1}}}), false},
		"fewer calls":        {of(llm.Output{ToolCalls: []llm.ToolCall{{}}}), of(llm.Output{}), false},
	} {
		if _, ok := growth(c.was, c.now); ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
	}
	now := of(llm.Output{Text: "ab", Citations: []any{1, 2}})
	added, _ := growth(of(llm.Output{Text: "a", Citations: []any{1}}), now)
	if o := added.Outputs[0]; o.Text != "b" || len(o.Citations) != 1 || now.Outputs[0].Text != "ab" {
		t.Errorf("%+v, and %+v", o, now.Outputs[0])
	}
}
