package modifybody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/jsonedit"
	"midstream/internal/message"
	"midstream/internal/sse"
)

// apply changes a content. n is how much of it was changed.
func (r run) apply(content []byte) (now []byte, n int, err error) {
	if r.as.json != nil {
		return jsonedit.Apply(content, r.as.json)
	}
	text, n, err := r.sub.whole.Replace(string(content))
	return []byte(text), n, err
}

// isJSON tells whether a body is one JSON text, by its head.
func isJSON(m *flow.Message) bool {
	media, _, _ := strings.Cut(m.Fields.Get("Content-Type"), ";")
	media = strings.ToLower(flow.TrimSpace(media))
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

// onMessages has r run on the messages of a body; false where it has none.
func onMessages(b *hook.Body, m *flow.Message, r run, tell *teller) bool {
	kind, boundary := message.Of(m.Fields.Joined("Content-Type"))
	if kind == message.None {
		return false
	}
	codec := message.Codec{Kind: kind, Boundary: boundary, Coding: message.PayloadCoding(kind, m.Fields)}
	b.Rewrite(hook.Rewriting{Decoded: true, New: func() hook.Transform {
		return &messages{split: message.New(kind, boundary, 0), codec: codec, run: r, tell: tell}
	}})
	return true
}

// messages changes the messages of one body, each when it is whole. What lies between
// them, and a message above message.DefaultLimit, passes as it is.
type messages struct {
	split *message.Splitter
	codec message.Codec
	run   run
	tell  *teller
	told  bool
}

// Chunk implements hook.Transform.
func (t *messages) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	t.split.Write(p)
	return t.drain(emit)
}

// End implements hook.Transform.
func (t *messages) End(_ context.Context, emit func([]byte) error) error {
	t.split.End()
	return t.drain(emit)
}

// Prompt implements body.Prompt.
func (t *messages) Prompt() bool { return true }

func (t *messages) drain(emit func([]byte) error) error {
	for p, ok := t.split.Next(); ok; p, ok = t.split.Next() {
		out := p.Raw
		switch {
		case p.What != message.Message || p.Unfinished:
		case p.Part != message.Whole:
			t.skip(errors.New("it is too large to be held"))
		default:
			out = t.change(p.Raw)
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

// change is a message as it is sent.
func (t *messages) change(raw []byte) []byte {
	var now []byte
	var n int
	var err error
	if t.codec.Kind == message.SSE {
		now, n, err = t.event(raw)
	} else {
		now, n, err = t.framed(raw)
	}
	switch {
	case errors.Is(err, jsonedit.ErrNotJSON):
	case err != nil:
		t.skip(err)
	case n > 0:
		t.tell.matched()
		return now
	}
	return raw
}

func (t *messages) event(raw []byte) ([]byte, int, error) {
	e := sse.Parse(raw)
	if !e.HasData && e.Data == "" {
		return nil, 0, nil
	}
	data, n, err := t.run.apply([]byte(e.Data))
	if err != nil || n == 0 {
		return nil, 0, err
	}
	was := e
	e.Data = string(data)
	now, err := sse.Patch(nil, raw, &was, &e)
	if raw[len(raw)-1] == '\r' {
		now = bytes.TrimSuffix(now, []byte{'\n'}) // its LF comes as the next piece
	}
	return now, n, err
}

func (t *messages) framed(raw []byte) ([]byte, int, error) {
	c, err := t.codec.Read(raw)
	if err != nil || c.Trailers {
		return nil, 0, err
	}
	data, n, err := t.run.apply(c.Data)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	c.Data = data
	now, err := t.codec.Append(nil, raw, &c)
	return now, n, err
}

// skip tells, once, of a message that stays as it is.
func (t *messages) skip(why error) {
	if !t.told {
		t.told = true
		t.tell.skipped(why)
	}
}

func (t *teller) skipped(why error) {
	t.x.Find("modify-body-skipped", fmt.Sprintf("rule %q did not change a message of the %s: %v", t.rule.Name, t.side, why))
}

// socketRun is a rule on the messages of one direction of a WebSocket connection.
type socketRun struct {
	run
	tell *teller
}

type socketRuns [2][]socketRun

// socketKey keeps the rules that meant the heads of an exchange.
type socketKey struct{ key *hook.Key[socketRuns] }

var sockets = socketKey{new(hook.Key[socketRuns])}

func (k socketKey) add(x *hook.Exchange, side flow.Side, r socketRun) {
	all, _ := k.key.Get(x)
	all[side] = append(all[side], r)
	k.key.Put(x, all)
}

// withSockets is an Addon with a rule that may run on messages of WebSocket
// connections: those of the client by rules that mean the request, those of the server
// by rules that mean the response.
type withSockets struct{ *Addon }

// WebSocketMessage implements hook.WebSocketMessageHook.
func (withSockets) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	all, _ := sockets.key.Get(x)
	m := x.WebSocket.Message
	side := flow.ToClient
	if m.FromClient {
		side = flow.ToServer
	}
	for _, r := range all[side] {
		now, n, err := r.apply(m.Content)
		if err == nil && n > 0 && m.Text && !utf8.Valid(now) {
			err = errors.New("a text would not be UTF-8 any more")
		}
		switch {
		case errors.Is(err, jsonedit.ErrNotJSON) || err == nil && n == 0:
		case err != nil:
			r.tell.skipped(err)
		default:
			m.Content = now
			r.tell.matched()
		}
	}
	return nil
}

var _ interface {
	hook.WebSocketMessageHook
	hook.RequestHeadersHook
	hook.ResponseHook
} = withSockets{}
