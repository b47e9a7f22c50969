package redaction

import (
	"midstream/flow"
	"midstream/internal/ws"
)

// socket goes through a direction of a WebSocket. What its messages say is put into
// frames anew, not compressed, as it comes; the text that is held back waits for
// the next frame.
type socket struct {
	h     *hand
	out   sink
	split *ws.Splitter

	masked bool
	begun  bool   // of the message: a frame was given out
	text   stage  // what goes through the message under way
	data   []byte // of it, to be given out
	lost   stage  // behind what is no WebSocket
}

// newSocket makes one; extensions is what the response says of them.
func newSocket(h *hand, out sink, side flow.Side, extensions string) *socket {
	up, down, _ := ws.Agreed(extensions)
	d := up
	if side == flow.ToClient {
		d = down
	}
	s := &socket{h: h, out: out, split: ws.NewSplitter(d, 1<<10), masked: side == flow.ToServer}
	s.split.Tap = func(p []byte) {
		if s.text == nil {
			s.text = h.chain(s.come, socketText)
		}
		s.text.write(p)
	}
	return s
}

// socketText goes through a message: JSON, or lines of fields.
func socketText(h *hand, out sink) stage {
	return &sniff{h: h, out: out, other: func(out sink) stage { return raw(h, out) }}
}

func (s *socket) write(p []byte) {
	if s.lost != nil {
		s.lost.write(p)
		return
	}
	for len(p) > 0 && s.h.err == nil {
		s.split.Write(p)
		step := s.split.Step()
		if s.split.Err() != nil {
			s.lost = s.h.chain(s.out, raw)
			s.lost.write(p)
			return
		}
		p = p[step.N:]
		if step.Frame == nil {
			continue
		}
		if step.Frame.Opcode.Control() {
			if m := step.Message; m != nil {
				s.control(m)
			}
			continue
		}
		s.frame(step.Message)
	}
}

// come takes what may be seen of a message.
func (s *socket) come(p []byte) {
	s.data = append(s.data, p...)
	if len(s.data) >= longFrame {
		s.flush(false)
	}
}

// longFrame is from which length on a frame is given out, in octets: what inflates
// is not gathered.
const longFrame = 32 << 10

// frame gives out what has come of a message, which ends where last is not nil.
func (s *socket) frame(last *ws.Message) {
	if last == nil && len(s.data) == 0 {
		return
	}
	if last != nil {
		if last.Err != nil {
			s.h.fail("a message of the WebSocket cannot be inflated: what follows was not recorded")
			return
		}
		if s.text != nil {
			s.text.end(true)
			s.text = nil
		}
		if s.h.err != nil {
			return
		}
	}
	s.flush(last != nil)
}

// flush gives out a frame of the message under way.
func (s *socket) flush(fin bool) {
	opcode := ws.Continuation
	if !s.begun {
		opcode = s.split.Last().Opcode
	}
	s.give(opcode, s.data, fin)
	s.begun, s.data = !fin, s.data[:0]
	if cap(s.data) > 2*longFrame {
		s.data = nil
	}
}

// give gives out a frame.
func (s *socket) give(opcode ws.Opcode, p []byte, fin bool) {
	b := ws.AppendHeader(make([]byte, 0, ws.MaxHeader+len(p)), ws.Header{Fin: fin, Opcode: opcode, Masked: s.masked, Length: int64(len(p))})
	s.out(append(b, p...)) // a mask of zeros changes nothing
}

// control gives out a control frame, whose text is short.
func (s *socket) control(m *ws.Message) {
	const most = 125
	p, code := m.Payload, []byte(nil)
	if m.Opcode == ws.Close && len(p) >= 2 {
		code, p = p[:2:2], p[2:]
	}
	p = append(code, s.h.text(string(p))...)
	s.give(m.Opcode, p[:min(len(p), most)], true)
}

func (s *socket) end(whole bool) {
	defer s.split.Close()
	switch {
	case s.h.err != nil:
	case s.lost != nil:
		s.lost.end(whole)
	case s.text != nil:
		s.text.end(false)
		if len(s.data) > 0 {
			s.flush(false)
		}
	}
}
