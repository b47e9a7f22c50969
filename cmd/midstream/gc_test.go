package main

import "testing"

func TestASmallHeapHasRoomAndALargeOneAPart(t *testing.T) {
	for live, want := range map[uint64]struct{ busy, calm int }{
		0: {100, 100}, 2 << 20: {400, 100}, 6 << 20: {333, 66}, 8 << 20: {225, 50}, 13 << 20: {100, 30}, 16 << 20: {87, 25}, 32 << 20: {43, 12}, 80 << 20: {20, 10}, 1 << 30: {20, 10},
	} {
		if got := busy.percent(live); got != want.busy {
			t.Errorf("%d MiB live, busy: GOGC %d, want %d", live>>20, got, want.busy)
		}
		if got := calm.percent(live); got != want.calm {
			t.Errorf("%d MiB live, calm: GOGC %d, want %d", live>>20, got, want.calm)
		}
	}
}
