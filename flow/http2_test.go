package flow

import (
	"slices"
	"testing"
)

func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		h       Opening
		pseudos string
		want    string
	}{
		{Opening{}, "", "|00|0|"},
		{Opening{Settings: []Setting{{1, 65536}, {2, 0}, {4, 6291456}, {6, 262144}}, Window: 15663105}, "masp", "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"},
		{Opening{Settings: []Setting{{1, 65536}, {4, 131072}, {5, 16384}}, Window: 12517377,
			Priorities: []Priority{{3, 0, false, 200}, {5, 0, true, 100}, {9, 7, false, 0}}}, "mpas",
			"1:65536;4:131072;5:16384|12517377|3:0:0:201,5:1:0:101,9:0:7:1|m,p,a,s"},
	} {
		if got := c.h.Fingerprint(c.pseudos); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if names := (&Request{Pseudos: "mpaso"}).PseudoNames(); !slices.Equal(names, []string{":method", ":path", ":authority", ":scheme", ":protocol"}) {
		t.Error(names)
	}
	for id, want := range map[uint16]string{0: "0x0", 1: "HEADER_TABLE_SIZE", 7: "0x7", 9: "NO_RFC7540_PRIORITIES", 0x5a5a: "0x5a5a"} {
		if got := (Setting{ID: id}).Name(); got != want {
			t.Errorf("%d: %s", id, got)
		}
	}
}
