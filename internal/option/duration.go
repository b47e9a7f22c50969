package option

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var errNotDuration = errors.New("not a duration")

const day = 24 * time.Hour

// ParseDuration reads a time span: a whole number of seconds, or numbers with
// units as "1h30m", "500ms", "7d". It is never negative.
func ParseDuration(s string) (time.Duration, error) {
	if digits(s) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n > math.MaxInt64/int64(time.Second) {
			return 0, errTooBig
		}
		return time.Duration(n) * time.Second, nil
	}
	var days time.Duration
	if head, rest, ok := strings.Cut(s, "d"); ok {
		if !digits(head) {
			return 0, errNotDuration
		}
		n, err := strconv.ParseInt(head, 10, 64)
		if err != nil || n > int64(math.MaxInt64/day) {
			return 0, errTooBig
		}
		if days = time.Duration(n) * day; rest == "" {
			return days, nil
		}
		s = rest
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		return 0, errNotDuration
	}
	if d > math.MaxInt64-days {
		return 0, errTooBig
	}
	return days + d, nil
}

// FormatDuration writes d as ParseDuration reads it: "10m", "1h30m", "24h".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
