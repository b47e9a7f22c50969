package flowview

import "strings"

// A MessageFilter says which messages are meant. The zero value means all.
type MessageFilter struct {
	Find   string // a text that it has, capital and small letters alike
	Word   string // its kind in a word: see Word
	Sender string // "client" or "server", of messages that have one
	Quiet  bool   // no pings, pongs and comments
}

// Match tells whether m is meant.
func (f *MessageFilter) Match(m *Message) bool {
	if *f == (MessageFilter{}) {
		return true
	}
	j := m.read()
	switch {
	case f.Sender != "" && j.From != f.Sender,
		f.Word != "" && j.word() != f.Word,
		f.Quiet && (j.Opcode == "ping" || j.Opcode == "pong" || j.Comment != nil && j.Data == nil):
		return false
	case f.Find == "":
		return true
	}
	find := strings.ToLower(f.Find)
	for _, text := range []*string{j.Data, j.Text, j.Event, j.Comment, j.ID, &j.Reason} {
		if text != nil && strings.Contains(strings.ToLower(*text), find) {
			return true
		}
	}
	return false
}

// word is what a list says of a message's kind: the name of an event, "message" for
// one without, "comment", "trailers", the opcode of WebSocket, else the kind.
func (j *messageJSON) word() string {
	switch {
	case j.Event != nil:
		return *j.Event
	case j.Comment != nil && j.Data == nil:
		return "comment"
	case j.Opcode != "":
		return j.Opcode
	case j.Trailers:
		return "trailers"
	case j.Kind == "server-sent events":
		return "message"
	}
	return j.Kind
}
