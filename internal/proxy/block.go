package proxy

import (
	"fmt"
	"net"
	"net/netip"
)

// Block refuses clients by their address. Loopback is never refused, and neither is
// the shared address space of RFC 6598, which is neither private nor global.
type Block struct {
	// Global refuses clients with a global address (option block_global).
	Global bool
	// Private refuses those with a private or link-local one (option block_private).
	Private bool
}

// scope is what kind of address one is.
type scope uint8

const (
	scopeLoopback scope = iota
	scopePrivate
	scopeShared
	scopeGlobal
)

// notGlobal are networks that the registries of special addresses (RFC 6890) do not
// call global, besides those that netip knows.
var notGlobal = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"),
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

func scopeOf(a netip.Addr) scope {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return scopeLoopback
	case a.IsPrivate(), a.IsLinkLocalUnicast(), a.IsUnspecified():
		return scopePrivate
	case sharedSpace.Contains(a):
		return scopeShared
	}
	for _, p := range notGlobal {
		if p.Contains(a) {
			return scopePrivate
		}
	}
	return scopeGlobal
}

// refuses says why a client may not come in, nil where it may.
func (b *Block) refuses(peer net.Addr) error {
	if !b.Global && !b.Private {
		return nil
	}
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return nil
	}
	switch s := scopeOf(tcp.AddrPort().Addr()); {
	case b.Global && s == scopeGlobal:
		return fmt.Errorf("clients with a global address are refused: let them in with --no-block-global, and let them say who they are with --proxyauth")
	case b.Private && s == scopePrivate:
		return fmt.Errorf("clients with a private address are refused: let them in with --no-block-private")
	}
	return nil
}

// noteBlocked logs a client that was refused, once for an address.
func (p *Proxy) noteBlocked(peer net.Addr, why error) {
	host, _, _ := net.SplitHostPort(peer.String())
	if p.once.first("blocked " + host) {
		p.log.Warn("client "+peer.String()+" refused: "+why.Error(), "client", peer.String())
	}
}
