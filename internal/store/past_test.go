package store

import (
	"bytes"
	"testing"
)

func TestCopyPastIsCopy(t *testing.T) {
	src := make([]byte, 20<<10)
	for i := range src {
		src[i] = byte(i*7 + i>>8)
	}
	for _, n := range []int{0, 1, 4095, 4096, 4097, 4096 + 63, 8191, 16 << 10, 16<<10 + 17} {
		for at := range 33 {
			for _, from := range []int{0, 1, 15, 16} {
				dst, want := make([]byte, n+at+8), make([]byte, n+at+8)
				got := copyPast(dst[at:at+n], src[from:])
				if m := copy(want[at:at+n], src[from:]); got != m || !bytes.Equal(dst, want) {
					t.Fatalf("%d octets from %d to %d: %d copied of %d, or others", n, from, at, got, m)
				}
			}
		}
	}
	short := make([]byte, 5000)
	if n := copyPast(make([]byte, 9000), short); n != len(short) {
		t.Fatalf("%d copied of %d", n, len(short))
	}
}
