package flowview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/dump"
	"midstream/internal/llm"
	"midstream/internal/message"
	"midstream/internal/store"
	"midstream/internal/view"
	"midstream/internal/ws"
)

// Answer puts together what a language model has answered, with the times of its
// pieces. It is nil when the response is no such answer, or none that is known. A
// record that is not whole gives the answer that there is, and a *PartialError.
func Answer(ctx context.Context, r *store.Reader, f *flow.Flow) (*llm.Result, error) {
	a := assembler(f)
	if a == nil || f.ResponseBody.Record == flow.Unrecorded {
		return nil, nil
	}
	err := assemble(ctx, r, f, MessageQuery{Number: f.Number, Side: flow.ToClient}, a)
	return a.Result(), err
}

// assembler makes what puts the answer of a flow together, nil where its heads
// show that it is none.
func assembler(f *flow.Flow) *llm.Assembler {
	if f.Request == nil || f.Response == nil {
		return nil
	}
	in := view.InputOf(f, flow.ToClient)
	head := llm.Head{Authority: in.Authority, Path: in.Path, Request: in.Request, Response: in.Fields}
	// An answer may come before the end of the request has, or was noted.
	start := f.Start
	if end := f.Request.End; !end.IsZero() && !end.After(f.Response.Start) {
		start = end
	}
	if kind, _ := KindOf(f, flow.ToClient); kind == message.WebSocket {
		return llm.NewSocket(head, start)
	}
	return llm.New(head, start)
}

// answering takes what the response is made of; *llm.Assembler is one.
type answering interface {
	Message(raw []byte, at time.Time)
	Write(p []byte, at time.Time)
	Ended()
	End(at time.Time)
	Hopeless() bool
}

// assemble hands a what is recorded of a response. An answer that the flow has
// outlived is ended.
func assemble(ctx context.Context, r *store.Reader, f *flow.Flow, q MessageQuery, a answering) error {
	kind, _ := KindOf(f, flow.ToClient)
	switch kind {
	case message.SSE, message.NDJSON, message.AWS, message.WebSocket:
		return assembleMessages(ctx, r, f, q, a)
	default:
		return assembleOctets(ctx, r, f, q, a)
	}
}

func assembleMessages(ctx context.Context, r *store.Reader, f *flow.Flow, q MessageQuery, a answering) error {
	for m, err := range Messages(ctx, r, q) {
		switch {
		case err != nil:
			return err
		case m.Lost || m.Unfinished:
			continue
		case m.WebSocket != nil && (m.WebSocket.From != flow.AtServer || m.WebSocket.Opcode != ws.Text && m.WebSocket.Opcode != ws.Binary):
			continue
		}
		if a.Message(m.Raw, m.Time); a.Hopeless() {
			return nil
		}
	}
	if !f.Live() || q.Follow {
		a.Ended()
	}
	return nil
}

func assembleOctets(ctx context.Context, r *store.Reader, f *flow.Flow, q MessageQuery, a answering) error {
	src, first, err := q.open(ctx, r, f, 0)
	if err != nil {
		return whole(err, &f.ResponseBody)
	}
	defer src.Close()
	if first > 0 {
		return &PartialError{goneError(0, first)}
	}
	var content io.Reader = src
	if coded := f.Response.Fields.Joined("Content-Encoding"); !coding.Identity(coded) {
		d, err := coding.NewDecoder(coded, src)
		if err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		defer d.Close()
		content = d
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := content.Read(buf)
		at := time.Time{}
		if n > 0 {
			at = src.at()
		}
		a.Write(buf[:n], at)
		if errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil && !a.Hopeless() {
			continue
		}
		if !f.Live() || q.Follow && err == nil {
			a.End(at)
		}
		return whole(err, &f.ResponseBody)
	}
}

// AnswerText writes an answer for a person.
func AnswerText(w io.Writer, r *llm.Result) error {
	p := &page{}
	p.line("")
	p.line("answer of a language model")
	view.Answer(r, func(format string, args ...any) { p.line("  "+format, args...) })
	_, err := io.WriteString(w, p.b.String())
	return err
}

// appendAnswer adds an answer to the object of a flow, which ends in a brace.
func appendAnswer(object []byte, r *llm.Result) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	object = append(object[:len(object)-1], `,"llm":`...)
	return append(dump.AppendSafe(object, string(text)), '}'), nil
}
