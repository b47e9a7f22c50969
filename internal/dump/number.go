package dump

import (
	"fmt"
	"strconv"
	"time"
)

// Size writes n octets for a person: "512b", "1.2k", "3.0m".
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + "b"
	}
	f, unit := float64(n)/1024, 0
	for f >= 999.95 && unit < 3 {
		f /= 1024
		unit++
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + "kmgt"[unit:unit+1]
}

// Span writes a duration for a person: "0.4ms", "35ms", "1.2s", "2m05s".
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0ms"
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + "ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(float64(d.Truncate(100*time.Millisecond))/float64(time.Second), 'f', 1, 64) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
