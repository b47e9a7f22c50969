package main

import (
	"testing"
	"time"
)

func TestPaceFor(t *testing.T) {
	for _, c := range []struct {
		name  string
		live  uint64
		pace  int
		after time.Duration
		want  int
	}{
		{"a small heap has its slack", 4 << 20, 100, time.Minute, 100},
		{"a large quiet heap stays close", 256 << 20, 12, time.Minute, 12},
		{"it gets there by halves", 256 << 20, 100, time.Minute, 50},
		{"a busy one gets room", 256 << 20, 12, time.Millisecond, 24},
		{"at most as much again", 256 << 20, 80, time.Millisecond, 100},
		{"slack counts for a busy one too", 32 << 20, 12, time.Millisecond, 50},
		{"nothing measured yet", 0, 100, time.Minute, 100},
	} {
		if got := paceFor(c.live, c.pace, c.after); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
