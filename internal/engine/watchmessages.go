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
	l := x.live
	w.flow = &flow.Flow{ID: l.ID, Number: l.Number, Kind: flow.HTTP, Client: l.Client, Server: l.Server,
		Request: l.Request.Request.Clone(), Start: l.Request.Start, Marker: l.Marker, Comment: l.Comment}
	if l.Response != nil {
		w.flow.Response = l.Response.Response.Clone()
	}
	return w
}

func (w *messageWatch) tell(p message.Passed) {
	if w.by == nil {
		return
	}
	p.Flow = w.flow
	for _, by := range w.by {
		by.WatchMessage(p)
	}
}

// watchSocket makes the markers of a WebSocket connection where somebody watches its
// messages. Nothing of them is recorded: frames are found in what is.
func (x *exchange) watchSocket() {
	x.hooks.Lock()
	defer x.hooks.Unlock()
	watch := x.watchMessages()
	head := &x.live.Response.Response
	if watch.by == nil || flow.Switched(&x.live.Request.Request, head) != "websocket" {
		return
	}
	up, down, _ := ws.Agreed(head.Fields.Joined("Sec-WebSocket-Extensions"))
	x.req.marks = &marker{h: &x.req, kind: message.WebSocket, watch: watch, socket: ws.NewSplitter(up, markLimit)}
	x.resp.marks = &marker{h: &x.resp, kind: message.WebSocket, watch: watch, socket: ws.NewSplitter(down, markLimit)}
}

// frames takes octets of a direction of WebSocket that have been sent on.
func (m *marker) frames(p []byte) {
	m.socket.Write(p)
	for f, ok := m.socket.Next(); ok; f, ok = m.socket.Next() {
		m.frame++
		m.watch.tell(message.Passed{Side: m.h.side, Kind: m.kind, Index: m.frame - 1, Raw: f.Payload,
			Mark: flow.Mark{Offset: f.Offset, Length: f.Length, Time: m.now, Attr: uint32(f.Opcode), Unfinished: f.Unfinished}})
	}
	m.over = m.over || m.socket.Err() != nil
}
