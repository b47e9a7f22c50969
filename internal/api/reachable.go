package api

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// maxReachable bounds the addresses that are told.
const maxReachable = 32

// reachable are the addresses by which other machines come to a listener: its own,
// or where it listens on all, those that this machine has, IPv4 first. Loopback and
// link-local ones are none.
func reachable(listening []netip.AddrPort, own []netip.Addr) []string {
	var list []netip.AddrPort
	for _, a := range listening {
		if !a.Addr().IsUnspecified() {
			list = append(list, a)
			continue
		}
		for _, ip := range own {
			if a.Addr().Is6() || ip.Unmap().Is4() {
				list = append(list, netip.AddrPortFrom(ip, a.Port()))
			}
		}
	}
	list = slices.DeleteFunc(list, func(a netip.AddrPort) bool {
		ip := a.Addr().Unmap()
		return ip.IsLoopback() || ip.IsLinkLocalUnicast()
	})
	slices.SortStableFunc(list, func(a, b netip.AddrPort) int {
		return cmp.Compare(a.Addr().Unmap().BitLen(), b.Addr().Unmap().BitLen())
	})
	texts := []string{}
	for _, a := range list {
		text := net.JoinHostPort(a.Addr().Unmap().String(), strconv.Itoa(int(a.Port())))
		if !slices.Contains(texts, text) && len(texts) < maxReachable {
			texts = append(texts, text)
		}
	}
	return texts
}

// ownAddresses are the addresses of this machine; none where they cannot be had.
func ownAddresses() []netip.Addr {
	var list []netip.Addr
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				list = append(list, ip.Unmap())
			}
		}
	}
	return list
}
