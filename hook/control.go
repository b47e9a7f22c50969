package hook

import (
	"midstream/flow"
)

// Control is the engine's side of an exchange: the moves that hooks must not
// make. Most callers do not need it; an Exchange made for a test does.
type Control struct{ x *Exchange }

// NewExchange makes a live exchange for a request head. kill is called by the
// first Kill; it must not block.
func NewExchange(head flow.Request, client *flow.Conn, set *Set, kill func()) (*Exchange, Control) {
	x := &Exchange{ID: flow.NewID(), Client: client, Request: NewRequest(head), Set: set, kill: kill}
	return x, Control{x}
}

// Finish makes the exchange unkillable: it has ended.
func (c Control) Finish() {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	c.x.kill = nil
}

// Settle says what hooks may do with the content of b from now on: source is
// the whole body for Editable and ReadOnly, nil for an empty one; limit is
// content_limit, 0 for none; late is told of changes that are refused.
func (c Control) Settle(b *Body, access Access, source Source, limit int64, late func(what string)) {
	b.access, b.source, b.limit, b.late = access, source, limit, late
	if !b.changed {
		b.content, b.loaded = nil, false
	}
}

// Replaced returns the body that a hook has set, and whether one has.
func (c Control) Replaced(b *Body) ([]byte, bool) { return b.content, b.changed }

// Seal is Settle to read-only for a body that a hook has set and that has been sent.
func (c Control) Seal(b *Body, late func(what string)) { b.access, b.late = ReadOnly, late }

// Ran has f called behind each hook that runs, with the name of its addon; nil ends
// that.
func (c Control) Ran(f func(addon string)) { c.x.ran = f }

// StandIn is what Exchange.StandIn was given last, nil for nothing.
func (c Control) StandIn() any { return c.x.standIn }

// OpenWebSocket makes the exchange a WebSocket whose Send calls send, until over is
// called.
func (c Control) OpenWebSocket(send func(Injected) error) (over func()) {
	c.x.WebSocket = &WebSocket{}
	return c.x.WebSocket.open(send, ErrSocketClosed)
}

// OpenTCP makes the exchange a raw tunnel whose Send calls send, until over is called.
func (c Control) OpenTCP(send func(Injected) error) (over func()) {
	c.x.TCP = &TCP{}
	return c.x.TCP.open(send, ErrTunnelClosed)
}
