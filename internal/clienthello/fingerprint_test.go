package clienthello

import "testing"

// The inputs and the results are those that the two schemes are published with.
func TestFingerprints(t *testing.T) {
	old := &Hello{legacy: 769, Ciphers: []uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, Extensions: []uint16{0, 10, 11},
		groups: []uint16{23, 24, 25}, points: []byte{0}}
	if got := old.JA3(); got != "ada70206e40642a3e4461f35503241d5" {
		t.Errorf("JA3 is %s", got)
	}
	if got := (&Hello{legacy: 769, Ciphers: []uint16{4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}}).JA3(); got != "de350869b8c85de67a350c8d186f11e6" {
		t.Errorf("JA3 without extensions is %s", got)
	}
	browser := &Hello{Version: 0x0304, Protocols: []string{"h2", "http/1.1"},
		Ciphers: []uint16{0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions: []uint16{0x6a6a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a,
			0x0015, 0xdada},
		signatures: []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}}
	if got := browser.JA4(); got != "t13d1516h2_8daaf6152771_e5627efa2ab1" {
		t.Errorf("JA4 is %s", got)
	}
	if got := (&Hello{Version: 0x0301}).JA4(); got != "t10i000000_000000000000_000000000000" {
		t.Errorf("JA4 of nothing is %s", got)
	}
	for name, want := range map[string]string{"h2": "h2", "http/1.1": "h1", "\xab": "ab", "x": "xx", "\xabb": "a2"} {
		if got := protocolCode([]string{name}); got != want {
			t.Errorf("the code of %q is %s, want %s", name, got, want)
		}
	}
}
