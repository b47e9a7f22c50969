package query

import "midstream/internal/pattern"

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
}

const (
	lines = pattern.Multiline
	whole = pattern.DotAll
)

// operators returns the language, in the order of the page about it.
func operators() []operator {
	return []operator{
		{name: "all", op: All},
		{name: "u", op: URL, arg: text},
		{name: "d", op: Domain, arg: text},
		{name: "m", op: Method, arg: octets},
		{name: "c", op: Status, arg: statuses},
		{name: "t", op: Type, arg: octets},
		{name: "tq", op: RequestType, arg: octets},
		{name: "ts", op: ResponseType, arg: octets},
		{name: "a", op: Asset},
		{name: "h", op: Head, arg: octets, flags: lines},
		{name: "hq", op: RequestHead, arg: octets, flags: lines},
		{name: "hs", op: ResponseHead, arg: octets, flags: lines},
		{name: "b", op: Body, arg: octets, flags: whole},
		{name: "bq", op: RequestBody, arg: octets, flags: whole},
		{name: "bs", op: ResponseBody, arg: octets, flags: whole},
		{name: "event", op: Event, arg: octets, flags: lines},
		{name: "q", op: Unanswered},
		{name: "s", op: Answered},
		{name: "e", op: Failed},
		{name: "outcome", op: Ended, arg: text},
		{name: "http", op: HTTP},
		{name: "websocket", op: WebSocket},
		{name: "tcp", op: TCP},
		{name: "udp", op: UDP},
		{name: "dns", op: DNS},
		{name: "proto", op: Protocol, arg: words, words: []string{"h1", "h2", "h3", "ws", "grpc", "sse"}},
		{name: "src", op: Source, arg: text},
		{name: "dst", op: Destination, arg: text},
		{name: "tls", op: Secured, arg: perhaps, flags: lines},
		{name: "from", op: From, arg: words, words: []string{"client", "server"}},
		{name: "size", op: Size, arg: sizes},
		{name: "dur", op: Duration, arg: times},
		{name: "age", op: Age, arg: times},
		{name: "disp", op: Disposed, arg: words, words: []string{"tee", "hold", "pass"}},
		{name: "finding", op: Found, arg: perhaps},
		{name: "marked", op: Marked},
		{name: "marker", op: Marker, arg: text},
		{name: "comment", op: Comment, arg: text, flags: lines},
		{name: "meta", op: Meta, arg: text, flags: lines},
		{name: "replay", op: Replayed},
		{name: "replayq", op: ReplayedRequest},
		{name: "replays", op: ReplayedResponse},
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
