package store

import (
	"hash/crc32"
	"testing"
)

func TestJoinedChecksums(t *testing.T) {
	text := make([]byte, 300<<10)
	for i := range text {
		text[i] = byte(i*31 + i>>7)
	}
	var j joiner
	for _, lead := range []int{0, 1, 40, 1000} {
		for _, n := range []int{0, 1, 2, 255, 256, 4095, 64 << 10, 255<<10 + 1020, 255<<10 + 1020, 1} {
			whole := crc32.Checksum(text[:lead+n], castagnoli)
			a, b := crc32.Checksum(text[:lead], castagnoli), crc32.Checksum(text[lead:lead+n], castagnoli)
			if got := j.join(a, b, n); got != whole {
				t.Errorf("%d and %d octets: %08x, want %08x", lead, n, got, whole)
			}
		}
	}
}
