package message

import (
	"mime"
	"strings"

	"midstream/flow"
)

// Kind is a format of bodies that are streams of messages.
type Kind uint8

// The kinds.
const (
	None        Kind = iota
	SSE              // server-sent events (WHATWG HTML section 9.2)
	NDJSON           // one JSON text a line
	JSONSeq          // JSON text sequences (RFC 7464)
	GRPC             // gRPC over HTTP/2
	GRPCWeb          // gRPC-Web, binary; its last message may be trailers
	GRPCWebText      // gRPC-Web in base64: New takes the octets that Base64 gives
	Connect          // Connect streaming; its last message is the end
	AWS              // application/vnd.amazon.eventstream
	Multipart        // multipart/x-mixed-replace and its like (RFC 2046)
	WebSocket        // the directions of an upgraded connection: no body, and nothing for New
	TCP              // the directions of a raw tunnel: what came in one piece; nothing for New
)

var kindNames = [...]string{
	"", "server-sent events", "NDJSON", "JSON text sequence", "gRPC", "gRPC-Web", "gRPC-Web in base64", "Connect",
	"AWS event stream", "multipart", "WebSocket", "TCP",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "?"
}

// Word is the kind in one word, for scripts and narrow columns.
func (k Kind) Word() string {
	switch k {
	case SSE:
		return "sse"
	case NDJSON:
		return "ndjson"
	case JSONSeq:
		return "json-seq"
	case GRPC:
		return "grpc"
	case GRPCWeb, GRPCWebText:
		return "grpc-web"
	case Connect:
		return "connect"
	case AWS:
		return "aws"
	case Multipart:
		return "multipart"
	case WebSocket:
		return "websocket"
	case TCP:
		return "tcp"
	}
	return ""
}

// PayloadCoding is how payloads of messages that say so are compressed, by the
// fields of their body.
func PayloadCoding(k Kind, fields flow.Fields) string {
	if k == Connect {
		return fields.Get("Connect-Content-Encoding")
	}
	return fields.Get("Grpc-Encoding")
}

// Of tells by the Content-Type of a body which messages it has, and for
// Multipart the boundary.
func Of(contentType string) (k Kind, boundary string) {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(flow.TrimSpace(media))
	switch media {
	case "text/event-stream":
		return SSE, ""
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines", "application/json-lines",
		"application/x-jsonlines", "application/stream+json":
		return NDJSON, ""
	case "application/json-seq", "application/geo+json-seq":
		return JSONSeq, ""
	case "application/vnd.amazon.eventstream":
		return AWS, ""
	case "multipart/x-mixed-replace", "multipart/mixed", "multipart/byteranges":
		if boundary = Boundary(contentType); boundary != "" {
			return Multipart, boundary
		}
		return None, ""
	}
	switch {
	case strings.HasPrefix(media, "application/connect+"):
		return Connect, ""
	case subtype(media, "application/grpc-web-text"):
		return GRPCWebText, ""
	case subtype(media, "application/grpc-web"):
		return GRPCWeb, ""
	case subtype(media, "application/grpc"):
		return GRPC, ""
	case strings.HasSuffix(media, "+json-seq"):
		return JSONSeq, ""
	}
	return None, ""
}

// subtype tells that media is base or base+anything.
func subtype(media, base string) bool {
	rest, ok := strings.CutPrefix(media, base)
	return ok && (rest == "" || rest[0] == '+')
}

// maxBoundary is longer than any boundary that RFC 2046 section 5.1.1 allows.
const maxBoundary = 256

// Boundary reads the boundary parameter of a multipart Content-Type, "" without one; what is not quoted may have octets
// that need quotes.
func Boundary(contentType string) string {
	b := ""
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		b = params["boundary"]
	} else {
		for _, param := range strings.Split(contentType, ";")[1:] {
			name, value, _ := strings.Cut(flow.TrimSpace(param), "=")
			if strings.EqualFold(flow.TrimSpace(name), "boundary") {
				b = strings.Trim(flow.TrimSpace(value), `"`)
			}
		}
	}
	if len(b) > maxBoundary || strings.ContainsAny(b, "\r\n") {
		return ""
	}
	return b
}

func newFramer(k Kind, boundary string) framer {
	switch k {
	case SSE:
		return &events{first: true, empty: true}
	case NDJSON:
		return &lines{}
	case JSONSeq:
		return &sequence{}
	case GRPC:
		return &prefixed{flags: 0x01}
	case GRPCWeb, GRPCWebText:
		return &prefixed{flags: 0x81}
	case Connect:
		return &prefixed{flags: 0x03}
	case AWS:
		return &awsMessages{}
	case Multipart:
		return newParts(boundary)
	}
	panic("message: no splitter for this kind")
}
