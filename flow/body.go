package flow

import (
	"strconv"
	"time"
)

// Side names one of the two directions of an exchange.
type Side uint8

// The sides. The numbers are on disk and never change.
const (
	ToServer Side = 0 // the request: client to server
	ToClient Side = 1 // the response: server to client
)

func (s Side) String() string {
	if s == ToServer {
		return "request"
	}
	return "response"
}

// Disposition is what happens to a body on its way.
type Disposition uint8

// The dispositions. The numbers are on disk and never change.
const (
	NoBody Disposition = 0 // by its head the message has no body
	Tee    Disposition = 1 // passes as it arrives and is recorded
	Hold   Disposition = 2 // is kept until it has ended, then sent
	Pass   Disposition = 3 // passes as it arrives and is not recorded
)

// String says it as the front ends do.
func (d Disposition) String() string {
	switch d {
	case NoBody:
		return "no body"
	case Tee:
		return "recorded as it passes"
	case Hold:
		return "held"
	case Pass:
		return "passed, not recorded"
	}
	return "disposition " + strconv.Itoa(int(d))
}

// Word is the disposition in one word, for filters and narrow columns.
func (d Disposition) Word() string {
	switch d {
	case NoBody:
		return "none"
	case Tee:
		return "tee"
	case Hold:
		return "hold"
	case Pass:
		return "pass"
	}
	return "?"
}

// A Change is a later change of a body's disposition.
type Change struct {
	Offset int64 // bytes of the body that had come
	To     Disposition
	Reason string
}

// Framing is how a body is delimited on one side of the proxy.
type Framing struct {
	Kind FramingKind
	// Length is the length of the body in octets for ByLength.
	Length int64
}

// FramingKind is how the end of a body is found (RFC 9112 section 6.3).
type FramingKind uint8

// The kinds.
const (
	Unframed   FramingKind = iota // there is no body
	ByLength                      // Content-Length octets
	Chunked                       // chunked transfer coding, or DATA frames up to END_STREAM
	UntilClose                    // until the connection closes
)

// Known returns the length of the body where the head gave one, else -1.
func (f Framing) Known() int64 {
	switch f.Kind {
	case Unframed:
		return 0
	case ByLength:
		return f.Length
	}
	return -1
}

// Empty tells whether the head says that there is no body.
func (f Framing) Empty() bool {
	return f.Kind == Unframed || f.Kind == ByLength && f.Length == 0
}

// Record is what is kept of a body.
type Record uint8

// The states. The numbers are on disk and never change.
const (
	Unrecorded Record = 0 // nothing is kept
	Recording  Record = 1 // is being recorded
	Complete   Record = 2 // all that was sent is kept
	Cut        Record = 3 // Recorded octets are kept of what was sent, behind the first Removed ones
)

func (r Record) String() string {
	switch r {
	case Unrecorded:
		return "not recorded"
	case Recording:
		return "recording"
	case Complete:
		return "complete"
	case Cut:
		return "cut"
	}
	return "record " + strconv.Itoa(int(r))
}

// A Mark is where one message of a body is, and when it passed.
type Mark struct {
	// Offset and Length are octets of the content of the body, its content coding
	// removed. A mark may begin before the end of the one before it: a message of
	// WebSocket may have others between its frames.
	Offset, Length int64
	// Time is when the last octet of the message had come and was about to be sent on,
	// to the microsecond. No two messages of both bodies that were sent apart have the
	// same, so that an answer stands behind what it answers.
	Time time.Time
	// Attr is what the format says about it in a number: the flags of a
	// length-prefixed message, the opcode of WebSocket.
	Attr uint32
	// Unfinished tells that the body ended inside it, Lost that it is none: what is
	// not in the format, up to the end.
	Unfinished, Lost bool
}

// Body tells what happened to a body.
type Body struct {
	Disposition Disposition
	Reason      string // why that disposition
	Changes     []Change
	Declared    int64 // length by its head as received; -1 when unknown
	Received    int64 // octets that came, transfer coding removed
	Sent        int64 // octets that were sent on
	Record      Record
	Recorded    int64  // octets that are kept
	Removed     int64  // octets in front of those, recorded and removed later
	CutReason   string // why the record was cut
	Transformed bool   // a hook or rule rewrote it on its way
	Ended       bool   // it came to its proper end, and the end was sent on
	Messages    int64  // how many messages were found in it as it passed
}
