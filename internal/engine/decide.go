package engine

import (
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/hook"
)

// question is all that the disposition of a body depends on.
type question struct {
	upgraded bool  // the body is a raw connection
	missing  bool  // it passed in a flow of earlier, and was not kept
	known    int64 // length by the head, -1 when unknown
	// size is stream_large_bodies, nil when unset.
	size *int64
	// preset tells that the wish was DoNotWait before the head hooks ran,
	// because the known length is above size.
	preset bool
	stream hook.Stream // after the head hooks
	// intercept tells that an intercept matches, so that the whole is wanted.
	intercept bool
	wanted    bool // a hook wants the whole body
	// hold is why the whole of this body is wanted though no hook wants all, ""
	// for nothing.
	hold string
	// guarded tells that hold is the reason of a guard.
	guarded bool
	// endless is the media type that made the body endless, "" for none.
	endless string
}

// decide says what happens to a body that is there, and why. It is called once
// for each message, after its head hooks and before its first body byte.
func decide(q question) (flow.Disposition, string) {
	keep := q.stream.Wish == hook.KeepAsIs
	switch {
	case q.upgraded:
		return flow.Tee, "upgraded connection"
	case q.missing:
		return flow.Pass, "its content is missing"
	case q.guarded:
		return flow.Hold, q.hold
	case q.stream.Transform != nil:
		return flow.Pass, "a script set stream to a function"
	case q.stream.Wish == hook.DoNotWait && !q.preset:
		return flow.Pass, "a script set stream"
	case larger(q.known, q.size) && !keep:
		return flow.Pass, largerReason(*q.size)
	case q.intercept:
		return flow.Hold, "an intercept matches"
	case q.hold != "" && (keep || q.endless == ""):
		return flow.Hold, q.hold
	case q.wanted && keep:
		return flow.Hold, "a script set stream to false and a hook wants the whole body"
	case q.wanted && q.endless == "":
		return flow.Hold, "a hook wants the whole body"
	case q.wanted, q.hold != "":
		return flow.Tee, "endless type " + q.endless
	}
	return flow.Tee, "default"
}

// larger tells whether a known length is above size: strictly, except that a
// size of 0 lets every body pass.
func larger(known int64, size *int64) bool {
	return size != nil && (known > *size || *size == 0)
}

func largerReason(size int64) string { return "larger than --stream " + sizeText(size) }

// sizeText writes n as --stream takes it: with the largest unit that divides it.
func sizeText(n int64) string {
	unit := ""
	for _, u := range []string{"k", "m", "g", "t"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}

// endlessTypes are the media types whose bodies are not held merely because a
// hook is loaded. A trailing * stands for any rest.
var endlessTypes = [...]string{
	"text/event-stream",
	"application/grpc*",
	"application/connect+*",
	"application/x-ndjson",
	"application/jsonl",
	"application/json-seq",
	"application/stream+json",
	"application/vnd.amazon.eventstream",
	"multipart/x-mixed-replace",
}

// endless returns the media type of contentType when its bodies have no end by
// nature, else "". known is the length by the head, -1 when unknown: audio and
// video are endless only without one. more adds types.
func endless(contentType string, known int64, more []string) string {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(flow.TrimSpace(media))
	if media == "" {
		return ""
	}
	if known < 0 && (strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")) {
		return media
	}
	for _, t := range endlessTypes {
		if matchesType(media, t) {
			return media
		}
	}
	for _, t := range more {
		if matchesType(media, strings.ToLower(t)) {
			return media
		}
	}
	return ""
}

func matchesType(media, pattern string) bool {
	if head, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(media, head)
	}
	return media == pattern
}
