package proxy

import (
	"net"
	"net/netip"
)

// Listening is one mode with the addresses that it has taken.
type Listening struct {
	Mode      Mode
	Addresses []netip.AddrPort
}

// Listening returns the modes in their order, after Listen.
func (p *Proxy) Listening() []Listening {
	var list []Listening
	for _, l := range p.listeners {
		a, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			continue
		}
		if n := len(list); n == 0 || list[n-1].Mode != l.mode {
			list = append(list, Listening{Mode: l.mode})
		}
		last := &list[len(list)-1]
		last.Addresses = append(last.Addresses, a.AddrPort())
	}
	return list
}
