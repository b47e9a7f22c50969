//go:build !linux

package proxy

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

var errNotHere = errors.New("transparent mode is for Linux only: set this machine's proxy, or use regular mode")

func transparentError() error { return errNotHere }

func originalTarget(net.Conn) (netip.AddrPort, error) { return netip.AddrPort{}, errNotHere }

func takeForeign(_, _ string, _ syscall.RawConn) error { return nil }

// CanMark tells that there are no marks here.
func CanMark(uint32) error { return errNotHere }
