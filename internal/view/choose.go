package view

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/message"
)

// media is the type in lower case, without parameters.
func (in *Input) media() string {
	m, _, _ := strings.Cut(in.Fields.Joined("Content-Type"), ";")
	return strings.ToLower(flow.TrimSpace(m))
}

var (
	tokenStart = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*$`)
	queryKey   = regexp.MustCompile(`^\s*(?:\[\s*)?\{(?s:.*?)"query"\s*:\s*"(?:[^"\\]|\\.)*\{`)
)

// choose is the view that fits best, by the type and by the first octets.
func choose(s *source) string {
	start := s.start()
	if len(start) == 0 {
		if _, query, _ := strings.Cut(s.in.Path, "?"); query != "" && s.in.Side == flow.ToServer {
			return "query"
		}
		return "raw"
	}
	media := s.in.media()
	kind, _ := message.Of(s.in.Fields.Joined("Content-Type"))
	switch kind {
	case message.SSE, message.NDJSON, message.AWS:
		if isLLM(s, start) {
			return "llm"
		}
		if kind == message.NDJSON {
			return "ndjson"
		}
		return "sse"
	case message.JSONSeq:
		return "ndjson"
	case message.GRPC, message.GRPCWeb, message.GRPCWebText, message.Connect:
		return "grpc"
	case message.Multipart:
		return "multipart"
	}
	if s.in.Fields.Has("X-Vercel-Ai-Data-Stream") {
		return "llm"
	}
	switch media {
	case "application/json", "application/json-rpc", "text/json", "application/x-javascript", "application/javascript", "text/javascript":
		return ofScript(media, start)
	case "text/html", "text/xml", "application/xml", "application/xhtml+xml":
		return "xml"
	case "text/css":
		return "css"
	case "application/x-www-form-urlencoded":
		return "form"
	case "multipart/form-data":
		return "multipart"
	case "application/jwt":
		return "jwt"
	case "application/graphql":
		return "graphql"
	case "application/x-protobuf", "application/protobuf", "application/x-protobuffer", "application/vnd.google.protobuf", "application/proto":
		return "protobuf"
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack":
		return "msgpack"
	}
	switch {
	case strings.HasSuffix(media, "+json"):
		return ofScript("application/json", start)
	case strings.HasSuffix(media, "+xml"):
		return "xml"
	case strings.HasSuffix(media, "+jwt"):
		return "jwt"
	case strings.HasPrefix(media, "image/"):
		return "image"
	}
	if name := byMagic(start); name != "hex" || !strings.HasPrefix(media, "text/") || bytes.IndexByte(start, 0) >= 0 {
		return name
	}
	return "raw" // text of another charset
}

// ofScript tells JSON from what only says that it is.
func ofScript(media string, start []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) > 0 && text[0] == '<':
		return "xml"
	case !strings.Contains(media, "json"):
		return "javascript"
	case queryKey.Match(text):
		return "graphql"
	case notText(start):
		return "hex"
	}
	return "json"
}

// byMagic is the view by the first octets alone.
func byMagic(start []byte) string {
	if imageKind(start) != "" {
		return "image"
	}
	if notText(start) {
		return "hex"
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case tokenStart.Match(text):
		return "jwt"
	case len(text) > 1 && (text[0] == '{' || text[0] == '[') && likeJSON(text):
		return "json"
	case len(text) > 1 && text[0] == '<' && (text[1] == '!' || text[1] == '?' || text[1] >= 'A' && text[1] <= 'Z' || text[1] >= 'a' && text[1] <= 'z'):
		return "xml"
	}
	return "raw"
}

// likeJSON tells whether what follows the first bracket can.
func likeJSON(text []byte) bool {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(rest) == 0 {
		return false
	}
	if text[0] == '{' {
		return rest[0] == '"' || rest[0] == '}'
	}
	return bytes.IndexByte([]byte(`"{[]-0123456789tfn`), rest[0]) >= 0
}

// notText tells whether a start is not text: control characters, or much that is
// not UTF-8.
func notText(p []byte) bool {
	if bytes.HasPrefix(p, []byte("\xff\xfe")) || bytes.HasPrefix(p, []byte("\xfe\xff")) {
		return false
	}
	p = p[:min(len(p), 1024)]
	odd, n := 0, len(p)
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		switch {
		case r == 0:
			return true
		case r == utf8.RuneError && size == 1 && (utf8.FullRune(p) || n < 1024):
			odd++
		case r < ' ' && !strings.ContainsRune("\t\r\n\f\x1b", r):
			odd++
		}
		p = p[size:]
	}
	return odd*10 > n
}

// fallback is the view of what its own view could not read.
func fallback(s *source) (view, error) {
	if notText(s.start()) {
		return find("hex")
	}
	return find("raw")
}
