package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// DefaultPort is where modes listen that are not told otherwise.
const DefaultPort = 8080

// freePortTries is how often another free port is tried when the same one is
// taken on ::1.
const freePortTries = 8

// bindMode binds the sockets of one mode.
func bindMode(ctx context.Context, m Mode, at place) ([]*socket, error) {
	var list []net.Listener
	var err error
	if at.host == "" {
		list, err = bindLoopback(ctx, at.port, m.control())
	} else {
		list = make([]net.Listener, 1)
		list[0], err = bind(ctx, at.host, at.port, m.control())
	}
	if err != nil {
		return nil, fmt.Errorf("listen for mode %s: %w", m, err)
	}
	sockets := make([]*socket, len(list))
	for i, l := range list {
		sockets[i] = newSocket(l, m)
	}
	return sockets, nil
}

// bindLoopback binds 127.0.0.1, and ::1 where the same port is free there.
func bindLoopback(ctx context.Context, port int, control controlFunc) ([]net.Listener, error) {
	for try := 0; ; try++ {
		v4, err := bind(ctx, "127.0.0.1", port, control)
		if err != nil {
			return nil, err
		}
		taken := v4.Addr().(*net.TCPAddr).Port
		v6, err := bind(ctx, "::1", taken, control)
		switch {
		case err == nil:
			return []net.Listener{v4, v6}, nil
		case port != 0 || try == freePortTries || !errors.Is(err, syscall.EADDRINUSE):
			return []net.Listener{v4}, nil
		}
		v4.Close()
	}
}

// controlFunc sets up a socket before it is bound, as in net.ListenConfig.
type controlFunc func(network, address string, c syscall.RawConn) error

func (m Mode) control() controlFunc {
	if m.Kind == Transparent {
		return takeForeign
	}
	return nil
}

func bind(ctx context.Context, host string, port int, control controlFunc) (net.Listener, error) {
	network := "tcp"
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		network = "tcp4" // 0.0.0.0 does not mean :: as well
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	lc := net.ListenConfig{Control: control}
	l, err := lc.Listen(ctx, network, address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		by := ""
		if who := portOwner(uint16(port)); who != "" {
			by = " by " + who
		}
		return nil, fmt.Errorf("%s is taken%s (%w): choose another port with -p PORT, or -p 0 for a free one", address, by, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s needs more rights (%w): choose a port above 1023 with -p PORT", address, syscall.EACCES)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine (%w): choose another with --listen-host", address, syscall.EADDRNOTAVAIL)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return nil, fmt.Errorf("%s is not the name of an address of this machine (%s): give an IP address with --listen-host", host, name.Err)
	}
	return nil, fmt.Errorf("%s: %w", address, err)
}
