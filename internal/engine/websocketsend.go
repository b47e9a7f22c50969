package engine

import (
	"crypto/rand"
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ws"
)

// tap takes what a message says as it comes.
func (d *socketSide) tap(p []byte) {
	if !d.holds {
		return
	}
	if !d.remade() {
		d.noText = d.split.Last().Opcode == ws.Text && !d.text.Write(p)
		return
	}
	if d.perr != nil {
		return
	}
	d.plain = append(d.plain, p...)
	if d.parts == 0 && len(d.plain) <= socketLimit || len(d.plain) < defaultChunkSize {
		return
	}
	if d.parts == 0 {
		d.tooLong(d.split.Last())
	}
	d.perr = d.part(d.split.Last().Opcode, false)
}

// part sends what there is of a message that is sent as it is inflated.
func (d *socketSide) part(o ws.Opcode, last bool) *flow.Error {
	if d.parts > 0 {
		o = ws.Continuation
	}
	d.parts++
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside = !last
	err := d.put(d.frame(ws.Header{Fin: last, Opcode: o}, d.plain))
	d.plain = d.plain[:0]
	return err
}

// frame makes a frame for the receiver.
func (d *socketSide) frame(h ws.Header, payload []byte) []byte {
	h.Length = int64(len(payload))
	if h.Masked = d.to == flow.AtServer; h.Masked {
		rand.Read(h.Mask[:])
	}
	p := ws.AppendHeader(make([]byte, 0, ws.MaxHeader+len(payload)), h)
	n := len(p)
	p = append(p, payload...)
	if h.Masked {
		ws.Cipher(p[n:], h.Mask, 0)
	}
	return p
}

// inject sends a message that a hook has added, behind the one that is under way.
func (d *socketSide) inject(m hook.Injected) *flow.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.shut || d.inside && len(d.queue) == maxQueued:
		d.r.x.find("message-refused", fmt.Sprintf("a message that a hook injected was not sent to the %s: the direction was closed, or too many waited", d.to))
		return nil
	case d.inside:
		d.queue = append(d.queue, m)
		return nil
	}
	return d.putInjected(m)
}

func (d *socketSide) putInjected(m hook.Injected) *flow.Error {
	h := ws.Header{Fin: true, Opcode: ws.Binary}
	if m.Text {
		h.Opcode = ws.Text
	}
	d.rewritten()
	// Not compressed, it leaves the receiver's window as it is.
	return d.put(d.frame(h, m.Content))
}

// queued sends what waited for a long message to end.
func (d *socketSide) queued() *flow.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside = false
	all := d.queue
	d.queue = nil
	for _, m := range all {
		if err := d.putInjected(m); err != nil {
			return err
		}
	}
	return nil
}
