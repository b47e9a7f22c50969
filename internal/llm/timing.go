package llm

import (
	"slices"
	"time"
)

// A pause between two events with content is a stall when it is longer than
// stallFloor and than stallFactor times the median of those before it, of which
// there must be settled.
const (
	stallFloor  = time.Second
	stallFactor = 10
	settled     = 5
	remembered  = 64 // gaps that the median is of
)

// Timing is when what arrived. A time of 0 is not known.
type Timing struct {
	// FirstByte, FirstToken and FirstAnswer count from the start of the request, in
	// seconds: to the first event of any kind, to the first with content of any
	// kind, and to the first with text of the answer, reasoning left out.
	FirstByte   float64 `json:"first_event_s,omitempty"`
	FirstToken  float64 `json:"first_token_s,omitempty"`
	FirstAnswer float64 `json:"first_answer_s,omitempty"`
	// Duration is from the start to the last event.
	Duration float64 `json:"duration_s,omitempty"`
	// TokensPerSecond is of the time between the first and the last event with
	// content. TokenSource says what was counted: "usage" as the server reported,
	// or "events", which is near it where an event is a token.
	TokensPerSecond float64 `json:"tokens_per_second,omitempty"`
	TokenSource     string  `json:"token_source,omitempty"`
	ContentEvents   int64   `json:"content_events"`
	MedianGap       float64 `json:"median_gap_s,omitempty"`
	LongestGap      float64 `json:"longest_gap_s,omitempty"`
	// Stalls are pauses far longer than those before; Stalled is their sum.
	Stalls  int     `json:"stalls"`
	Stalled float64 `json:"stalled_s,omitempty"`
}

// clock takes the times of events.
type clock struct {
	start              time.Time
	first, token, said time.Time
	last, lastContent  time.Time
	events             int64
	gaps               [remembered]time.Duration
	longest, stalled   time.Duration
	stalls             int
}

func (c *clock) event(at time.Time, content, answer bool) {
	if at.IsZero() {
		if content {
			c.events++
		}
		return
	}
	if c.first.IsZero() {
		c.first = at
	}
	c.last = at
	if answer && c.said.IsZero() {
		c.said = at
	}
	if !content {
		return
	}
	if c.token.IsZero() {
		c.token = at
	} else {
		c.gap(max(0, at.Sub(c.lastContent)))
	}
	c.lastContent = at
	c.events++
}

// gap takes the pause before event number c.events, counted from 0.
func (c *clock) gap(d time.Duration) {
	if n := c.events - 1; n >= settled && d > stallFloor && d > stallFactor*c.median() {
		c.stalls++
		c.stalled += d
	}
	c.longest = max(c.longest, d)
	c.gaps[(c.events-1)%remembered] = d
}

func (c *clock) median() time.Duration {
	n := min(c.events-1, remembered)
	if n <= 0 {
		return 0
	}
	var gaps [remembered]time.Duration
	some := gaps[:copy(gaps[:], c.gaps[:n])]
	slices.Sort(some)
	return some[len(some)/2]
}

func (c *clock) timing(u *Usage) *Timing {
	if c.last.IsZero() {
		return nil
	}
	since := func(t time.Time) float64 {
		if t.IsZero() || c.start.IsZero() {
			return 0
		}
		return seconds(max(0, t.Sub(c.start)))
	}
	t := &Timing{FirstByte: since(c.first), FirstToken: since(c.token), FirstAnswer: since(c.said), Duration: since(c.last),
		ContentEvents: c.events, MedianGap: seconds(c.median()), LongestGap: seconds(c.longest),
		Stalls: c.stalls, Stalled: seconds(c.stalled)}
	tokens, source := c.events, "events"
	if u != nil && u.made() > 0 {
		tokens, source = u.made(), "usage"
	}
	if span := c.lastContent.Sub(c.token); tokens > 1 && span > 0 {
		t.TokensPerSecond, t.TokenSource = float64(tokens-1)/span.Seconds(), source
	}
	return t
}

// seconds rounds to microseconds, which is what records have.
func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }
