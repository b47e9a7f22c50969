package redaction

import (
	"strings"

	"midstream/flow"
	"midstream/internal/message"
)

// series are stages one behind the other; the first one is given what comes.
type series []stage

func (s series) write(p []byte) { s[0].write(p) }

func (s series) end(whole bool) {
	for _, t := range s {
		t.end(whole)
	}
}

// chain makes the stage that make makes, what finds parameters of URLs behind it,
// and then the user's patterns.
func (h *hand) chain(out sink, make func(*hand, sink) stage) stage {
	var s series
	after := func(t stage) sink {
		s = append(s, t)
		return t.write
	}
	if h.own != nil {
		out = after(&echo{h: h, out: out})
	}
	for i := len(h.r.user) - 1; i >= 0; i-- {
		out = after(h.r.user[i].stage(h, out))
	}
	if !h.exact {
		out = after(&links{h: h, out: out})
	}
	s = append(s, make(h, out))
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
	return s
}

// raw goes through a text of any kind, as what passes in a tunnel.
func raw(h *hand, out sink) stage { return &fieldLines{h: h, out: out} }

// maker tells what goes through a body that is sent with these fields; nil for one
// that nothing is looked for in.
func (r *Redactor) maker(fields flow.Fields) func(*hand, sink) stage {
	contentType := fields.Joined("Content-Type")
	switch kind, _ := message.Of(contentType); kind {
	case message.SSE:
		return func(h *hand, out sink) stage { return newEvents(h, out) }
	case message.NDJSON:
		return lines('\n')
	case message.JSONSeq:
		return lines(0x1e)
	case message.GRPC, message.GRPCWeb, message.GRPCWebText, message.Connect, message.AWS:
		return func(h *hand, out sink) stage { return newFrames(h, out, kind, fields) }
	}
	m := media(contentType)
	switch {
	case strings.HasPrefix(m, "multipart/"):
		if b := message.Boundary(contentType); b != "" {
			return func(h *hand, out sink) stage { return newParts(h, out, b) }
		}
		return raw
	case jsonMedia(contentType):
		return func(h *hand, out sink) stage {
			return &sniff{h: h, out: out, text: true, other: func(out sink) stage { return newJSON(h, out) }}
		}
	case m == "application/x-www-form-urlencoded":
		return func(h *hand, out sink) stage {
			return &sniff{h: h, out: out, text: true, other: func(out sink) stage { return &form{h: h, out: out} }}
		}
	case m == "message/http", m == "application/http":
		return raw
	case opaque(m):
		if len(r.user) == 0 {
			return nil
		}
		return func(_ *hand, out sink) stage { return plain{out} }
	case m == "text/plain" || m == "":
		return func(h *hand, out sink) stage {
			return &sniff{h: h, out: out, text: m != "", other: func(out sink) stage { return raw(h, out) }}
		}
	case strings.HasPrefix(m, "text/"):
		return func(h *hand, out sink) stage { return &sniff{h: h, out: out, text: true} }
	}
	return newText
}

func lines(cut byte) func(*hand, sink) stage {
	return func(h *hand, out sink) stage {
		j := newJSON(h, out)
		j.cut = cut
		return j
	}
}

// media is the media type in lower case, without parameters.
func media(contentType string) string {
	m, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(flow.TrimSpace(m))
}

func jsonMedia(contentType string) bool {
	m := media(contentType)
	return strings.HasSuffix(m, "json") || strings.Contains(m, "+json")
}

// opaque tells of a media type that no credentials of the known forms are looked
// for in.
func opaque(contentType string) bool {
	m := media(contentType)
	if strings.HasSuffix(m, "+xml") {
		return false
	}
	for _, prefix := range [...]string{"image/", "audio/", "video/", "font/"} {
		if strings.HasPrefix(m, prefix) {
			return true
		}
	}
	switch m {
	case "application/zip", "application/gzip", "application/x-gzip", "application/pdf", "application/wasm", "application/x-tar", "application/x-protobuf",
		"application/protobuf", "application/vnd.google.protobuf", "application/ocsp-request", "application/ocsp-response", "application/dns-message":
		return true
	}
	return false
}
