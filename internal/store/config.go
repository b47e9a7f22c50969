package store

import (
	"fmt"
	"log/slog"
	"time"

	"midstream/internal/query"
)

// Mode is what is recorded.
type Mode uint8

// The modes.
const (
	All   Mode = iota // heads and bodies
	Heads             // heads only
)

// ParseMode reads "all" or "heads". With "none" there is no Store at all.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "all":
		return All, nil
	case "heads":
		return Heads, nil
	}
	return All, fmt.Errorf("record: %q is not one of all, heads, none", s)
}

// Config says how a session is written. The zero value records everything
// without a bound.
type Config struct {
	Record Mode
	// Stall is how long the traffic waits for a full queue before the record of
	// that flow is cut; 0 is DefaultStall, a negative value waits for ever.
	Stall time.Duration
	// MaxSize is the size in octets above which the bodies of the oldest flows
	// go; 0 is no bound. See DefaultMaxSize.
	MaxSize int64
	// MaxAge is how long flows stay; 0 is no bound. Marked flows stay.
	MaxAge time.Duration
	// Filter, where it is set, keeps flows out: one that it will not mean,
	// whatever comes, is not recorded from there on, and what was recorded of it
	// is erased. Bodies are not asked.
	Filter *query.Filter
	// MinFree is the free space in octets below which no bodies are recorded;
	// 0 is no floor. See DefaultMinFree.
	MinFree int64
	// Log is told, once each, of what a person should know; nil tells nobody.
	Log *slog.Logger

	// For tests: the sizes of segments, how long after an error of the disk it
	// is tried again, and an error of the disk; zero values are the defaults.
	bodiesRoll, headsRoll int64
	retry                 time.Duration
	fault                 func() error
}

const (
	// DefaultStall is long for a disk and short for a person.
	DefaultStall = 2 * time.Second
	// DefaultMinFree leaves a machine room to work.
	DefaultMinFree = 1 << 30
	// unnamedMaxSize bounds a session that nobody asked for by name.
	unnamedMaxSize = 10 << 30
)

// DefaultMaxSize is the bound of a session without a name in dir: 10 GiB, or a
// quarter of the free disk where that is less.
func DefaultMaxSize(dir string) int64 {
	free, err := freeSpace(dir)
	if err != nil {
		return unnamedMaxSize
	}
	return min(unnamedMaxSize, free/4)
}

func (c Config) withDefaults() Config {
	if c.Stall == 0 {
		c.Stall = DefaultStall
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	// What goes to keep the session within its size goes a segment at a time.
	if c.bodiesRoll == 0 {
		c.bodiesRoll = bodiesRoll
		if c.MaxSize > 0 {
			c.bodiesRoll = min(bodiesRoll, max(smallestRoll, c.MaxSize/8))
		}
	}
	if c.headsRoll == 0 {
		c.headsRoll = headsRoll
		if c.MaxSize > 0 {
			c.headsRoll = min(headsRoll, max(smallestRoll, c.MaxSize/32))
		}
	}
	if c.retry == 0 {
		c.retry = retryEvery
	}
	return c
}
