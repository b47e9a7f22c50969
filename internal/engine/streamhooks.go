package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/message"
)

// grpcLimit is up to which length hooks get a length-prefixed message, in octets,
// on the wire and decompressed: what gRPC receives unless told otherwise.
const grpcLimit = 4<<20 + 5

// streamHooks is the transform that runs the hooks on messages that have a frame
// and say something in it.
type streamHooks struct {
	messageHooks
	codec  message.Codec
	run    func(*hook.Set, context.Context, *hook.Exchange, *hook.StreamMessage) error
	unseen bool // a finding says that a message could not be read
}

var _ hook.Transform = (*streamHooks)(nil)

func newStreamHooks(base messageHooks, kind message.Kind, boundary string, m *flow.Message) hook.Transform {
	t := &streamHooks{messageHooks: base, run: (*hook.Set).StreamMessage,
		codec: message.Codec{Kind: kind, Boundary: boundary, Coding: message.PayloadCoding(kind, m.Fields), Limit: grpcLimit}}
	if hookOf(kind) == hook.OnGRPCMessage {
		t.run = (*hook.Set).GRPCMessage
	}
	t.take = t.message
	if kind == message.GRPCWebText {
		return &textHooks{t: t}
	}
	return t
}

// message runs the hooks on one message and puts what comes of it into out.
func (t *streamHooks) message(ctx context.Context, p message.Piece) error {
	x := t.x
	content, err := t.codec.Read(p.Raw)
	if err != nil {
		if !t.unseen {
			t.unseen = true
			x.find("message-unseen", fmt.Sprintf("the message at byte %d of the %s body cannot be read (%v): it passed without being seen by hooks", p.Offset, t.h.side, err))
		}
		t.index++
		t.out = append(t.out, p.Raw...)
		return nil
	}
	m := &hook.StreamMessage{Kind: t.codec.Kind.Word(), Side: t.h.side, Index: t.index, Offset: p.Offset,
		Data: append([]byte{}, content.Data...), Fields: content.Fields, Compressed: content.Compressed, Trailers: content.Trailers}
	t.index++
	if err := t.guard(ctx, func(ctx context.Context, live *hook.Exchange) error { return t.run(x.set, ctx, live, m) }); err != nil {
		return err
	}
	before, after := m.Inserted()
	added := t.insert(p.Raw, before, false)
	same := !m.Dropped() && m.Compressed == content.Compressed && bytes.Equal(m.Data, content.Data)
	if !same && !m.Dropped() {
		var err error
		was := message.Content{Data: m.Data, Compressed: m.Compressed, Trailers: content.Trailers}
		if t.out, err = t.codec.Append(t.out, p.Raw, &was); err != nil {
			x.find("message-refused", fmt.Sprintf("the message at byte %d of the %s body was sent as it came: %v", p.Offset, t.h.side, err))
			same = true
		}
	}
	if same {
		t.out = append(t.out, p.Raw...)
	}
	if t.insert(p.Raw, after, true) || added || !same {
		t.rewritten()
	}
	return nil
}

// insert puts messages that hooks have added into out, and tells whether there
// were any.
func (t *streamHooks) insert(raw []byte, added [][]byte, behind bool) bool {
	n := len(t.out)
	for _, data := range added {
		out, err := t.codec.Insert(t.out, raw, data, behind)
		if t.out = out; err != nil {
			t.x.find("message-refused", fmt.Sprintf("a message that a hook added to the %s body was not sent: %v", t.h.side, err))
			continue
		}
		if k := t.codec.Kind; behind && (k == message.NDJSON || k == message.JSONSeq) {
			raw = []byte("\n") // what stands before ends in one now
		}
	}
	return len(t.out) > n
}

// textHooks runs streamHooks inside base64. What it emits is a run of base64 of its
// own each time. Octets that are no base64 end it: they, and all behind them, pass.
type textHooks struct {
	t    *streamHooks
	d    message.Base64Decoder
	in   []byte
	out  []byte
	lost bool
}

var _ hook.Transform = (*textHooks)(nil)

// Chunk implements hook.Transform.
func (t *textHooks) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	if t.lost {
		return emit(p)
	}
	var rest []byte
	var err error
	if t.in, rest, err = t.d.Append(t.in[:0], p); err == nil {
		return t.t.Chunk(ctx, t.in, t.coded(emit))
	}
	t.lost = true
	t.t.x.find("messages-unseen", fmt.Sprintf("the %s body is not base64: it passed, and no hook saw what follows", t.t.h.side))
	if err := t.t.Chunk(ctx, t.in, t.coded(emit)); err != nil {
		return err
	}
	if err := t.t.End(ctx, t.coded(emit)); err != nil {
		return err
	}
	return emit(rest)
}

// End implements hook.Transform.
func (t *textHooks) End(ctx context.Context, emit func([]byte) error) error {
	if t.lost {
		return nil
	}
	if err := t.t.End(ctx, t.coded(emit)); err != nil {
		return err
	}
	return emit(t.d.Rest())
}

// Prompt implements body.Prompt.
func (t *textHooks) Prompt() bool { return t.lost || t.t.Prompt() }

func (t *textHooks) coded(emit func([]byte) error) func([]byte) error {
	return func(p []byte) error {
		t.out = base64.StdEncoding.AppendEncode(t.out[:0], p)
		return emit(t.out)
	}
}
