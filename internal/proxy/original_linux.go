package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// transparentError says why there is no transparent mode here, nil where there is.
func transparentError() error { return nil }

// soOriginalDst is SO_ORIGINAL_DST of IPv4 and IP6T_SO_ORIGINAL_DST, which are alike.
const soOriginalDst = 80

// originalTarget tells where a client wanted to go: what the firewall's REDIRECT has
// kept, or the own end of a connection that TPROXY has handed over.
func originalTarget(nc net.Conn) (netip.AddrPort, error) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}, errors.New("not a TCP connection")
	}
	local := tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	at := local
	var failed error
	err = raw.Control(func(fd uintptr) {
		if local.Addr().Unmap().Is4() {
			// The address comes as a sockaddr_in, for which IPv6Mreq has room enough.
			m, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, soOriginalDst)
			if failed = err; err == nil {
				at = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.Multiaddr[4:8])), binary.BigEndian.Uint16(m.Multiaddr[2:4]))
			}
			return
		}
		m, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, soOriginalDst)
		if failed = err; err == nil {
			port := make([]byte, 2)
			binary.NativeEndian.PutUint16(port, m.Addr.Port)
			at = netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr), binary.BigEndian.Uint16(port))
		}
	})
	if err != nil {
		return netip.AddrPort{}, err
	}
	// Without an entry of the firewall the own end is where the client wanted to go.
	if failed != nil && !errors.Is(failed, unix.ENOENT) && !errors.Is(failed, unix.ENOPROTOOPT) && !errors.Is(failed, unix.EOPNOTSUPP) {
		return netip.AddrPort{}, fmt.Errorf("ask for the original destination: %w", failed)
	}
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), nil
}

// takeForeign lets a listener take connections to addresses that are not this
// machine's, as TPROXY hands them over. Who may not do that can still be redirected to.
func takeForeign(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
	})
}

// CanMark tells whether this process may mark its own traffic, so that firewall rules
// can leave it alone; nil, or why not.
func CanMark(mark uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	return os.NewSyscallError("setsockopt SO_MARK", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(mark)))
}
