package upstream

import "testing"

func TestLooseIPv4(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "127.0.1": "127.0.0.1",
		"2130706433": "127.0.0.1", "0x7f000001": "127.0.0.1", "0177.1": "127.0.0.1",
		"0": "0.0.0.0", "0x7f.0.0.0x1": "127.0.0.1",
		"": "", "a": "", "1.2.3.4.5": "", "256.1.1.1": "", "127.0.0.": "", "4294967296": "",
		"1.16777216": "", "0x": "", "08": "", "+1": "", "1.-1": "", "::1": "", "example.com": "",
	} {
		ip, ok := looseIPv4(host)
		got := ""
		if ok {
			got = ip.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
