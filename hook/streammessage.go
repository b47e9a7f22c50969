package hook

import (
	"context"

	"midstream/flow"
)

type (
	// GRPCMessageHook runs for each message of gRPC, gRPC-Web and Connect streaming,
	// of requests and of responses, when it is complete and before it is sent on.
	// What comes behind it in its direction waits until the hook has returned. It
	// does not run for a message that the body ends in, nor for one above 4 MiB.
	GRPCMessageHook interface {
		GRPCMessage(ctx context.Context, x *Exchange, m *StreamMessage) error
	}
	// StreamMessageHook runs in the same way for each message of the other formats
	// that are streams of messages: lines of NDJSON, texts of JSON text sequences,
	// messages of AWS event streams, parts of multipart bodies. The bound is 1 MiB.
	StreamMessageHook interface {
		StreamMessage(ctx context.Context, x *Exchange, m *StreamMessage) error
	}
)

// A StreamMessage is one message of a body on its way. One that hooks leave alone
// is sent byte for byte as it came.
type StreamMessage struct {
	// Kind is "grpc", "grpc-web", "connect", "ndjson", "json-seq", "aws" or
	// "multipart".
	Kind string
	// Side is that of the body.
	Side flow.Side
	// Index counts the messages of the body from 0, those above the limit included
	// and those that hooks add left out.
	Index int64
	// Offset is where the message begins in the body as it came, its content coding
	// removed.
	Offset int64
	// Data is what the message says, not compressed: the payload, the line without
	// its end, the JSON text, the body of the part. It belongs to the hooks, which
	// may change or replace it.
	Data []byte
	// Fields are those of a part, and the headers of an AWS message as text. They
	// are there to be read; a Content-Length follows the data.
	Fields flow.Fields
	// Compressed tells that the payload of a length-prefixed message is compressed
	// on the wire, as grpc-encoding or connect-content-encoding says. A hook may
	// change it.
	Compressed bool
	// Trailers tells that Data is no message but what ends the body: a trailer
	// section (gRPC-Web), or a JSON object (Connect).
	Trailers bool

	dropped       bool
	before, after [][]byte
}

// Drop keeps the message from being sent, and from the addons that come after.
func (m *StreamMessage) Drop() { m.dropped = true }

// Dropped tells whether Drop was called.
func (m *StreamMessage) Dropped() bool { return m.dropped }

// InsertBefore sends messages with the given data before this one, also when it is
// dropped: not compressed, and otherwise in a frame like its own. No hook sees
// them. The data must not change any more.
func (m *StreamMessage) InsertBefore(data ...[]byte) error { return m.insert(&m.before, data) }

// InsertAfter is InsertBefore for messages behind this one.
func (m *StreamMessage) InsertAfter(data ...[]byte) error { return m.insert(&m.after, data) }

func (m *StreamMessage) insert(at *[][]byte, data [][]byte) error {
	if len(m.before)+len(m.after)+len(data) > MaxInserts {
		return ErrTooManyInserts
	}
	*at = append(*at, data...)
	return nil
}

// Inserted returns what is sent before and after the message.
func (m *StreamMessage) Inserted() (before, after [][]byte) { return m.before, m.after }

// GRPCMessage runs the event on every addon that has it, until one drops m; errors
// as RequestHeaders.
func (s *Set) GRPCMessage(ctx context.Context, x *Exchange, m *StreamMessage) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.grpcMessage, x, "grpc_message", func(h GRPCMessageHook, ctx context.Context, x *Exchange) error {
		if m.dropped {
			return nil
		}
		return h.GRPCMessage(ctx, x, m)
	})
}

// StreamMessage runs the event on every addon that has it, until one drops m;
// errors as RequestHeaders.
func (s *Set) StreamMessage(ctx context.Context, x *Exchange, m *StreamMessage) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.streamMessage, x, "stream_message", func(h StreamMessageHook, ctx context.Context, x *Exchange) error {
		if m.dropped {
			return nil
		}
		return h.StreamMessage(ctx, x, m)
	})
}
