package llm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

func head(path, contentType string, more ...string) Head {
	h := Head{Authority: "model.test", Path: path, Response: flow.Fields{{Name: "Content-Type", Value: contentType}}}
	for i := 0; i+1 < len(more); i += 2 {
		h.Response = append(h.Response, flow.Field{Name: more[i], Value: more[i+1]})
	}
	return h
}

// events makes server-sent events of JSON texts.
func events(data ...string) string {
	return "data: " + strings.Join(data, "\n\ndata: ") + "\n\n"
}

var formats = []struct {
	name string
	head Head
	body string
	want string // of the keys that are compared, those that say something
}{
	{
		"chat with two choices, a usage chunk and null choices", head("/v1/chat/completions", "text/event-stream"),
		": wait\n\n" + events(`{"id":"c1","model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":"B"}}]}`,
			`{"id":"c1","choices":[{"index":0,"delta":{"content":"A\ud83c\udf33"},"finish_reason":"stop"},{"index":1,"delta":null}]}`,
			`{"id":"c1","choices":null}`, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}`, `[DONE] `),
		`{"format":"openai-chat","complete":true,"end":"[DONE]","id":"c1","model":"m","error":null,"outputs":[
			{"index":1,"role":"assistant","text":"B","finish_reason":null},{"index":0,"role":"assistant","text":"A🌳","finish_reason":"stop"}],
			"usage":{"input":3,"output":4,"cached":2}}`,
	},
	{
		"calls without an index go on with the last", head("/v1/chat/completions", "text/event-stream"),
		events(`{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"k\""}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g","arguments":""}}]},"finish_reason":"tool_calls"}]}`),
		`{"format":"openai-chat","complete":false,"end":null,"id":null,"model":null,"error":null,"outputs":[{"index":0,"role":"assistant","text":"",
			"tool_calls":[{"id":"a","name":"f","arguments":"{\"k\":1}","input":{"k":1}},{"id":"b","name":"g","arguments":"","input":{}}],"finish_reason":"tool_calls"}],"usage":null}`,
	},
	{
		"reasoning under two names is one", head("/api/v1/chat/completions", "text/event-stream"),
		events(`{"choices":[{"delta":{"reasoning":"Hm","reasoning_content":"Hm"}}]}`, `{"choices":[{"delta":{"refusal":"No."}}]}`),
		`{"format":"openai-chat","complete":false,"end":null,"id":null,"model":null,"error":null,"outputs":[
			{"index":0,"role":"assistant","text":"","reasoning":"Hm","refusal":"No.","finish_reason":null}],"usage":null}`,
	},
	{
		"a chat answer that did not stream", head("/v1/chat/completions", "application/json"),
		`{"id":"c2","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
		`{"format":"openai-chat","complete":true,"end":"one object","id":"c2","model":"m","error":null,"outputs":[
			{"index":0,"role":"assistant","text":"Yes","finish_reason":"stop"}],"usage":{"input":1,"output":1}}`,
	},
	{
		"what is done repeats and does not add", head("/v1/responses", "text/event-stream"),
		events(`{"type":"response.created","response":{"id":"r","model":"m","usage":null}}`,
			`{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hel"}`,
			`{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"lo"}`,
			`{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"Hello"}`,
			`{"type":"response.something.new","x":1}`,
			`{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"k","name":"f","arguments":"{}"}}`,
			`{"type":"response.incomplete","response":{"id":"r","model":"m","status":"incomplete","error":null,"usage":{"input_tokens":5,"output_tokens":6,"output_tokens_details":{"reasoning_tokens":1}}}}`),
		`{"format":"openai-responses","complete":true,"end":"response.incomplete","id":"r","model":"m","error":null,"outputs":[{"index":0,"role":"assistant","text":"Hello",
			"tool_calls":[{"id":"k","name":"f","arguments":"{}","input":{}}],"finish_reason":"incomplete"}],"usage":{"input":5,"output":6,"reasoning":1}}`,
	},
	{
		"input that ends inside keeps its text", head("/v1/messages", "text/event-stream"),
		"event: ping\n" + events(`{"type":"ping"}`) +
			events(`{"type":"message_start","message":{"id":"x","model":"m","role":"assistant","usage":{"input_tokens":7,"output_tokens":1}}}`,
				`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`,
				`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\": \"x"}}`,
				`{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}`, `{"type":"message_stop"}`),
		`{"format":"anthropic","complete":true,"end":"message_stop","id":"x","model":"m","error":null,"outputs":[{"index":0,"role":"assistant","text":"",
			"tool_calls":[{"id":"t","name":"f","arguments":"{\"a\": \"x"}],"finish_reason":"max_tokens"}],"usage":{"input":7,"output":9}}`,
	},
	{
		"a blocked prompt has no candidates", head("/v1beta/models/m:streamGenerateContent?alt=sse", "text/event-stream"),
		events(`{"promptFeedback":{"blockReason":"SAFETY"},"modelVersion":"m"}`),
		`{"format":"gemini","complete":true,"end":"finishReason+EOF","id":null,"model":"m","error":null,"outputs":[
			{"index":0,"role":"assistant","text":"","finish_reason":"SAFETY"}],"usage":null}`,
	},
	{
		"an array of objects with brackets in strings", head("/v1beta/models/m:streamGenerateContent", "application/json"),
		`[{"candidates":[{"content":{"parts":[{"text":"a}\"]"}]}}]}` + "\n,\r\n" + `{"error":{"code":500}}]`,
		`{"format":"gemini","complete":false,"end":null,"id":null,"model":null,"error":{"code":500},"outputs":[
			{"index":0,"role":"assistant","text":"a}\"]","finish_reason":null}],"usage":null}`,
	},
	{
		"a last line without its end", head("/api/generate", "application/x-ndjson"),
		`{"model":"m","response":"a","done":false}` + "\n" + `{"model":"m","response":"b","done":true,"done_reason":"length","eval_count":4,"eval_duration":2000000000}`,
		`{"format":"ollama","complete":true,"end":"done:true","id":null,"model":"m","error":null,"outputs":[
			{"index":0,"role":"assistant","text":"ab","finish_reason":"length"}],"usage":{"input":0,"output":4},"server_tokens_per_second":2}`,
	},
	{
		"cohere's own error", head("/v2/chat", "text/event-stream"),
		events(`{"type":"message-start","id":"i"}`, `{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"T","text":"X"}}}}`,
			`{"type":"message-end","delta":{"finish_reason":"ERROR","error":"gone"}}`),
		`{"format":"cohere","complete":true,"end":"message-end","id":"i","model":null,"error":"gone","outputs":[
			{"index":0,"role":"assistant","text":"X","reasoning":"T","finish_reason":"ERROR"}],"usage":null}`,
	},
	{
		"parts of two steps with one id", head("/api/chat", "text/event-stream"),
		events(`{"type":"start","messageId":"u"}`, `{"type":"start-step"}`, `{"type":"text-delta","id":"1","delta":"a"}`, `{"type":"start-step"}`,
			`{"type":"text-delta","id":"1","delta":"b"}`, `{"type":"error","errorText":"bad"}`),
		`{"format":"ai-sdk-ui","complete":false,"end":null,"id":"u","model":null,"error":"bad","outputs":[
			{"index":0,"role":"assistant","text":"ab","finish_reason":null}],"usage":null}`,
	},
	{
		"lines of a letter and JSON", head("/x", "text/plain", "X-Vercel-AI-Data-Stream", "v1"),
		"0:\"a\"\n0:\"b\\n\"\nzz\nd:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":1,\"completionTokens\":null}}",
		`{"format":"ai-sdk-data","complete":true,"end":"d:","id":null,"model":null,"error":null,"outputs":[
			{"index":0,"role":"assistant","text":"ab\n","finish_reason":"stop"}],"usage":{"input":1,"output":0}}`,
	},
	{
		"a graph's messages", head("/runs/stream", "text/event-stream"),
		"event: messages\n" + events(`[{"id":"a","type":"AIMessageChunk","content":"x"},{}]`) + "event: messages|sub\n" +
			events(`[{"id":"a","type":"AIMessageChunk","content":[{"type":"text","text":"y"}],"usage_metadata":{"input_tokens":1,"output_tokens":2}},{}]`) + "event: end\ndata: null\n\n",
		`{"format":"langgraph","complete":true,"end":"end","id":null,"model":null,"error":null,"outputs":[
			{"index":0,"role":"assistant","text":"xy","finish_reason":null}],"usage":{"input":1,"output":2}}`,
	},
}

