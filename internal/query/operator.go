package query

import (
	"strings"

	"midstream/internal/pattern"
)

// Op is an operator.
type Op uint8

// The operators.
const (
	All Op = iota
	Asset
	Body
	RequestBody
	ResponseBody
	Status
	Comment
	Domain
	DNS
	HTTP
	TCP
	UDP
	WebSocket
	Destination
	Source
	Failed
	Head
	RequestHead
	ResponseHead
	Method
	Marked
	Marker
	Meta
	Unanswered
	Answered
	Replayed
	ReplayedRequest
	ReplayedResponse
	Type
	RequestType
	ResponseType
	URL
	Size
	Duration
	Age
	Disposed
	Ended
	Protocol
	Found
	Event
	From
	Secured
)

// argument is what stands behind an operator.
type argument uint8

const (
	nothing  argument = iota
	text              // a pattern over text
	octets            // a pattern over octets
	perhaps           // a pattern over text, or nothing
	statuses          // 404, 5xx, 400-499
	sizes             // >1m
	times             // <1h
	words             // one or more of a list
)

// operator is a row of the language.
type operator struct {
	name  string // without the tilde
	op    Op
	arg   argument
	flags pattern.Flags // besides those of the case
	words []string
	help  string
}

const (
	lines = pattern.Multiline
	whole = pattern.DotAll
)

// operators returns the language, in the order of the page about it.
func operators() []operator {
	return []operator{
		{name: "all", op: All, help: "every flow"},
		{name: "u", op: URL, arg: text, help: "URL, with the host that the client named; a word alone is the same"},
		{name: "d", op: Domain, arg: text, help: "host that the request is sent to, or that the client named"},
		{name: "m", op: Method, arg: octets, help: "method"},
		{name: "c", op: Status, arg: statuses, help: "status: 404, 5xx, 400-499"},
		{name: "t", op: Type, arg: octets, help: "Content-Type of request or response"},
		{name: "tq", op: RequestType, arg: octets, help: "Content-Type of the request"},
		{name: "ts", op: ResponseType, arg: octets, help: "Content-Type of the response"},
		{name: "a", op: Asset, help: "the response is a script, style sheet, image or font, by its Content-Type"},
		{name: "h", op: Head, arg: octets, flags: lines, help: "\"Name: value\" lines of request or response"},
		{name: "hq", op: RequestHead, arg: octets, flags: lines, help: "\"Name: value\" lines of the request"},
		{name: "hs", op: ResponseHead, arg: octets, flags: lines, help: "\"Name: value\" lines of the response"},
		{name: "b", op: Body, arg: octets, flags: whole, help: "content of request or response, messages of WebSocket, octets of a tunnel"},
		{name: "bq", op: RequestBody, arg: octets, flags: whole, help: "the same, client to server"},
		{name: "bs", op: ResponseBody, arg: octets, flags: whole, help: "the same, server to client"},
		{name: "event", op: Event, arg: octets, flags: lines, help: "one message of a stream in the response: an event of an event stream, a line of NDJSON, a gRPC message; a message of WebSocket"},
		{name: "q", op: Unanswered, help: "has no response"},
		{name: "s", op: Answered, help: "has a response"},
		{name: "e", op: Failed, help: "ended with an error"},
		{name: "outcome", op: Ended, arg: text, help: "how it ended: running, completed, client left, server cut, timeout, reset, killed, failed, refused, interrupted"},
		{name: "http", op: HTTP, help: "is HTTP"},
		{name: "websocket", op: WebSocket, help: "is a WebSocket connection"},
		{name: "tcp", op: TCP, help: "is a raw TCP tunnel"},
		{name: "udp", op: UDP, help: "is UDP"},
		{name: "dns", op: DNS, help: "is DNS"},
		{name: "proto", op: Protocol, arg: words, words: []string{"h1", "h2", "h3", "ws", "grpc", "sse"}, help: "protocol of the client's request, or of what the response carries"},
		{name: "src", op: Source, arg: text, help: "client, as address:port"},
		{name: "dst", op: Destination, arg: text, help: "server that was dialled, as host:port"},
		{name: "tls", op: Secured, arg: perhaps, flags: lines, help: "\"client version: TLS 1.3\" lines of client and server: version, cipher, sni, alpn; alone: either side has TLS"},
		{name: "from", op: From, arg: words, words: []string{"client", "server"}, help: "that side has sent a body"},
		{name: "size", op: Size, arg: sizes, help: "octets of both bodies together: >1m, <=10k, 1k-2k"},
		{name: "dur", op: Duration, arg: times, help: "how long it took: >2s, <100ms"},
		{name: "age", op: Age, arg: times, help: "how long ago it began: <1h, >2d"},
		{name: "disp", op: Disposed, arg: words, words: []string{"tee", "hold", "pass"}, help: "what happened to one of the bodies"},
		{name: "finding", op: Found, arg: perhaps, help: "a finding, \"code: text\"; alone: any finding"},
		{name: "marked", op: Marked, help: "is marked"},
		{name: "marker", op: Marker, arg: text, help: "the marker"},
		{name: "comment", op: Comment, arg: text, flags: lines, help: "the comment"},
		{name: "meta", op: Meta, arg: text, flags: lines, help: "\"key: value\" lines of the metadata"},
		{name: "replay", op: Replayed, help: "was replayed"},
		{name: "replayq", op: ReplayedRequest, help: "is a request that was sent again"},
		{name: "replays", op: ReplayedResponse, help: "got a recorded response"},
	}
}

// find returns the operator called name.
func find(name string) (operator, bool) {
	for _, o := range operators() {
		if o.name == name {
			return o, true
		}
	}
	return operator{}, false
}

// An Operator tells a person about one operator.
type Operator struct {
	Name string // as it is written: "~d"
	// Argument is what stands behind it, as "REGEX", "" for nothing.
	Argument string
	Help     string
}

// Operators lists the language.
func Operators() []Operator {
	var list []Operator
	for _, o := range operators() {
		list = append(list, Operator{"~" + o.name, o.argument(), o.help})
	}
	return list
}

func (o operator) argument() string {
	switch o.arg {
	case text, octets:
		return "REGEX"
	case perhaps:
		return "[REGEX]"
	case statuses:
		return "STATUS"
	case sizes:
		return "SIZE"
	case times:
		return "TIME"
	case words:
		return strings.Join(o.words, "|")
	}
	return ""
}
