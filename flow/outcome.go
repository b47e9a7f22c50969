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
}

// String says it in one phrase, as the list shows it.
func (o Outcome) String() string {
	n := func(s string) string { return fmt.Sprintf("%s after %d bytes", s, o.Bytes) }
	switch o.Kind {
	case Running:
		return "running"
	case Completed:
		return "completed"
	case ClientLeft:
		return n("client left")
	case ServerCut:
		return n("server cut")
	case TimedOut:
		return n("timeout")
	case WasReset:
		return n("reset")
	case Killed:
		return n("killed")
	case Failed:
		return "failed"
	case Refused:
		return "refused"
	case Interrupt:
		return n("interrupted")
	}
	return "outcome " + strconv.Itoa(int(o.Kind))
}
