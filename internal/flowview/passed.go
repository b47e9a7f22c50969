package flowview

import (
	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/ws"
)

// PassedText is a message that has passed in one line of text, not safe to print yet.
func PassedText(p *message.Passed) string {
	from := flow.AtClient
	if p.Side == flow.ToClient {
		from = flow.AtServer
	}
	m := &Message{Index: p.Index, Kind: p.Kind, Offset: p.Mark.Offset, Length: p.Mark.Length, Time: p.Mark.Time, Raw: p.Raw,
		Unfinished: p.Mark.Unfinished, Lost: p.Mark.Lost, Coding: p.Coding, From: from}
	if p.Kind == message.WebSocket {
		m.WebSocket = &WebSocket{From: from, Opcode: ws.Opcode(p.Mark.Attr)}
	}
	return m.read().line()
}
