package http2

import "time"

// meter bounds what costs a peer little and this side much: resets of fresh
// streams, frames without content, settings. It is a bucket that fills again.
// The zero value is full.
type meter struct {
	spent float64
	at    time.Time
}

const (
	// meterSize is a burst that real clients have: a page that is left cancels
	// what it had asked for.
	meterSize = 1000
	// meterRate is how many of them a second may go on for ever.
	meterRate = 100
)

// spend notes one, and tells whether the peer may go on.
func (m *meter) spend(now time.Time) bool {
	if m.at.IsZero() {
		m.at = now
	}
	m.spent = max(0, m.spent-now.Sub(m.at).Seconds()*meterRate)
	m.at = now
	m.spent++
	return m.spent <= meterSize
}
