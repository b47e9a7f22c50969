package flow

import (
	"fmt"
	"strconv"
)

// OutcomeKind is how an exchange ended.
type OutcomeKind uint8

// The outcomes. The numbers are on disk and never change.
const (
	Running    OutcomeKind = 0
	Completed  OutcomeKind = 1 // both messages came to their end
	ClientLeft OutcomeKind = 2 // the client closed or reset first
	ServerCut  OutcomeKind = 3 // the server closed inside its message
	TimedOut   OutcomeKind = 4
	WasReset   OutcomeKind = 5 // the server reset
	Killed     OutcomeKind = 6 // a hook or a person ended it
	Failed     OutcomeKind = 7 // no response could be had: dial, TLS, malformed head
	Refused    OutcomeKind = 8 // midstream refused it: limits, malformed request
	Interrupt  OutcomeKind = 9 // midstream itself stopped, or died, while it lived
)

// Outcome is the honest end state of an exchange.
type Outcome struct {
	Kind OutcomeKind
	// Bytes is how much of the response body (of the request body where no
	// response came) had been sent on when it ended.
	Bytes int64
	// Phase is where it ended: "dial", "TLS handshake", "head", "body".
	Phase string
	// Text is the one-line error, empty for Completed.
	Text string
	// Answered is the status of midstream's own answer, given where no response
	// could be passed on; 0 for none.
	Answered int
}

// String says it in a word or two.
func (k OutcomeKind) String() string {
	switch k {
	case Running:
		return "running"
	case Completed:
		return "completed"
	case ClientLeft:
		return "client left"
	case ServerCut:
		return "server cut"
	case TimedOut:
		return "timeout"
	case WasReset:
		return "reset"
	case Killed:
		return "killed"
	case Failed:
		return "failed"
	case Refused:
		return "refused"
	case Interrupt:
		return "interrupted"
	}
	return "outcome " + strconv.Itoa(int(k))
}

// String says it in one phrase: the kind, and after how
// many bytes where it ended inside a message.
func (o Outcome) String() string {
	switch o.Kind {
	case ClientLeft, ServerCut, TimedOut, WasReset, Killed, Interrupt:
		return fmt.Sprintf("%s after %d bytes", o.Kind, o.Bytes)
	}
	return o.Kind.String()
}
