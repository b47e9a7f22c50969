package instance

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"midstream/internal/store"
)

// Proxies are the addresses, as clients on this machine use them, of the
// listeners that take plain requests and CONNECT.
func (in *Instance) Proxies() []string {
	var list []string
	for _, l := range in.Listeners() {
		name, _, _ := strings.Cut(l.Mode, "@")
		name, _, _ = strings.Cut(name, ":")
		if name = strings.ToLower(name); name != "regular" && name != "upstream" && name != "socks5" {
			continue
		}
		for _, a := range l.Addresses {
			list = append(list, here(a))
		}
	}
	return list
}

// here is an address of this machine for a listener, which may be on all.
func here(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	switch {
	case ip.IsUnspecified() && ip.Is4():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case ip.IsUnspecified():
		ip = netip.IPv6Loopback()
	}
	return net.JoinHostPort(ip.String(), strconv.Itoa(int(a.Port())))
}

// FindLive returns the running midstream of this user that a program can be sent
// through: the one that records into the folder session, or the only one where
// that is "".
func FindLive(confdir, session string) (store.Live, error) {
	all, err := store.LiveProcesses(confdir)
	if err != nil {
		return store.Live{}, err
	}
	var list []store.Live
	for _, l := range all {
		if len(l.Proxies) > 0 && (session == "" || l.Session == session) {
			list = append(list, l)
		}
	}
	switch {
	case len(list) == 1:
		return list[0], nil
	case len(list) > 1:
		var b strings.Builder
		b.WriteString("several midstreams are running; name one by its session:")
		for _, l := range list {
			fmt.Fprintf(&b, "\n  --session %s  (process %d, listening on %s)", l.Session, l.PID, strings.Join(l.Listeners, ", "))
		}
		return store.Live{}, fmt.Errorf("%s", b.String())
	case session != "":
		return store.Live{}, fmt.Errorf("no midstream is running that records into %s and listens in regular mode", session)
	case len(all) > 0:
		return store.Live{}, fmt.Errorf("the midstream that is running (process %d) has no listener in regular mode: start one with midstream dump", all[0].PID)
	}
	return store.Live{}, fmt.Errorf("no midstream is running with the folder %s: start one with midstream dump", confdir)
}
