package http2

import (
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// Bounds of what is taken over of how a client opened its connection.
const (
	maxPriorities  = 32       // PRIORITY frames
	maxTreeStream  = 1 << 16  // the highest stream that they may name
	mirroredTable  = 64 << 10 // of compressed fields, which is what browsers ask for
	restlessWindow = 1 << 20  // unread on one stream: from here on first windows are small
	restlessConn   = 8 << 20  // the same for all of a connection
)

// opens is what a Client sends before its first request.
type opens struct {
	settings   []h2.Setting
	widen      uint32 // of the connection's window
	priorities []flow.Priority
	table      uint32 // of compressed fields, that the server may fill
	window     int    // that streams begin with
}

// openLike returns what is sent in the place of a client that opened its own
// connection with like: the same, in the same order, as far as it can be kept.
// Nothing is pushed, windows and tables are bounded, and frames as large as the
// protocol's smallest limit are taken. nil like is midstream's own way.
func openLike(like *flow.Opening, limits Limits) opens {
	if like == nil {
		return opens{
			settings: []h2.Setting{
				{ID: h2.SettingEnablePush, Val: 0},
				{ID: h2.SettingInitialWindowSize, Val: initialWindow},
				{ID: h2.SettingMaxHeaderListSize, Val: uint32(limits.Head)},
			},
			widen: connWindow - protocolWindow, table: maxTable, window: initialWindow,
		}
	}
	o := opens{widen: min(like.Window, connWindow-protocolWindow), table: maxTable, window: protocolWindow}
	push := false
	for _, s := range like.Settings[:min(len(like.Settings), settingsInOneGo-1)] {
		switch h2.SettingID(s.ID) {
		case h2.SettingHeaderTableSize:
			s.Value = min(s.Value, mirroredTable)
			o.table = max(maxTable, s.Value)
		case h2.SettingEnablePush:
			s.Value, push = 0, true
		case h2.SettingInitialWindowSize:
			s.Value = min(s.Value, maxWindow)
			o.window = int(s.Value)
		case h2.SettingMaxFrameSize:
			s.Value = maxFrame
		case h2.SettingMaxHeaderListSize:
			s.Value = min(s.Value, uint32(limits.Head))
		case h2.SettingEnableConnectProtocol, settingNoPriorities:
			s.Value = min(s.Value, 1)
		}
		o.settings = append(o.settings, h2.Setting{ID: h2.SettingID(s.ID), Val: s.Value})
	}
	if !push {
		o.settings = append(o.settings, h2.Setting{ID: h2.SettingEnablePush, Val: 0})
	}
	for _, p := range like.Priorities[:min(len(like.Priorities), maxPriorities)] {
		if p.Stream%2 == 1 && p.Stream <= maxTreeStream && p.DependsOn <= maxTreeStream && p.DependsOn != p.Stream {
			o.priorities = append(o.priorities, p)
		}
	}
	return o
}

// settingNoPriorities is SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218 section 2.1).
const settingNoPriorities h2.SettingID = 9

// tree returns the highest stream that a PRIORITY frame names: streams of requests
// come behind it.
func (o *opens) tree() (highest uint32) {
	for _, p := range o.priorities {
		highest = max(highest, p.Stream, p.DependsOn|1)
	}
	return highest
}

// write queues all of it behind the preface.
func (o *opens) write(fr *h2.Framer) {
	fr.WriteSettings(o.settings...)
	if o.widen > 0 {
		fr.WriteWindowUpdate(0, o.widen)
	}
	for _, p := range o.priorities {
		fr.WritePriority(p.Stream, h2.PriorityParam{StreamDep: p.DependsOn, Exclusive: p.Exclusive, Weight: p.Weight})
	}
}

// priority is what HEADERS says of its stream, as the client did. A stream that
// it depends on has another number here, unless it is one of the client's tree.
func (e requestEncoder) priority() h2.PriorityParam {
	if e.r.Priority == nil {
		return h2.PriorityParam{}
	}
	return mapped(e.r.Priority, e.tree)
}

// mapped is a client's priority on a connection that knows the streams of its tree up
// to that one.
func mapped(p *flow.Priority, tree uint32) h2.PriorityParam {
	out := h2.PriorityParam{StreamDep: p.DependsOn, Exclusive: p.Exclusive, Weight: p.Weight}
	if out.StreamDep > tree {
		out.StreamDep = 0
	}
	return out
}

// calmed is told of unread octets of st. The first windows of a client that was
// mirrored may be large: where streams are not read they are made small again,
// as those of midstream's own are, and no credit of the connection is given until
// the server knows. It tells that SETTINGS are to be sent. mu is held.
func (c *conn) calmed(st *stream) (shrink bool) {
	if c.first <= initialWindow || c.shrinking {
		return false
	}
	if st.win.unread < restlessWindow && c.unread < restlessConn && c.budget.pressure() == plenty {
		return false
	}
	c.shrinking = true
	c.unacked++
	return true
}

// shrink sends what calmed asks for.
func (c *conn) shrink() {
	c.w.control(func(fr *h2.Framer) {
		fr.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: initialWindow})
	})
}

// deaf tells, asked once a tick, that the server has had SETTINGS for a whole tick,
// sent nothing meanwhile, and did not acknowledge them. One that sends may have
// much on its way before that. mu is held.
func (c *conn) deaf() bool {
	if !c.shrinking {
		c.shrinkSeen = 0
		return false
	}
	// No credit is given now, so what may come falls with each octet that comes.
	seen := 1 + c.recvAvail
	deaf := c.shrinkSeen == seen
	c.shrinkSeen = seen
	return deaf
}

// acknowledged notes that the server knows SETTINGS; what it sends from here on
// is in the windows that they made, also on streams that were opened meanwhile:
// their windows began large here, and at the server large and were then made
// smaller, or small. It returns credit for the connection.
func (c *conn) acknowledged() (credit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unacked > 0 {
		c.unacked--
	}
	if c.trip == 0 {
		c.trip = max(1, time.Since(c.begun))
	}
	if !c.shrinking || c.unacked > 0 {
		return 0
	}
	c.shrinking = false
	delta := c.first - initialWindow
	c.first = initialWindow
	for _, st := range c.streams {
		c.grown -= st.win.settle()
		st.win.shrink(delta)
		if st.recvClosed() || st.given != nil || st.win.unread > 0 || st.win.avail > 0 {
			continue
		}
		// Whose reader has taken all by now would wait for ever for the next octet.
		if n := st.win.credit(); n > 0 {
			c.w.windowUpdate(st.id, n)
		}
	}
	return c.credited(0)
}
