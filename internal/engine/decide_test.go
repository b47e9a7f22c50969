package engine

import (
	"testing"

	"midstream/flow"
	"midstream/hook"
)

func size(n int64) *int64 { return &n }

func someTransform() hook.Transform { return nil }

func TestDecide(t *testing.T) {
	wish := func(w hook.Wish) hook.Stream { return hook.Stream{Wish: w} }
	function := hook.Stream{Transform: someTransform}
	for _, c := range []struct {
		rule string
		q    question
		want flow.Disposition
		why  string
	}{
		{"nothing asked for", question{known: 5}, flow.Tee, "default"},
		{"unknown length, nothing asked for", question{known: -1}, flow.Tee, "default"},
		{"1: upgraded beats all", question{upgraded: true, known: -1, stream: function, intercept: true, wanted: true, size: size(0)}, flow.Tee, "upgraded connection"},
		{"2: stream = true", question{known: 5, stream: wish(hook.DoNotWait)}, flow.Pass, "a script set stream"},
		{"2: stream = true beats an intercept", question{known: 5, stream: wish(hook.DoNotWait), intercept: true, wanted: true}, flow.Pass, "a script set stream"},
		{"2: a function", question{known: -1, stream: function, wanted: true}, flow.Pass, "a script set stream to a function"},
		{"2: a function although stream was false", question{known: -1, stream: hook.Stream{Wish: hook.KeepAsIs, Transform: someTransform}}, flow.Pass, "a script set stream to a function"},
		{"3: larger", question{known: 3<<20 + 1, size: size(3 << 20), preset: true, stream: wish(hook.DoNotWait)}, flow.Pass, "larger than --stream 3m"},
		{"3: larger beats an intercept", question{known: 11, size: size(10), preset: true, stream: wish(hook.DoNotWait), intercept: true}, flow.Pass, "larger than --stream 10"},
		{"3: exactly that size is not larger", question{known: 10, size: size(10)}, flow.Tee, "default"},
		{"3: 0 passes every body", question{known: 1, size: size(0), preset: true, stream: wish(hook.DoNotWait)}, flow.Pass, "larger than --stream 0"},
		{"3: 0 passes unknown lengths at once", question{known: -1, size: size(0), preset: true, stream: wish(hook.DoNotWait)}, flow.Pass, "larger than --stream 0"},
		{"3: unknown length is not larger yet", question{known: -1, size: size(10)}, flow.Tee, "default"},
		{"3: a hook took the preset back without a word", question{known: 11, size: size(10), preset: true}, flow.Pass, "larger than --stream 10"},
		{"3: stream = false keeps it", question{known: 11, size: size(10), preset: true, stream: wish(hook.KeepAsIs)}, flow.Tee, "default"},
		{"4: an intercept", question{known: 5, intercept: true}, flow.Hold, "an intercept matches"},
		{"4: an intercept holds endless types, too", question{known: -1, intercept: true, endless: "text/event-stream"}, flow.Hold, "an intercept matches"},
		{"4: stream = false and wanted", question{known: 11, size: size(10), preset: true, stream: wish(hook.KeepAsIs), wanted: true}, flow.Hold, "a script set stream to false and a hook wants the whole body"},
		{"4: stream = false holds an endless type that is wanted", question{known: -1, stream: wish(hook.KeepAsIs), wanted: true, endless: "text/event-stream"}, flow.Hold, "a script set stream to false and a hook wants the whole body"},
		{"4: a rule holds one body", question{known: 5, hold: "a rule"}, flow.Hold, "a rule"},
		{"4: a guard holds an endless type, what a script lets pass, and what is large",
			question{known: -1, hold: "a guard", guarded: true, endless: "text/event-stream", size: size(0), stream: wish(hook.DoNotWait)}, flow.Hold, "a guard"},
		{"4: a rule does not hold an endless type", question{known: -1, hold: "a rule", endless: "text/event-stream"}, flow.Tee, "endless type text/event-stream"},
		{"4: stream = false by itself holds nothing", question{known: 5, stream: wish(hook.KeepAsIs)}, flow.Tee, "default"},
		{"5: wanted", question{known: 5, wanted: true}, flow.Hold, "a hook wants the whole body"},
		{"5: wanted, unknown length below the size", question{known: -1, size: size(10), wanted: true}, flow.Hold, "a hook wants the whole body"},
		{"6: endless", question{known: -1, wanted: true, endless: "text/event-stream"}, flow.Tee, "endless type text/event-stream"},
	} {
		if got, why := decide(c.q); got != c.want || why != c.why {
			t.Errorf("%s: %v (%s), want %v (%s)", c.rule, got.Word(), why, c.want.Word(), c.why)
		}
	}
}

func TestEndless(t *testing.T) {
	more := []string{"application/X-mine", "text/feed*"}
	for _, c := range []struct {
		contentType string
		known       int64
		want        string
	}{
		{"text/event-stream", -1, "text/event-stream"},
		{"Text/Event-Stream ; charset=utf-8", 10, "text/event-stream"},
		{"application/grpc", -1, "application/grpc"},
		{"application/grpc-web+proto", -1, "application/grpc-web+proto"},
		{"application/connect+json", -1, "application/connect+json"},
		{"application/connect", -1, ""},
		{"application/x-ndjson", -1, "application/x-ndjson"},
		{"application/jsonl", -1, "application/jsonl"},
		{"application/json-seq", -1, "application/json-seq"},
		{"application/stream+json", -1, "application/stream+json"},
		{"application/vnd.amazon.eventstream", -1, "application/vnd.amazon.eventstream"},
		{"multipart/x-mixed-replace; boundary=x", -1, "multipart/x-mixed-replace"},
		{"audio/mpeg", -1, "audio/mpeg"},
		{"video/mp4", -1, "video/mp4"},
		{"video/mp4", 10, ""},
		{"application/json", -1, ""},
		{"", -1, ""},
		{"application/x-mine", -1, "application/x-mine"},
		{"text/feed2", 5, "text/feed2"},
	} {
		if got := endless(c.contentType, c.known, more); got != c.want {
			t.Errorf("%q with length %d: %q, want %q", c.contentType, c.known, got, c.want)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "1", 1023: "1023", 1024: "1k", 3 << 20: "3m", 1536: "1536", 1 << 40: "1t"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
