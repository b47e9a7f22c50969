package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/format/timed"
	"midstream/internal/message"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// timing writes a recorded response as a timed file.
type timing struct {
	f     *flow.Flow
	began time.Time // of the response
	w     *timed.Writer
	last  time.Duration
	lost  []string
}

// Timed writes the response of a recorded flow with its timing, as package timed
// reads it: a stream of messages message by message, its content coding removed,
// anything else piece by piece as it is. lost is what could not be written.
func Timed(ctx context.Context, r *store.Reader, number uint64, out io.Writer) (lost []string, err error) {
	f, err := r.Get(ctx, number)
	if err != nil {
		return nil, err
	}
	if f.Kind != flow.HTTP || f.Response == nil {
		return nil, fmt.Errorf("flow %d has no response that could be answered with again", number)
	}
	t := &timing{f: f, began: f.Response.Start}
	if t.began.IsZero() {
		t.began = f.Start
	}
	kind, _ := KindOf(f, flow.ToClient)
	head := timed.Head{Status: f.Response.Status, Reason: f.Response.Reason, At: t.began.Sub(f.Start),
		Request: f.Request.Method + " " + f.Request.URL(), WebSocket: kind == message.WebSocket}
	for _, one := range f.Response.Fields {
		if t.keeps(one.Name, kind) {
			head.Fields.Add(one.Name, one.Value)
		}
	}
	if t.w, err = timed.NewWriter(out, head); err != nil {
		return nil, err
	}
	switch {
	case kind != message.None:
		err = t.messages(ctx, r, kind)
	case f.ResponseBody.Record == flow.Unrecorded && f.ResponseBody.Sent > 0:
		t.lost = append(t.lost, "the response body: it was not recorded")
	case f.ResponseBody.Record != flow.Unrecorded:
		err = t.pieces(ctx, r)
	}
	if err == nil && kind != message.WebSocket {
		err = t.end()
	}
	return t.lost, err
}

// keeps tells whether a field says something of the answer itself.
func (t *timing) keeps(name string, kind message.Kind) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "content-length", "sec-websocket-accept", "sec-websocket-extensions":
		return false
	case "content-encoding":
		return kind == message.None
	}
	return true
}

// at is when something came, never before what came before it.
func (t *timing) at(when time.Time) time.Duration {
	if !when.IsZero() {
		t.last = min(max(t.last, when.Sub(t.began)), timed.Longest)
	}
	return t.last
}

func (t *timing) messages(ctx context.Context, r *store.Reader, kind message.Kind) error {
	form := map[message.Kind]timed.Form{message.SSE: timed.Event, message.NDJSON: timed.Line}[kind]
	for m, err := range Messages(ctx, r, MessageQuery{Number: t.f.Number, Side: flow.ToClient, Limit: 16 << 20}) {
		if partial, ok := errors.AsType[*PartialError](err); ok {
			t.lost = append(t.lost, "what was not recorded of the response body: "+partial.Error())
			return nil
		}
		if err != nil {
			return err
		}
		if m.Cut() {
			t.lost = append(t.lost, fmt.Sprintf("message %d: it has %d bytes", m.Index, m.Length))
			continue
		}
		s := timed.Step{At: t.at(m.Time), Octets: m.Raw}
		if w := m.WebSocket; w != nil {
			s.FromClient, s.Text = w.From == flow.AtClient, w.Opcode == ws.Text && utf8.Valid(m.Raw)
			switch {
			case m.Lost || m.Unfinished:
				continue
			case w.Opcode == ws.Close:
				s.Close, s.Reason = ws.ParseClose(m.Raw)
				if s.Octets = nil; !timed.Sendable(s.Close) {
					s.Close, s.Reason = 1000, ""
				}
				return t.w.Write(&s, form)
			case w.Opcode != ws.Text && w.Opcode != ws.Binary:
				continue
			}
		}
		if err := t.w.Write(&s, form); err != nil {
			return err
		}
	}
	if kind == message.WebSocket && t.broken() {
		return t.w.Write(&timed.Step{At: t.last, Cut: true}, timed.Plain)
	}
	return nil
}

// broken tells that the server, or its network, ended it.
func (t *timing) broken() bool {
	return t.f.Outcome.Kind == flow.ServerCut || t.f.Outcome.Kind == flow.WasReset
}

// mostPiece bounds a line of a file: what came at once and is larger becomes several
// lines.
const mostPiece = 1 << 20

func (t *timing) pieces(ctx context.Context, r *store.Reader) error {
	b, err := r.Body(ctx, t.f.Number, flow.ToClient)
	if err != nil {
		return err
	}
	defer b.Close()
	if b.First() > 0 {
		t.lost = append(t.lost, fmt.Sprintf("the response body, of which the first %d bytes were removed", b.First()))
		return nil
	}
	for p, err := range b.Pieces() {
		if err != nil {
			return err
		}
		at := t.at(p.Time)
		for n := 0; n < p.Len; n += mostPiece {
			octets := make([]byte, min(p.Len-n, mostPiece))
			if _, err := b.ReadAt(octets, p.Offset+int64(n)); err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read the response body: %w", err)
			}
			if err := t.w.Write(&timed.Step{At: at, Octets: octets}, timed.Plain); err != nil {
				return err
			}
		}
	}
	if b.Size() < t.f.ResponseBody.Sent {
		t.lost = append(t.lost, fmt.Sprintf("the response body behind its first %d of %d bytes, which was not recorded", b.Size(), t.f.ResponseBody.Sent))
	}
	return nil
}

func (t *timing) end() error {
	s := timed.Step{At: t.at(t.f.Response.End), End: true, Trailers: t.f.Response.Trailers}
	if t.broken() {
		s.End, s.Cut, s.Trailers = false, true, nil
	}
	return t.w.Write(&s, timed.Plain)
}
