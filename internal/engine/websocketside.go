package engine

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/ws"
)

// socketSide is one direction of a WebSocket connection that hooks hear. A
// message is held until it is complete, for its hooks; a control frame is not,
// and passes a message that is held.
//
// Behind a message that its receiver has not got as it was compressed, the ones
// that need it as a window cannot be sent as they came (RFC 7692 section 7.2.3.2):
// they are compressed anew.
type socketSide struct {
	r      *socketRelay
	h      *half
	src    body.Duplex
	from   flow.Peer
	agreed ws.Deflate
	holds  bool // hooks hear messages

	split    *ws.Splitter
	deflater ws.Deflater
	head     []byte // a control frame, or a head that is not whole
	held     []byte // a message as it came
	passing  bool   // it is too long for hooks, or no text, and goes on as it comes
	text     ws.UTF8
	noText   bool     // the open message is marked as text, and is none
	anew     bool     // the receiver's window is another one
	lost     bool     // it is not WebSocket any more
	found    []string // codes of what was told, each once

	// A message that is too long and cannot go on as it came is sent as it is
	// inflated.
	plain []byte
	parts int
	perr  *flow.Error

	frameWriter      // its lock guards what follows
	inside      bool // the receiver is inside a message
	shut        bool // no message can follow
	queue       []hook.Injected
}

// maxQueued is how many messages wait for a long one to end.
const maxQueued = 1024

