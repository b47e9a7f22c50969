package engine

import (
	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/ws"
)

// maxWatched is how much of a long message watchers get, in octets.
const maxWatched = 4 << 10

// messageWatch is who is told of the messages of one body; the zero value is nobody.
type messageWatch struct {
	by   []MessageWatcher
	flow *flow.Flow
}

// watchers of messages that want them now.
func (e *Engine) messageWatchers() (by []MessageWatcher) {
	for _, w := range e.watchers {
		if m, ok := w.(MessageWatcher); ok && m.WantsMessages() {
			by = append(by, m)
		}
	}
	return by
}

// watchMessages finds out who wants the messages of a body that begins. The hooks
// lock is held.
func (x *exchange) watchMessages() messageWatch {
	w := messageWatch{by: x.e.messageWatchers()}
	if w.by == nil {
		return w
	}
	x.showAtOnce()
	l := x.live
	w.flow = &flow.Flow{ID: l.ID, Number: l.Number, Kind: flow.HTTP, Client: l.Client, Server: l.Server,
		Request: l.Request.Request.Clone(), Start: l.Request.Start, Marker: l.Marker, Comment: l.Comment}
	if l.Response != nil {
		w.flow.Response = l.Response.Response.Clone()
	}
	w.flow = x.visible(w.flow)
	return w
}

// tell tells them of a message of what is being sent, in the order of its flow.
func (w *messageWatch) tell(order *sequence, p message.Passed) {
	if w.by == nil {
		return
	}
	p.Flow = w.flow
	order.tell(w.by, p)
}

// watchSocket makes the markers of a WebSocket connection. What messages say is
// looked at only where somebody watches them; otherwise heads of frames are read.
func (x *exchange) watchSocket() {
	x.hooks.Lock()
	defer x.hooks.Unlock()
	head := &x.live.Response.Response
	if !x.watched() || flow.Switched(&x.live.Request.Request, head) != "websocket" {
		return
	}
	watch := x.watchMessages()
	up, down, _ := ws.Agreed(head.Fields.Joined("Sec-WebSocket-Extensions"))
	find := func(d ws.Deflate) *ws.Splitter {
		if watch.by == nil {
			return ws.NewScanner(d)
		}
		return ws.NewSplitter(d, markLimit)
	}
	x.req.marks = &marker{h: &x.req, kind: message.WebSocket, watch: watch, socket: find(up)}
	x.resp.marks = &marker{h: &x.resp, kind: message.WebSocket, watch: watch, socket: find(down)}
}

// frames takes octets of a direction of WebSocket that have been sent on.
func (m *marker) frames(p []byte) {
	m.socket.Write(p)
	for f, ok := m.socket.Next(); ok; f, ok = m.socket.Next() {
		index := m.h.messages.Add(1) - 1
		m.h.x.record.Mark(m.h.side, flow.Mark{Offset: f.Offset, Length: m.socket.Offset() - f.Offset, Time: m.now, Attr: uint32(f.Opcode)})
		if m.watch.by == nil {
			continue
		}
		m.watch.tell(&m.h.x.order, message.Passed{Side: m.h.side, Kind: m.kind, Index: index, Raw: f.Payload,
			Mark: flow.Mark{Offset: f.Offset, Length: f.Length, Time: m.now, Attr: uint32(f.Opcode), Unfinished: f.Unfinished}})
	}
	m.over = m.over || m.socket.Err() != nil
}
