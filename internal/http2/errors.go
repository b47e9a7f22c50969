package http2

import (
	"errors"
	"fmt"
	"strconv"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/fault"
)

var (
	errDrained  = errors.New("the connection has ended: its last stream is through")
	errFinished = errors.New("the connection is being closed")
	errDeaf     = errors.New("the peer asks for more answers than it reads")
	errGiven    = errors.New("the stream was given up")
)

// connFault is a fault of the peer that ends the connection (RFC 9113 section
// 5.4.1), streamFault one that ends a stream (section 5.4.2).
type connFault struct {
	code h2.ErrCode
	text string
}

func (f *connFault) Error() string { return f.text }

type streamFault struct {
	id   uint32
	code h2.ErrCode
	text string
}

func (f *streamFault) Error() string { return f.text }

func breaksConn(code h2.ErrCode, format string, args ...any) error {
	return &connFault{code, fmt.Sprintf(format, args...)}
}

func breaksStream(id uint32, code h2.ErrCode, format string, args ...any) error {
	return &streamFault{id, code, fmt.Sprintf(format, args...)}
}

// codeText names an error code as RFC 9113 section 7 does.
func codeText(code uint64) string {
	if code <= uint64(h2.ErrCodeHTTP11Required) {
		return h2.ErrCode(code).String()
	}
	return "0x" + strconv.FormatUint(code, 16)
}

// broken is a failure of the connection.
func (c *conn) broken(phase flow.Phase, cause flow.Cause, what string) *flow.Error {
	return &flow.Error{Peer: c.peer, Phase: phase, Cause: cause, Err: errors.New("HTTP/2 connection with " + c.name + ": " + c.peer.String() + " " + what)}
}

// readError is why the read loop ended, and what the peer is told of it.
func (c *conn) readError(err error) (*flow.Error, h2.ErrCode, string) {
	if f, ok := errors.AsType[*connFault](err); ok {
		return c.broken(flow.InHead, flow.Malformed, "broke the protocol: "+f.text), f.code, f.text
	}
	cause, text := fault.CauseOf(err, c.peer.String())
	switch {
	case err == errOver:
		cause, text = flow.RefusedRequest, c.peer.String()+" takes no more requests on it"
	case c.peer == flow.AtClient && cause == flow.ClosedEarly:
		cause = flow.LeftByClient
	}
	return &flow.Error{Peer: c.peer, Phase: flow.InHead, Cause: cause, Err: fault.Say("HTTP/2 connection with "+c.name+": "+text, err)}, h2.ErrCodeNo, ""
}

// codeOf is the code that tells a peer of cause. A code that another peer gave is
// passed on where it is one of HTTP/2.
func codeOf(cause error, to flow.Peer) h2.ErrCode {
	e, ok := errors.AsType[*flow.Error](cause)
	if !ok {
		return h2.ErrCodeCancel
	}
	given := e.Cause == flow.ResetByPeer && e.Code > 0 || e.Cause == flow.RefusedRequest && e.Code == uint64(h2.ErrCodeHTTP11Required)
	if given && e.Code <= uint64(h2.ErrCodeHTTP11Required) && e.Peer != to {
		return h2.ErrCode(e.Code)
	}
	switch e.Cause {
	case flow.NotNeeded:
		if to == flow.AtClient {
			return h2.ErrCodeNo
		}
		return h2.ErrCodeCancel
	case flow.WasKilled, flow.LeftByClient, flow.Stopping:
		return h2.ErrCodeCancel
	case flow.RefusedRequest:
		return h2.ErrCodeRefusedStream
	case flow.Malformed:
		if e.Peer == to {
			return h2.ErrCodeProtocol
		}
	}
	if to == flow.AtServer {
		return h2.ErrCodeCancel
	}
	return h2.ErrCodeInternal
}
