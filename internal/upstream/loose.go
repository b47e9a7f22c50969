package upstream

import (
	"net/netip"
	"strconv"
	"strings"
)

// Literal returns the address that a host spells, in every way in which a dial
// takes it for an address and not for a name.
func Literal(host string) (netip.Addr, bool) {
	if ip, ok := looseIPv4(host); ok {
		return ip, true
	}
	ip, err := netip.ParseAddr(host)
	return ip.Unmap(), err == nil
}

// looseIPv4 reads the IPv4 spellings that inet_aton takes besides the usual
// one ("127.1", "2130706433", "0x7f.1"), so that they mean the same address
// here as in clients, whatever a resolver makes of them.
func looseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 || len(host) > 64 {
		return netip.Addr{}, false
	}
	var v uint64
	for i, p := range parts {
		n, ok := looseNumber(p)
		if !ok {
			return netip.Addr{}, false
		}
		// The last part fills all octets that are left.
		width := uint(8)
		if i == len(parts)-1 {
			width = uint(8 * (5 - len(parts)))
		}
		if n >= 1<<width {
			return netip.Addr{}, false
		}
		v = v<<width | n
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

func looseNumber(s string) (uint64, bool) {
	base, digits := 10, s
	switch {
	case len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X"):
		base, digits = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, digits = 8, s[1:]
	}
	if digits == "" || digits[0] == '+' || digits[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 33)
	return n, err == nil
}