// pump moves the direction to its end.
func (d *socketSide) pump() *flow.Error {
	buf := make([]byte, defaultChunkSize)
	for {
		n, err := d.src.Read(buf)
		if n > 0 {
			d.h.received.Add(int64(n))
			if err := d.take(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return d.end()
		case err != nil:
			d.r.ended(d.from, ws.Abnormal, "")
			return rawError(err, d.from)
		}
	}
}

// end is the end of the direction. What is held of a message goes on: the other
// end sees what it would have seen.
func (d *socketSide) end() *flow.Error {
	d.r.ended(d.from, ws.Abnormal, "")
	if rest := append(d.held, d.head...); len(rest) > 0 {
		if err := d.pass(rest); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	if err := d.dst.CloseWrite(); err != nil {
		return rawError(err, d.to)
	}
	return nil
}

// pass sends octets on.
func (d *socketSide) pass(p []byte) *flow.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.put(p)
}

// take takes octets as they came. What they make leaves before it returns.
func (d *socketSide) take(p []byte) *flow.Error {
	if d.lost {
		return d.pass(p)
	}
	d.begin()
	err := d.frames(p)
	if lost := d.flush(); err == nil {
		err = lost
	}
	return err
}

func (d *socketSide) frames(p []byte) *flow.Error {
	all := p
	d.split.Write(p)
	for len(p) > 0 {
		step := d.split.Step()
		if e := d.split.Err(); e != nil {
			return d.lose(e, all, p)
		}
		raw := p[:step.N]
		p = p[step.N:]
		if err := d.step(&step, raw); err != nil {
			return err
		}
	}
	if !d.holds {
		return d.pass(all)
	}
	return nil
}

// lose lets what is not WebSocket, and all behind it, pass.
func (d *socketSide) lose(why *ws.Error, all, rest []byte) *flow.Error {
	d.lost = true
	d.find("websocket-raw", fmt.Sprintf("what the %s sends is not WebSocket from byte %d on (%s): it passed, and no hook saw it", d.from, why.Offset, why.Text))
	if d.holds {
		all = append(append(d.held, d.head...), rest...)
	}
	d.held, d.head, d.plain = nil, nil, nil
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	return d.put(all)
}

// step takes octets of one frame.
func (d *socketSide) step(s *ws.Step, raw []byte) *flow.Error {
	if s.Frame == nil || s.Frame.Opcode.Control() {
		if d.holds {
			d.head = append(d.head, raw...)
		}
		if !s.Ends {
			return nil
		}
		return d.control(s.Message)
	}
	if !d.holds {
		return nil
	}
	if !d.remade() {
		d.held = append(append(d.held, d.head...), raw...)
	}
	d.head = d.head[:0]
	if d.perr != nil {
		return d.perr
	}
	if s.Message == nil {
		return d.more()
	}
	err := d.complete(s.Message)
	d.text, d.noText = ws.UTF8{}, false
	if d.held = d.held[:0]; cap(d.held) > 64<<10 {
		d.held = nil
	}
	return err
}

// remade tells that the open message, or the one that has just ended, cannot go
// on as it came.
func (d *socketSide) remade() bool { return d.anew && d.split.Last().Compressed }

// control sends a control frame on.
func (d *socketSide) control(m *ws.Message) *flow.Error {
	closes := m.Opcode == ws.Close
	if closes {
		code, reason := ws.ParseClose(m.Payload)
		d.r.ended(d.from, code, reason)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var err *flow.Error
	if d.holds {
		err = d.put(d.head)
		d.head = d.head[:0]
	}
	d.shut = d.shut || closes
	return err
}

// more is for a message that goes on: one that is too long is not held, and
// neither is one that its receiver has to refuse (RFC 6455 section 8.1), who
// should see that as early as without hooks.
func (d *socketSide) more() *flow.Error {
	long := len(d.held) > socketLimit || d.split.Last().Length > socketLimit
	if d.remade() || !d.passing && !d.noText && !long {
		return nil
	}
	if !d.passing {
		d.passing = true
		if long {
			d.tooLong(d.split.Last())
		} else {
			d.isNoText(d.split.Last())
		}
		d.mu.Lock()
		d.inside = true
		d.mu.Unlock()
	}
	err := d.pass(d.held)
	d.held = d.held[:0]
	return err
}

// find notes what a person should know of the direction, once of a kind.
func (d *socketSide) find(code, text string) {
	if !slices.Contains(d.found, code) {
		d.found = append(d.found, code)
		d.r.x.find(code, text)
	}
}

func (d *socketSide) tooLong(m *ws.Message) {
	d.find("message-large", fmt.Sprintf("a message of the %s is larger than %s, the first at byte %d: it passed without being seen by websocket_message hooks",
		d.from, sizeText(socketLimit), m.Offset))
}

func (d *socketSide) isNoText(m *ws.Message) {
	d.find("message-not-text", fmt.Sprintf("a text message of the %s is not UTF-8, the first at byte %d: it passed as it came, and websocket_message hooks could not change it",
		d.from, m.Offset))
}

// complete sends a message on that has come to its end.
func (d *socketSide) complete(m *ws.Message) *flow.Error {
	remade := d.remade()
	switch {
	case remade && m.Err != nil:
		return d.lostContext(m.Err)
	case d.parts > 0:
		if err := d.part(m.Opcode, true); err != nil {
			return err
		}
		d.parts, d.plain = 0, nil
		return d.queued()
	case d.passing:
		if err := d.pass(d.held); err != nil {
			return err
		}
		d.passing = false
		if err := d.queued(); err != nil || !d.noText || m.Err != nil || m.Cut() {
			return err
		}
		return d.tell(m)
	case m.Err != nil:
		d.find("message-unseen", fmt.Sprintf("a message of the %s cannot be inflated (%v), the first at byte %d: it passed without being seen by websocket_message hooks",
			d.from, m.Err, m.Offset))
		return d.pass(d.held)
	case m.Cut() || len(d.held) > socketLimit+defaultChunkSize:
		d.tooLong(m)
		return d.pass(d.held)
	case !remade && m.Opcode == ws.Text && !d.text.Whole():
		d.isNoText(m)
		if err := d.pass(d.held); err != nil {
			return err
		}
		return d.tell(m)
	}
	d.plain = d.plain[:0]
	hm, added, err := d.r.message(d.from, m)
	if err != nil {
		return err
	}
	if err := d.answer(m, hm, remade); err != nil {
		return err
	}
	return d.r.inject(added)
}

// tell runs the hooks on a message that has been sent.
func (d *socketSide) tell(m *ws.Message) *flow.Error {
	hm, added, err := d.r.message(d.from, m)
	if err != nil {
		return err
	}
	if !untouched(hm, m) {
		d.find("message-refused", fmt.Sprintf("a hook changed or dropped a message of the %s that is not UTF-8 and had been sent already: the change was refused", d.from))
	}
	return d.r.inject(added)
}

// untouched tells that hooks have left a message alone.
func untouched(hm *hook.WebSocketMessage, m *ws.Message) bool {
	return !hm.Dropped() && hm.Text == (m.Opcode == ws.Text) && bytes.Equal(hm.Content, m.Payload)
}

// answer sends what hooks have made of a message.
func (d *socketSide) answer(m *ws.Message, hm *hook.WebSocketMessage, remade bool) *flow.Error {
	if untouched(hm, m) && !remade {
		return d.pass(d.held)
	}
	d.rewritten()
	d.anew = d.anew || m.Compressed && !d.agreed.NoContext
	if hm.Dropped() {
		return nil
	}
	h := ws.Header{Fin: true, Opcode: ws.Binary}
	if hm.Text {
		h.Opcode = ws.Text
	}
	payload := hm.Content
	if m.Compressed {
		var ok bool
		if payload, ok = d.deflater.Message(d.agreed, payload); ok {
			h.RSV = ws.RSV1
		}
	}
	return d.pass(d.frame(h, payload))
}

func (d *socketSide) rewritten() {
	x := d.r.x
	x.mu.Lock()
	d.h.body.Transformed = true
	x.mu.Unlock()
}
