package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/http2"
)

// The end of a body that is rewritten on its way leaves with its last DATA frame,
// too, where what rewrites it has nothing to wait for: a function of a script, hooks
// on its messages, a rule, and whichever content coding is taken off and put on.
func TestHTTP2EndsOfWhatIsRewrittenComeWithTheLastFrame(t *testing.T) {
	t.Parallel()
	t.Run("scripts", func(t *testing.T) { t.Parallel(); rewrittenEnds(t, false) })
	t.Run("rules", func(t *testing.T) { t.Parallel(); rewrittenEnds(t, true, "--modify-body", "|~u rule|one|two") })
}

// rewrittenEnds asks for what a script changes, or what rules change.
func rewrittenEnds(t *testing.T, rules bool, args ...string) {
	file := scriptFile(t, `
export function responseheaders(flow) {
  if (flow.request.path.startsWith("/chunk"))
    flow.response.stream = chunk => chunk;
  if (flow.request.path.startsWith("/more"))
    flow.response.stream = chunk => chunk.length ? chunk : "the end";
}
export function sse_event(flow, event) { event.data += "!"; }
export function grpc_message(flow, message) {}
`)
	p := start(t, append(args, "--set", "connection_strategy=lazy", "-s", file)...)
	events := "data: one\n\ndata: two\n\n"
	coded := func(name, s string) string {
		var b bytes.Buffer
		var w io.WriteCloser = gzip.NewWriter(&b)
		if name == "zstd" {
			w, _ = zstd.NewWriter(&b)
		}
		io.WriteString(w, s)
		w.Close()
		return b.String()
	}
	type served struct{ media, coding, content string }
	bodies := map[string]served{
		"/chunk": {"text/plain", "", "one two"}, "/more": {"text/plain", "", "one two "}, "/rule": {"text/plain", "", "one two"},
		"/chunk-large": {"text/plain", "", fill(49152, "one two ")}, "/chunk-odd": {"text/plain", "", fill(60001, "one two ")},
		"/rule-large": {"text/plain", "", fill(32768, "0123456789")},
		"/events":     {"text/event-stream", "", events}, "/events-gzip": {"text/event-stream", "gzip", coded("gzip", events)},
		"/events-zstd": {"text/event-stream", "zstd", coded("zstd", events)},
		"/rule-gzip":   {"text/plain", "gzip", coded("gzip", fill(5000, "one two "))}, "/web": {"application/grpc-web+proto", "", "\x00\x00\x00\x00\x03abc"},
		"/rule-events": {"text/event-stream", "", events},
	}
	base := newFrameOrigin(t, p, func(f *frames) {
		f.WriteWindowUpdate(0, 1<<30)
		for {
			frame, err := f.next()
			if err != nil {
				return
			}
			if x, ok := frame.(*http2.MetaHeadersFrame); ok {
				b := bodies[x.PseudoValue("path")]
				fields := []string{":status", "200", "content-type", b.media}
				if b.coding != "" {
					fields = append(fields, "content-encoding", b.coding)
				}
				f.head(x.StreamID, false, fields...)
				sendData(f, x.StreamID, b.content, 0)
			}
		}
	})
	f, authority := h2Through(t, p, base)
	f.WriteWindowUpdate(0, 1<<30)
	f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	id := uint32(1)
	for path, b := range bodies {
		if strings.HasPrefix(path, "/rule") != rules {
			continue
		}
		f.head(id, true, ":method", "GET", ":scheme", "https", ":authority", authority, ":path", path)
		var got bytes.Buffer
		for over := false; !over; {
			frame, err := f.next()
			if err != nil {
				t.Fatal(path, err)
			}
			switch x := frame.(type) {
			case *http2.MetaHeadersFrame:
				if x.PseudoValue("status") != "200" {
					t.Fatalf("%s: %v", path, x)
				}
			case *http2.DataFrame:
				if over = x.StreamEnded(); len(x.Data()) == 0 {
					t.Errorf("%s: an empty frame behind %d octets", path, got.Len())
				}
				got.Write(x.Data())
			case *http2.RSTStreamFrame:
				t.Fatal(path, x)
			}
		}
		content := got.String()
		switch b.coding {
		case "gzip":
			r, err := gzip.NewReader(&got)
			if err != nil {
				t.Fatal(path, err)
			}
			all, err := io.ReadAll(r)
			if err != nil {
				t.Error(path, err)
			}
			content = string(all)
			b.content = events
			if b.media == "text/plain" {
				b.content = fill(5000, "one two ")
			}
		case "zstd":
			r, err := zstd.NewReader(&got)
			if err != nil {
				t.Fatal(path, err)
			}
			all, err := io.ReadAll(r)
			if err != nil {
				t.Error(path, err)
			}
			content, b.content = string(all), events
		}
		want := b.content
		if strings.HasPrefix(path, "/rule") {
			want = strings.ReplaceAll(want, "one", "two")
		}
		if strings.Contains(b.media, "event-stream") {
			want = strings.ReplaceAll(strings.ReplaceAll(want, "one", "one!"), "two", "two!")
			if strings.HasPrefix(path, "/rule") {
				want = "data: two!\n\ndata: two!\n\n"
			}
		}
		if path == "/more" {
			want += "the end"
		}
		if content != want {
			t.Errorf("%s: %s, want %s", path, shortened(content), shortened(want))
		}
		id += 2
	}
}

func shortened(s string) string { return fmt.Sprintf("%d octets %.60q", len(s), s) }
