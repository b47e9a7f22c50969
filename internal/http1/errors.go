package http1

import (
	"fmt"
	"strings"

	"midstream/flow"
	"midstream/internal/fault"
)

// malformed is a fault of the peer with the status that answers it.
func malformed(side flow.Side, status int, format string, args ...any) *flow.Error {
	e := &flow.Error{Peer: flow.AtClient, Phase: flow.InHead, Cause: flow.Malformed, Status: status, Err: fmt.Errorf(format, args...)}
	if side == flow.ToClient {
		e.Peer, e.Status = flow.AtServer, 502
	}
	if status == 414 || status == 431 {
		e.Cause = flow.TooLarge
	}
	return e
}

// refuse is malformed with the status that most faults of a side have.
func refuse(side flow.Side, format string, args ...any) *flow.Error {
	return malformed(side, 400, format, args...)
}

// ioError is a failure of a connection while doing what at peer.
func ioError(peer flow.Peer, phase flow.Phase, err error, what, detail string) *flow.Error {
	cause, text := fault.CauseOf(err, peer.String())
	if detail != "" {
		text += " " + detail
	}
	return &flow.Error{Peer: peer, Phase: phase, Cause: cause, Err: fault.Say(what+": "+text, err)}
}

// from puts the peer's name into the text of an error of the codec: "read
// response head: ..." becomes "read response head from origin.test:80: ...".
func from(err error, name string) error {
	e, ok := err.(*flow.Error)
	if !ok {
		return err
	}
	if what, why, ok := strings.Cut(e.Err.Error(), ": "); ok {
		e.Err = fault.Say(what+" from "+name+": "+why, e.Err)
	}
	return e
}
