package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answerOf is what `flows show --json` has of an answer of a language model.
type answerOf struct {
	LLM *struct {
		Complete bool
		Outputs  []struct {
			Text      string
			ToolCalls []struct {
				Name  string
				Input map[string]any
			} `json:"tool_calls"`
			FinishReason string `json:"finish_reason"`
		}
		Usage  *struct{ Input, Output int }
		Timing struct {
			FirstToken float64 `json:"first_token_s"`
		}
	}
}

func answerWhileItPasses(t *testing.T) {
	gate := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(data string) {
			fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
		}
		say(`{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"So "}}]}`)
		say(`{"id":"c","choices":[{"index":0,"delta":{"content":"far"}}]}`)
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
		say(`{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"k","function":{"name":"look","arguments":"{\"at\":"}}]}}]}`)
		say(`{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"sea\"}"}}]},"finish_reason":"tool_calls"}]}`)
		say(`{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}`)
		say(`[DONE]`)
	}))
	defer origin.Close()
	p := start(t)
	r, err := p.client().Post(origin.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	number := p.live("/v1/chat/completions")
	ask := func() (a answerOf) {
		if err := json.Unmarshal([]byte(p.midstream("flows", "show", number, "--json", "--session", p.Session)), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	var a answerOf
	for give := time.Now().Add(patience); time.Now().Before(give); {
		if a = ask(); a.LLM != nil && a.LLM.Outputs[0].Text == "So far" {
			break
		}
	}
	if a.LLM == nil || a.LLM.Outputs[0].Text != "So far" || a.LLM.Complete {
		t.Fatalf("while it passes: %+v", a.LLM)
	}
	close(gate)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	p.stop()
	a = ask()
	o := a.LLM.Outputs[0]
	if !a.LLM.Complete || o.FinishReason != "tool_calls" || len(o.ToolCalls) != 1 || o.ToolCalls[0].Name != "look" ||
		o.ToolCalls[0].Input["at"] != "sea" || a.LLM.Usage == nil || a.LLM.Usage.Output != 9 || a.LLM.Timing.FirstToken <= 0 {
		t.Errorf("at its end: %+v", a.LLM)
	}
	if text := p.midstream("flows", "body", number, "--view", "auto", "--session", p.Session); !strings.Contains(text, "calls look {\"at\":\"sea\"}") {
		t.Errorf("the view is\n%s", text)
	}
}
