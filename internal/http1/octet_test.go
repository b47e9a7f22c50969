package http1

import (
	"strings"
	"testing"
)

func TestHasControlSeesEveryOctetEverywhere(t *testing.T) {
	for c := range 256 {
		for _, around := range []string{"\t", " ", "a", "\xff"} {
			for at := range 17 {
				s := strings.Repeat(around, at) + string([]byte{byte(c)}) + strings.Repeat(around, 16-at)
				want := c < 0x20 && c != '\t' || c == 0x7f
				if hasControl(s) != want {
					t.Fatalf("octet %#x at %d among %q: %v", c, at, around, !want)
				}
			}
		}
	}
}
