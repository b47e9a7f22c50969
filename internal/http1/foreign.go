package http1

import (
	"errors"

	"midstream/flow"
	"midstream/internal/fault"
)

// ErrForeign is within the error of a call whose server began with SETTINGS: it
// speaks HTTP/2 and has processed nothing. The cause is flow.RefusedRequest.
var ErrForeign = errors.New("server speaks HTTP/2")

// settingsHeader is the size of a frame's header (RFC 9113 section 4.1).
const settingsHeader = 9

// beginsSettings tells whether a server's first octets are the SETTINGS frame
// that a connection of HTTP/2 begins with (RFC 9113 section 3.4). more means that
// too few have come to tell; no head of HTTP/1 begins with NUL.
func beginsSettings(p []byte) (yes, more bool) {
	want := [settingsHeader]byte{3: 4}
	for i := range want {
		switch {
		case i >= len(p):
			return false, i > 0
		case i == 1 || i == 2: // the length, of parameters of six octets
		case p[i] != want[i]:
			return false, false
		}
	}
	return (int(p[1])<<8|int(p[2]))%6 == 0, false
}

// BeginsHTTP2 tells whether p, what a server said first, is the beginning of
// HTTP/2: the frame header of SETTINGS.
func BeginsHTTP2(p []byte) bool {
	yes, _ := beginsSettings(p)
	return yes
}

// foreign is the error of a call to a server of HTTP/2.
func (call *Call) foreign() *flow.Error {
	text := "read response head from " + call.client.to + ": " + ErrForeign.Error() + " on a connection of HTTP/1.1"
	return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.RefusedRequest, Status: 502, Err: fault.Say(text, ErrForeign)}
}

// SpeaksHTTP2 tells whether what the server of an idle connection has said
// unasked is the beginning of HTTP/2. No call may run.
func (c *Client) SpeaksHTTP2() bool {
	c.mu.Lock()
	served := c.served
	c.mu.Unlock()
	if served || !c.src.ready() {
		return false
	}
	if len(c.src.buffered()) < settingsHeader {
		c.src.fill() // what is here; the end of the connection is an answer, too
	}
	return BeginsHTTP2(c.src.buffered())
}
