package llm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"testing"
	"time"
)

// aws makes a message of an AWS event stream; headers are pairs of name and text.
func aws(payload string, headers ...string) []byte {
	var h []byte
	for i := 0; i < len(headers); i += 2 {
		h = append(append(append(h, byte(len(headers[i]))), headers[i]...), 7)
		h = append(binary.BigEndian.AppendUint16(h, uint16(len(headers[i+1]))), headers[i+1]...)
	}
	m := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	m = binary.BigEndian.AppendUint32(m, uint32(len(h)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, h...), payload...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}

func awsEvent(name, payload string) []byte {
	return aws(payload, ":message-type", "event", ":event-type", name)
}

func TestBedrock(t *testing.T) {
	var ended, failed, wrapped []byte
	for _, m := range [][]byte{
		awsEvent("messageStart", `{"role":"assistant","p":"abc"}`),
		awsEvent("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"R"}}}`),
		awsEvent("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":"T"}}`),
		awsEvent("contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"u","name":"f"}}}`),
		awsEvent("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}}}`),
		awsEvent("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"2}"}}}`),
		awsEvent("messageStop", `{"stopReason":"tool_use"}`),
		awsEvent("metadata", `{"usage":{"inputTokens":3,"outputTokens":4}}`),
	} {
		ended = append(ended, m...)
	}
	failed = append(awsEvent("contentBlockDelta", `{"delta":{"text":"T"}}`),
		aws(`{"message":"slow down"}`, ":message-type", "exception", ":exception-type", "throttlingException")...)
	for _, inner := range []string{`{"type":"message_start","message":{"id":"x","model":"m","usage":{"input_tokens":1,"output_tokens":1}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"W"}}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`, `{"type":"message_stop"}`} {
		wrapped = append(wrapped, awsEvent("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(inner))+`","p":"ab"}`)...)
	}
	for _, c := range []struct {
		path string
		body []byte
		want string
	}{
		{"/model/m/converse-stream", ended, `{"format":"bedrock-converse","complete":true,"end":"messageStop+metadata","id":null,"model":null,"error":null,"outputs":[
			{"index":0,"role":"assistant","text":"T","reasoning":"R","tool_calls":[{"id":"u","name":"f","arguments":"{\"a\":2}","input":{"a":2}}],"finish_reason":"tool_use"}],"usage":{"input":3,"output":4}}`},
		{"/model/m/converse-stream", failed, `{"format":"bedrock-converse","complete":false,"end":null,"id":null,"model":null,"error":{"type":"throttlingException","message":"slow down"},"outputs":[
			{"index":0,"role":"assistant","text":"T","finish_reason":null}],"usage":null}`},
		{"/model/m/invoke-with-response-stream", wrapped, `{"format":"anthropic","complete":true,"end":"message_stop","id":"x","model":"m","error":null,"outputs":[
			{"index":0,"role":"assistant","text":"W","finish_reason":"end_turn"}],"usage":{"input":1,"output":2}}`},
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int{1, 2, 3, 7, 64, len(c.body)} {
			same(t, assemble(t, head(c.path, "application/vnd.amazon.eventstream"), c.body, cut), want)
		}
	}
}

func TestRealtime(t *testing.T) {
	a := NewSocket(Head{Path: "/v1/realtime?model=m"}, time.Time{})
	for _, m := range []string{
		`{"type":"session.created","session":{"model":"m"}}`,
		`{"type":"response.created","response":{"id":"r"}}`,
		`{"type":"response.output_audio_transcript.delta","output_index":0,"content_index":0,"delta":"Hi"}`,
		`{"type":"response.output_audio.delta","output_index":0,"delta":"AAEC"}`,
		`{"type":"response.audio.delta","output_index":0,"delta":"AA=="}`,
		`{"type":"response.output_audio_transcript.done","output_index":0,"content_index":0,"transcript":"Hi!"}`,
		`not JSON`,
		`{"type":"response.done","response":{"id":"r","status":"cancelled","usage":{"input_tokens":1,"output_tokens":2}}}`,
	} {
		a.Message([]byte(m), time.Time{})
	}
	a.Ended()
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"format":"openai-realtime","complete":true,"end":"response.done","id":"r","model":"m","error":null,"outputs":[
		{"index":0,"role":"assistant","text":"Hi!","audio_bytes":4,"finish_reason":"cancelled"}],"usage":{"input":1,"output":2}}`), &want); err != nil {
		t.Fatal(err)
	}
	same(t, a.Result(), want)
	if NewSocket(Head{Path: "/chat"}, time.Time{}) != nil {
		t.Error("any socket counts as an answer")
	}
}
