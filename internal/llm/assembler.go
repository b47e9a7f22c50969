package llm

import (
	"encoding/base64"
	"strings"
	"time"

	"midstream/internal/message"
	"midstream/internal/sse"
)

// undecided is after how many events without a known format a stream counts as
// no answer of a model.
const undecided = 16

// Assembler puts one answer together. Make it with New.
type Assembler struct {
	s       state
	kind    message.Kind
	split   splitter
	decoder sse.Decoder
	f       format
	seen    int // events while f was not known
	early   []event
	clock   clock
	done    bool
}

// splitter finds messages in octets.
type splitter interface {
	write(p []byte)
	end()
	// next is the next message; large is one that was left out.
	next() (raw []byte, large, ok bool)
}

// New returns an Assembler for the response to a request, and nil where the head
// shows that it is no answer of a model. started is when the request had been
// sent, or began; zero where that is not known.
func New(h Head, started time.Time) *Assembler {
	a := &Assembler{s: state{head: h}, f: byHead(&h)}
	a.clock.start = started
	var boundary string
	a.kind, boundary = message.Of(h.Response.Joined("Content-Type"))
	switch a.kind {
	case message.SSE, message.NDJSON, message.AWS:
		a.split = &messages{s: message.New(a.kind, boundary, 0)}
		return a
	}
	a.kind = message.None
	if _, is := a.f.(*dataStream); is {
		a.kind = message.NDJSON // lines as well, of another kind
		a.split = &messages{s: message.New(message.NDJSON, "", 0)}
		return a
	}
	if m := h.media(); m == "application/json" || strings.HasSuffix(m, "+json") {
		if object, array := h.plain(); object || array {
			a.split = &texts{}
			return a
		}
	}
	return nil
}

// NewSocket returns an Assembler for what the server of a WebSocket connection
// sends, nil where its path is not one of a model: then Message takes its text
// messages.
func NewSocket(h Head, started time.Time) *Assembler {
	route := h.route()
	if !strings.HasSuffix(route, "/realtime") && !strings.HasSuffix(route, "/v1/responses") {
		return nil
	}
	a := &Assembler{s: state{head: h}, kind: message.WebSocket, f: &responses{realtime: strings.HasSuffix(route, "/realtime")}}
	a.clock.start = started
	return a
}

// Write takes the next octets of the body, its content coding removed, which
// arrived at the time at; the zero time is an unknown one.
func (a *Assembler) Write(p []byte, at time.Time) {
	if a.split == nil {
		return
	}
	for len(p) > 0 {
		n := min(len(p), 32<<10)
		a.split.write(p[:n])
		a.drain(at)
		p = p[n:]
	}
}

// End tells that the body has ended. Then Result says whether it ended as its
// format wants it.
func (a *Assembler) End(at time.Time) {
	if a.split != nil {
		a.split.end()
		a.drain(at)
	}
	a.Ended()
}

// Ended is End for who calls Message.
func (a *Assembler) Ended() {
	if e, ok := a.f.(interface{ ended(*state) }); ok && !a.done {
		e.ended(&a.s)
	}
	a.done = true
}

func (a *Assembler) drain(at time.Time) {
	for raw, large, ok := a.split.next(); ok; raw, large, ok = a.split.next() {
		if large {
			a.s.counts.Events++
			a.s.counts.Unread++
			a.s.truncated = true
			continue
		}
		a.Message(raw, at)
	}
}

// Message takes the next whole message, as package message cuts the body: a
// block of server-sent events, a line, an AWS message, a JSON text.
func (a *Assembler) Message(raw []byte, at time.Time) {
	e, ok := a.read(raw)
	if !ok {
		a.clock.event(at, false, false)
		return
	}
	a.s.counts.Events++
	a.s.content, a.s.answer = false, false
	a.take(e)
	a.clock.event(at, a.s.content, a.s.answer)
}

// take hands an event to its format. Events before the format is known wait for
// it: they are few and had no content, or they would have told.
func (a *Assembler) take(e event) {
	if a.f == nil {
		if a.f = byEvent(&a.s.head, &e); a.f == nil {
			if a.seen++; a.seen <= undecided && len(e.data) < 1<<10 {
				a.early = append(a.early, e)
			}
			return
		}
		for _, was := range a.early {
			a.f.event(&a.s, was)
		}
		a.early = nil
	}
	a.f.event(&a.s, e)
}

// read makes an event of a message, and tells whether it is one.
func (a *Assembler) read(raw []byte) (event, bool) {
	var e event
	switch a.kind {
	case message.SSE:
		block := sse.Parse(raw)
		if block.HasComment {
			a.s.counts.Comments++
		}
		fired, ok := a.decoder.Fire(block)
		if !ok {
			return e, false
		}
		e.name, e.data = fired.Type, fired.Data
	case message.AWS:
		m, err := message.ParseAWS(raw)
		if err != nil {
			a.s.counts.Unread++
			return e, false
		}
		e.name, e.data = m.Header(":event-type"), string(m.Payload)
		if kind := m.Header(":message-type"); kind != "event" && kind != "" {
			e.name = kind
			a.s.failAWS(m)
		}
		if e.json, e.ok = parseValue(m.Payload); e.ok && e.name == "chunk" {
			// The event of another vendor, wrapped.
			inner, err := base64.StdEncoding.DecodeString(e.json.get("bytes").str())
			if err != nil {
				a.s.counts.Unread++
				return e, false
			}
			e.data = string(inner)
			e.json, e.ok = parseValue(inner)
			e.name = e.json.get("type").str()
		}
		return e, true
	default:
		e.data = strings.TrimSpace(string(raw))
		if e.data == "" {
			return e, false
		}
	}
	e.json, e.ok = parseValue([]byte(e.data))
	return e, true
}

// Known tells whether the stream has shown itself to be an answer of a model.
func (a *Assembler) Known() bool { return a.f != nil }

// Hopeless tells that so many events have told no format that the rest need not be
// read.
func (a *Assembler) Hopeless() bool { return a.f == nil && a.seen > undecided }

// Result is what the stream has said so far, nil while it is not known to be an
// answer of a model. It stays as it is when more comes.
func (a *Assembler) Result() *Result {
	if a.f == nil {
		return nil
	}
	s := &a.s
	r := &Result{Format: a.f.name(), Complete: s.end != "", End: Text(s.end), ID: Text(s.id), Model: Text(s.model), Error: s.failure,
		Outputs: []Output{}, ServerRate: s.rate, Counts: s.counts, Truncated: s.truncated, Timing: a.clock.timing(s.usage)}
	for _, o := range s.outputs {
		r.Outputs = append(r.Outputs, o.result())
	}
	if s.usage != nil {
		u := *s.usage
		r.Usage = &u
	}
	return r
}
