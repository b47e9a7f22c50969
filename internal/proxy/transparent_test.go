package proxy

import (
	"net"
	"strings"
	"testing"
)

// A connection of our own that comes back is seen by whichever end looks second.
func TestLoop(t *testing.T) {
	var l loop
	own, other := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1000}, &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1001}
	mapped := &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1000}
	if !l.connected(own) || l.enter(mapped) || !l.enter(other) {
		t.Error("dialled first")
	}
	l.closed(own)
	if !l.enter(mapped) || l.connected(own) {
		t.Error("accepted first")
	}
	l.leave(mapped)
	l.leave(other)
	if !l.connected(own) {
		t.Error("a client that has left is remembered")
	}
	l.closed(own)
	if len(l.clients)+len(l.dialled) > 0 {
		t.Errorf("left over: %v %v", l.clients, l.dialled)
	}
}

// Who comes to the port itself is sent away.
func TestTransparentDirect(t *testing.T) {
	if err := transparentError(); err != nil {
		t.Skip(err)
	}
	r := newRig(t, func(c *Config) { c.Modes = mustParse(t, "transparent@0"); c.Upstream.Mark = Mark })
	p := r.dial()
	if _, err := p.r.ReadByte(); err == nil {
		t.Error("a client without a destination is served")
	}
	p.Close()
	if log := r.log.String(); !strings.Contains(log, "came to the port of transparent mode itself") {
		t.Error(log)
	}
}
