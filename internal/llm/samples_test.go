package llm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
)

// samplesEnv names a folder of samples NAME.request.txt, NAME.response.txt,
// NAME.stream.txt and NAME.expected.json.
const samplesEnv = "MIDSTREAM_STREAM_SAMPLES"

var compared = []string{"format", "complete", "end", "id", "model", "error", "outputs", "usage", "server_tokens_per_second"}

func TestSamples(t *testing.T) {
	dir := os.Getenv(samplesEnv)
	if dir == "" {
		t.Skip(samplesEnv + " names no folder of samples")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.expected.json"))
	known := 0
	for _, path := range names {
		base := strings.TrimSuffix(path, ".expected.json")
		var want map[string]any
		if err := json.Unmarshal(read(t, path), &want); err != nil {
			t.Fatal(err)
		}
		if _, is := want["outputs"]; !is {
			continue
		}
		known++
		t.Run(filepath.Base(base), func(t *testing.T) {
			head, body := headOf(t, base), read(t, base+".stream.txt")
			if want["format"] == "openai-realtime" {
				same(t, socket(t, head, body), want)
				return
			}
			body, err := coding.Decode(head.Response.Joined("Content-Encoding"), body, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, cut := range []int{1, 2, 3, 7, 64, len(body)} {
				same(t, assemble(t, head, body, cut), want)
			}
		})
	}
	if known < 15 {
		t.Errorf("only %d samples", known)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func headOf(t *testing.T, base string) Head {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(read(t, base+".request.txt"))))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(read(t, base+".response.txt")), "\n")
	h, _ := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.TrimSpace(rest) + "\r\n\r\n"))).ReadMIMEHeader()
	return Head{Authority: r.Host, Path: r.RequestURI, Request: fields(r.Header), Response: fields(h)}
}

func fields[M ~map[string][]string](h M) (out flow.Fields) {
	for name, values := range h {
		for _, v := range values {
			out = append(out, flow.Field{Name: name, Value: v})
		}
	}
	return out
}

func assemble(t *testing.T, h Head, body []byte, cut int) *Result {
	t.Helper()
	a := New(h, time.Time{})
	if a == nil {
		t.Fatal("the head is of no answer of a model")
	}
	for len(body) > 0 {
		n := min(cut, len(body))
		a.Write(body[:n], time.Time{})
		body = body[n:]
	}
	a.End(time.Time{})
	return a.Result()
}

func socket(t *testing.T, h Head, transcript []byte) *Result {
	t.Helper()
	a := NewSocket(h, time.Time{})
	if a == nil {
		t.Fatal("the head is of no model's socket")
	}
	for line := range bytes.Lines(transcript) {
		var frame struct{ Dir, Op, Data string }
		if err := json.Unmarshal(line, &frame); err != nil {
			t.Fatal(err)
		}
		if frame.Dir == "s" {
			a.Message([]byte(frame.Data), time.Time{})
		}
	}
	a.Ended()
	return a.Result()
}

// same compares what want has of the keys that are compared.
func same(t *testing.T, r *Result, want map[string]any) {
	t.Helper()
	if r == nil {
		t.Fatal("no result")
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range compared {
		g, w := got[key], want[key]
		if !reflect.DeepEqual(g, w) {
			gt, _ := json.Marshal(g)
			wt, _ := json.Marshal(w)
			t.Errorf("%s is\n%s\nwant\n%s", key, gt, wt)
		}
	}
	counts, _ := want["counts"].(map[string]any)
	for _, key := range []string{"events", "lines", "messages"} {
		if n, ok := counts[key]; ok && n != float64(r.Counts.Events) {
			t.Errorf("%d events, want %v", r.Counts.Events, n)
		}
	}
	if n, ok := counts["comments"]; ok && n != float64(r.Counts.Comments) {
		t.Errorf("%d comments, want %v", r.Counts.Comments, n)
	}
}
