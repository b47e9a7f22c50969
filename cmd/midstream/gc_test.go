package main

import "testing"

func TestPaceForLeavesASmallHeapRoomAndALargeOneAFifth(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 4 << 20: 100, 16 << 20: 100, 32 << 20: 50, 80 << 20: 20, 1 << 30: 20} {
		if got := paceFor(live); got != want {
			t.Errorf("%d MiB live: GOGC %d, want %d", live>>20, got, want)
		}
	}
}