func TestFormats(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			var want map[string]any
			if err := json.Unmarshal([]byte(f.want), &want); err != nil {
				t.Fatal(err)
			}
			for _, cut := range []int{1, 2, 3, 7, 64, len(f.body)} {
				same(t, assemble(t, f.head, []byte(f.body), cut), want)
			}
		})
	}
}

func TestOthersAreNoAnswers(t *testing.T) {
	for _, h := range []Head{head("/", "text/html"), head("/v1/items", "application/json"), {}} {
		if New(h, time.Time{}) != nil {
			t.Errorf("%+v counts as an answer", h)
		}
	}
	a := New(head("/feed", "text/event-stream"), time.Time{})
	for range 100 {
		a.Write([]byte("event: tick\ndata: {\"price\":1}\n\ndata: hello\n\n"), time.Time{})
	}
	a.End(time.Time{})
	if a.Known() || a.Result() != nil || !a.Hopeless() {
		t.Errorf("prices count as an answer: %+v", a.Result())
	}
	if len(a.early) > undecided {
		t.Errorf("%d events wait", len(a.early))
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	a := New(head("/v1/chat/completions", "text/event-stream"), time.Time{})
	piece := strings.Repeat("x", 64<<10)
	for range 2 * maxText / len(piece) {
		a.Write([]byte(events(`{"choices":[{"delta":{"content":"`+piece+`"}}]}`)), time.Time{})
	}
	for i := range 2 * maxOutputs {
		a.Write([]byte(events(`{"choices":[{"index":`+number(i).String()+`,"delta":{"tool_calls":[{"index":`+number(i).String()+`}]}}]}`)), time.Time{})
	}
	a.Write([]byte("data: \""+strings.Repeat(piece, 40)+"\"\n\n"), time.Time{})
	r := a.Result()
	if len(r.Outputs[0].Text) != maxText || len(r.Outputs) != maxOutputs || !r.Truncated || r.Counts.Unread != 1 {
		t.Errorf("kept %d octets of text and %d outputs, truncated %v, %d unread", len(r.Outputs[0].Text), len(r.Outputs), r.Truncated, r.Counts.Unread)
	}
}

func TestTiming(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := New(head("/v1/chat/completions", "text/event-stream"), start)
	at := start
	say := func(after time.Duration, data string) {
		at = at.Add(after)
		a.Write([]byte(events(data)), at)
	}
	say(100*time.Millisecond, `{"choices":[{"delta":{"role":"assistant","content":""}}]}`)
	say(400*time.Millisecond, `{"choices":[{"delta":{"reasoning":"hm"}}]}`)
	for range 8 {
		say(50*time.Millisecond, `{"choices":[{"delta":{"content":"x"}}]}`)
	}
	say(3*time.Second, `{"choices":[{"delta":{"content":"y"}}]}`)
	say(600*time.Millisecond, `{"choices":[{"delta":{"content":"z"}}]}`)
	got := *a.Result().Timing
	want := Timing{FirstByte: 0.1, FirstToken: 0.5, FirstAnswer: 0.55, Duration: 4.5, TokensPerSecond: 2.5, TokenSource: "events",
		ContentEvents: 11, MedianGap: 0.05, LongestGap: 3, Stalls: 1, Stalled: 3}
	if got != want {
		t.Errorf("timing\n%+v\nwant\n%+v", got, want)
	}
	a.Write([]byte(events(`{"choices":[],"usage":{"completion_tokens":41}}`)), at)
	if got := a.Result().Timing; got.TokensPerSecond != 10 || got.TokenSource != "usage" {
		t.Errorf("%v tokens a second by %s, want 10 by usage", got.TokensPerSecond, got.TokenSource)
	}
}

func FuzzAssembler(f *testing.F) {
	for _, s := range formats {
		f.Add(s.head.Path, s.head.Response.Joined("Content-Type"), s.body, 5)
	}
	f.Add("/model/m/converse-stream", "application/vnd.amazon.eventstream", "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff", 3)
	f.Fuzz(func(t *testing.T, path, contentType, body string, cut int) {
		if cut <= 0 {
			return
		}
		results := [2]*Result{}
		for i, n := range []int{cut, len(body) + 1} {
			a := New(head(path, contentType), time.Time{})
			if a == nil {
				return
			}
			for rest := []byte(body); len(rest) > 0; {
				k := min(n, len(rest))
				a.Write(rest[:k], time.Time{})
				rest = rest[k:]
			}
			a.End(time.Time{})
			results[i] = a.Result()
		}
		one, _ := json.Marshal(results[0])
		two, _ := json.Marshal(results[1])
		if string(one) != string(two) {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", cut, one, two)
		}
	})
}
