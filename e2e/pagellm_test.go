package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// saidBy are short streams of the formats, each of which says "so far" and asks
// for the tool look.
func saidBy() map[string][2]string {
	event := func(lines ...string) string { return strings.Join(lines, "\n\n") + "\n\n" }
	return map[string][2]string{
		"/v1/messages": {"text/event-stream", event(
			`event: message_start`+"\n"+`data: {"type":"message_start","message":{"id":"m1","model":"claude-demo","role":"assistant","usage":{"input_tokens":11,"output_tokens":1}}}`,
			`event: content_block_start`+"\n"+`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`event: content_block_delta`+"\n"+`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"so far"}}`,
			`event: content_block_start`+"\n"+`data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}}`,
			`event: content_block_delta`+"\n"+`data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"at\":\"sea\"}"}}`,
			`event: message_delta`+"\n"+`data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":22}}`,
			`event: message_stop`+"\n"+`data: {"type":"message_stop"}`)},
		"/v1/responses": {"text/event-stream", event(
			`data: {"type":"response.created","response":{"id":"r1","model":"gpt-demo"}}`,
			`data: {"type":"response.output_text.delta","item_id":"i1","output_index":0,"content_index":0,"delta":"so far"}`,
			`data: {"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"f1","call_id":"c1","name":"look"}}`,
			`data: {"type":"response.function_call_arguments.delta","item_id":"f1","output_index":1,"delta":"{\"at\":\"sea\"}"}`,
			`data: {"type":"response.completed","response":{"id":"r1","model":"gpt-demo","usage":{"input_tokens":11,"output_tokens":22}}}`)},
		"/v1beta/models/gemini-demo:streamGenerateContent?alt=sse": {"text/event-stream", event(
			`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"so far"}]}}],"modelVersion":"gemini-demo"}`,
			`data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"look","args":{"at":"sea"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":22}}`)},
		"/api/chat": {"application/x-ndjson", `{"model":"llama-demo","message":{"role":"assistant","content":"so far"},"done":false}` + "\n" +
			`{"model":"llama-demo","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"look","arguments":{"at":"sea"}}}]},"done":false}` + "\n" +
			`{"model":"llama-demo","done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":22}` + "\n"},
	}
}

// The answer of a language model is put together while it passes, beside its
// events.
func TestPageLanguageModel(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	step := make(chan string)
	o.mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case data, more := <-step:
				if !more {
					return
				}
				fmt.Fprintf(w, "data: %s\n\n", data)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	for path, said := range saidBy() {
		o.mux.HandleFunc(strings.SplitN(path, "?", 2)[0], func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", said[0])
			io.WriteString(w, said[1])
		})
	}
	p, url := startPage(t)
	c := p.client()
	b := visit(t, url)
	loadAxe(b)
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		answer, err := c.Post(o.HTTP+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true}`))
		if err != nil {
			got <- result{err: err}
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		got <- result{string(text), err}
	}()
	step <- `{"id":"c","model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":"It rains"}}]}`
	openFlow(b, "/v1/chat/completions")
	text := `document.querySelector('[data-testid=answer]').innerText`
	b.until("what is said so far, while it passes", `%[1]s.includes('It rains') && %[1]s.includes('live') && %[1]s.includes('demo')`, text)
	b.until("the events beside", `document.querySelector('[data-testid=answer] [data-testid=messages]').innerText.includes('It rains')`)
	step <- `{"id":"c","choices":[{"index":0,"delta":{"content":" in Oslo."}}]}`
	b.until("what was added", `%s.includes('It rains in Oslo.')`, text)
	step <- `{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"k","function":{"name":"look","arguments":"{\"at\":"}}]}}]}`
	b.until("the call of a tool", `document.querySelector('[data-testid=tool-call]').innerText.includes('look')`)
	step <- `{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"sea\"}"}}]},"finish_reason":"tool_calls"}]}`
	b.until("its arguments", `document.querySelector('[data-testid=tool-call]').innerText.includes('"at": "sea"')`)
	axeEach(b, "answer")
	step <- `{"choices":[],"usage":{"prompt_tokens":1234,"completion_tokens":56}}`
	step <- `[DONE]`
	close(step)
	if r := <-got; r.err != nil || !strings.Contains(r.text, "[DONE]") {
		t.Errorf("the client got %q, %v", r.text, r.err)
	}
	b.until("that it is complete, and what it took", `/complete/.test(%[1]s) && /1\D234 tokens/.test(%[1]s) && /first token/.test(%[1]s) && /stalls\s*none/.test(%[1]s) && /tool_calls/.test(%[1]s)`, text)
	b.screenshot("answer.png")
	// Each of the formats, one after another.
	for path := range saidBy() {
		answer, err := c.Post(o.HTTP+path, "application/json", strings.NewReader(`{"stream":true}`))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		openFlow(b, strings.SplitN(path, "?", 2)[0])
		b.until("the answer of "+path, `/so far/.test(%[1]s) && /11 tokens/.test(%[1]s) && /22 tokens/.test(%[1]s) && /complete/.test(%[1]s) && document.querySelector('[data-testid=tool-call]').innerText.includes('"at"')`, text)
	}
	// Raw is one key away; what is no answer has no such tab.
	b.key("v")
	b.until("the octets", `document.querySelector('#tab-raw').ariaSelected === 'true' && document.querySelector('#panel').innerText.includes('so far')`)
	b.key("v")
	b.until("and back", `document.querySelector('#tab-answer').ariaSelected === 'true'`)
	tabOf(b, "raw")
	send(t, c, o.HTTP+"/hello?plain")
	openFlow(b, "/hello?plain")
	b.until("no answer", `!document.querySelector('#tab-answer') && document.querySelector('#tab-exchange')`)
}
