package api

import (
	"net/netip"
	"slices"
	"testing"
)

func TestReachable(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("2001:db8::5"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("192.0.2.7")}
	for _, c := range []struct {
		listening []string
		want      []string
	}{
		{[]string{"127.0.0.1:8080", "[::1]:8080"}, nil},
		{[]string{"0.0.0.0:8080"}, []string{"192.0.2.7:8080"}},
		{[]string{"[::]:8080"}, []string{"192.0.2.7:8080", "[2001:db8::5]:8080"}},
		{[]string{"0.0.0.0:8080", "[::]:8080"}, []string{"192.0.2.7:8080", "[2001:db8::5]:8080"}},
		{[]string{"[2001:db8::5]:1", "192.0.2.7:2"}, []string{"192.0.2.7:2", "[2001:db8::5]:1"}},
		{nil, nil},
	} {
		var listening []netip.AddrPort
		for _, a := range c.listening {
			listening = append(listening, netip.MustParseAddrPort(a))
		}
		if got := reachable(listening, own); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, not %v", c.listening, got, c.want)
		}
	}
}
