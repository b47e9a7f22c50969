package query

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// bounds reads what Status, Size, Duration and Age compare with.
func (p *parser) bounds(a *Atom, o operator) {
	p.peek()
	begin := p.pos
	arg := p.comparison()
	a.Argument, a.End = arg, p.pos
	a.Min, a.Max = 0, unbounded
	value := p.value(o.arg)
	ok := false
	switch {
	case strings.HasPrefix(arg, ">="):
		a.Min, _, ok = value(arg[2:])
	case strings.HasPrefix(arg, "<="):
		_, a.Max, ok = value(arg[2:])
	case strings.HasPrefix(arg, ">"):
		if _, a.Min, ok = value(arg[1:]); ok && a.Min < unbounded {
			a.Min++
		}
	case strings.HasPrefix(arg, "<"):
		a.Max, _, ok = value(arg[1:])
		a.Max--
	case strings.Contains(arg, "-"):
		low, high, _ := strings.Cut(arg, "-")
		var there bool
		a.Min, _, ok = value(low)
		_, a.Max, there = value(high)
		if ok = ok && there; ok && a.Min > a.Max {
			p.fail(begin, "the range ends before it begins")
		}
	default:
		if o.arg == statuses {
			a.Min, a.Max, ok = value(strings.TrimPrefix(arg, "="))
		} else {
			p.fail(begin, a.Name+" wants "+o.wants()+", with <, <=, > or >=")
		}
	}
	if !ok {
		p.fail(begin, a.Name+" wants "+o.wants()+", and got "+strconv.Quote(arg))
	}
	p.now = p.now || o.op == Age || o.op == Duration
}

// comparison reads a word, and one more where the first is a comparison alone;
// an & or | ends it.
func (p *parser) comparison() string {
	part := func() string {
		start := p.pos
		for p.pos < len(p.text) && !isSpace(p.text[p.pos]) && strings.IndexByte("()~'\"&|", p.text[p.pos]) < 0 {
			p.pos++
		}
		return p.text[start:p.pos]
	}
	arg := part()
	if strings.Trim(arg, "<>=") == "" {
		p.space()
		arg += part()
	}
	return arg
}

// value returns how one value is read: the lowest and the highest that it
// stands for.
func (p *parser) value(arg argument) func(s string) (low, high int64, ok bool) {
	switch arg {
	case statuses:
		return parseStatus
	case sizes:
		return parseSize
	}
	return parseTime
}

func parseStatus(s string) (low, high int64, ok bool) {
	if len(s) == 3 && (s[1:] == "xx" || s[1:] == "XX") && s[0] >= '0' && s[0] <= '9' {
		low = int64(s[0]-'0') * 100
		return low, low + 99, true
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(s, 10, 63)
	return n, n, err == nil
}

// parseSize reads octets as the options do: b, k, m, g, t, 1024-based.
func parseSize(s string) (low, high int64, ok bool) {
	digits := strings.TrimRight(s, "bkmgtBKMGT")
	unit := strings.ToLower(s[len(digits):])
	shift := map[string]uint{"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "kb": 10, "mb": 20, "gb": 30, "tb": 40}
	n, known := shift[unit]
	v, err := strconv.ParseFloat(digits, 64)
	v *= float64(uint64(1) << n)
	if !known || err != nil || !(v >= 0 && v < math.MaxInt64) || strings.Trim(digits, "0123456789.") != "" {
		return 0, 0, false
	}
	return int64(v), int64(v), true
}

// parseTime reads a time as 90s, 1h30m, 250ms, 2d, and returns microseconds.
func parseTime(s string) (low, high int64, ok bool) {
	var days time.Duration
	if before, after, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseFloat(before, 64)
		if err != nil || !(n >= 0 && n < 100_000) || strings.Trim(before, "0123456789.") != "" {
			return 0, 0, false
		}
		if days, s = time.Duration(n*float64(24*time.Hour)), after; s == "" {
			s = "0s"
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || s[0] == '+' || s[0] == '-' {
		return 0, 0, false
	}
	return (days + d).Microseconds(), (days + d).Microseconds(), true
}
