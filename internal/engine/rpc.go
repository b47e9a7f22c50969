package engine

import (
	"strings"

	"midstream/flow"
	"midstream/internal/message"
)

// maxErrorBody bounds how much of an error of Connect is looked at, in octets.
const maxErrorBody = 16 << 10

// mayBeRPC tells by a media type whether a message can be one of a call; it is
// asked for every flow.
func mayBeRPC(contentType string) bool {
	const grpc, connect = "application/grpc", "application/connect+"
	return len(contentType) >= len(grpc) && flow.EqualFold(contentType[:len(grpc)], grpc) ||
		len(contentType) >= len(connect) && flow.EqualFold(contentType[:len(connect)], connect)
}

// rpc tells how the call ended, nil while that is not known or where it is none.
// The hooks lock is held.
func (x *exchange) rpc() *flow.RPC {
	r := x.live.Response
	if r == nil {
		return nil
	}
	x.mu.Lock()
	found := x.called
	x.mu.Unlock()
	if found != nil || !mayBeRPC(r.Fields.Get("Content-Type")) {
		return found
	}
	k, _ := message.Of(r.Fields.Joined("Content-Type"))
	if k == message.Connect {
		return nil
	}
	if found = message.Status(r.Trailers); found == nil {
		found = message.Status(r.Fields)
	}
	if found != nil {
		found.Protocol = k.Word()
	}
	return found
}

// noteCall notes how the call ended.
func (x *exchange) noteCall(r *flow.RPC) {
	if r == nil {
		return
	}
	x.mu.Lock()
	x.called = r
	x.mu.Unlock()
}

// unaryCall notes how a unary call of Connect went, whose messages have no frame, and
// tells that the body of its response is an error. The hooks lock is held.
func (x *exchange) unaryCall(status int, fields flow.Fields) (errorBody bool) {
	if !x.live.Request.Fields.Has("Connect-Protocol-Version") || mayBeRPC(fields.Get("Content-Type")) {
		return false
	}
	if status == 200 {
		x.noteCall(&flow.RPC{Protocol: "connect"})
		return false
	}
	media, _, _ := strings.Cut(fields.Get("Content-Type"), ";")
	return flow.EqualFold(flow.TrimSpace(media), "application/json")
}

// status takes a message that may say how the call ended.
func (m *marker) status(raw []byte) {
	x := m.h.x
	if m.h.side != flow.ToClient {
		return
	}
	switch c, err := m.codec.Read(raw); {
	case err != nil || !c.Trailers:
	case m.kind == message.Connect:
		x.noteCall(message.EndStatus(c.Data))
	default:
		x.noteCall(message.TrailersStatus(c.Data))
	}
}
