package proxy

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// own knows the addresses that midstream itself listens on, so that no client
// can reach it through itself, by whatever name. The zero value knows none.
type own struct {
	mu        sync.RWMutex // guards listeners
	listeners []netip.AddrPort
}

func (o *own) add(ap netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listeners = append(o.listeners, netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()))
}

// remove forgets an address that is not listened on any more.
func (o *own) remove(ap netip.AddrPort) {
	at := netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.listeners, at); i >= 0 {
		o.listeners = slices.Delete(o.listeners, i, i+1)
	}
}

// is tells whether a connection to target would arrive here. target is an
// address as resolved, unmapped.
func (o *own) is(target netip.AddrPort) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, l := range o.listeners {
		if l.Port() == target.Port() && reaches(target.Addr(), l.Addr(), localAddrs) {
			return true
		}
	}
	return false
}

// reaches tells whether a connection to target ends at a listener on at. locals
// lists the addresses of this machine.
func reaches(target, at netip.Addr, locals func() []netip.Addr) bool {
	switch {
	case target == at:
		return true
	case target.IsUnspecified():
		// Systems take 0.0.0.0 and :: as a destination for this machine.
		return at.IsLoopback() || at.IsUnspecified()
	case !at.IsUnspecified():
		return false
	case target.IsLoopback():
		return true
	}
	for _, a := range locals() {
		if a == target {
			return true
		}
	}
	return false
}

func localAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				addrs = append(addrs, ip.Unmap().WithZone(""))
			}
		}
	}
	return addrs
}
