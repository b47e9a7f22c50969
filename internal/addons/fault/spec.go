package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/option"
)

// A Spec is a fault that has been read.
type Spec struct {
	Do string
	// After is the octets of content that pass before it, or the server-sent
	// events where Events is set.
	After  int64
	Events bool
	// For is how long delay and stall wait.
	For time.Duration
	// Rate is octets a second, and Delay what bandwidth adds before a head.
	Rate   int64
	Delay  time.Duration
	Status int
	// Chance is from 0 to 1; 1 is always.
	Chance float64
	Side   flow.Side
}

// longest bounds a wait.
const longest = time.Hour

// preset is a network as people know it.
type preset struct {
	rate  int64 // octets a second
	delay time.Duration
}

func presets() map[string]preset {
	return map[string]preset{
		"gprs": {50 << 10 / 8, 500 * time.Millisecond}, "edge": {240 << 10 / 8, 400 * time.Millisecond},
		"3g": {1600 << 10 / 8, 150 * time.Millisecond}, "slow-3g": {400 << 10 / 8, 400 * time.Millisecond},
		"slow-lte": {4 << 20 / 8, 100 * time.Millisecond}, "lte": {12 << 20 / 8, 70 * time.Millisecond}, "dsl": {2 << 20 / 8, 5 * time.Millisecond},
	}
}

// kinds are the faults with what they take.
func kinds() map[string][]string {
	return map[string][]string{
		"delay": {"for"}, "bandwidth": {"rate", "preset"}, "stall": {"after", "for"},
		"cut": {"after"}, "reset": {"after"}, "corrupt": {"after"}, "status": {"code"},
	}
}

func names[V any](m map[string]V) string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Parse reads NAME[:KEY=VALUE,...].
func Parse(text string) (Spec, error) {
	name, rest, some := strings.Cut(text, ":")
	s := Spec{Do: strings.TrimSpace(name), Chance: 1, Side: flow.ToClient}
	takes, ok := kinds()[s.Do]
	if !ok {
		return s, fmt.Errorf("there is no fault %q: it is one of %s", s.Do, names(kinds()))
	}
	given := map[string]bool{}
	for some && rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, ",")
		key, value, ok := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key != "chance" && key != "side" && !slices.Contains(takes, key) {
			return s, fmt.Errorf("%s takes KEY=VALUE with %s, chance and side, and got %q", s.Do, strings.Join(takes, ", "), pair)
		}
		if given[key] {
			return s, fmt.Errorf("%s is given twice", key)
		}
		given[key] = true
		if err := s.set(key, value); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	switch {
	case (s.Do == "delay" || s.Do == "stall") && !given["for"]:
		return s, fmt.Errorf("%s needs for=TIME, as for=5s", s.Do)
	case s.Do == "bandwidth" && given["rate"] == given["preset"]:
		return s, fmt.Errorf("bandwidth needs rate=SIZE (a second) or preset, one of %s", names(presets()))
	case s.Do == "status" && !given["code"]:
		return s, errors.New("status needs code=NUMBER, as code=503")
	case s.Do == "status" && given["side"]:
		return s, errors.New("status has no side: it answers the request")
	}
	return s, nil
}

func (s *Spec) set(key, value string) (err error) {
	switch key {
	case "for":
		if s.For, err = option.ParseDuration(value); err == nil && (s.For <= 0 || s.For > longest) {
			err = errors.New("it is more than 0 and at most 1h")
		}
	case "after":
		number, unit, _ := strings.Cut(value, " ")
		if unit = strings.TrimSpace(unit); unit == "event" || unit == "events" {
			s.Events = true
			s.After, err = strconv.ParseInt(number, 10, 64)
			if err != nil || s.After < 0 {
				err = errors.New("it is a number of events, as 3 events")
			}
			return err
		}
		s.After, err = option.ParseSize(value)
	case "rate":
		if s.Rate, err = option.ParseSize(value); err == nil && s.Rate < 1 {
			err = errors.New("it is at least 1")
		}
	case "preset":
		p, ok := presets()[strings.ReplaceAll(strings.ToLower(value), " ", "-")]
		if !ok {
			return fmt.Errorf("%q is none: it is one of %s", value, names(presets()))
		}
		s.Rate, s.Delay = p.rate, p.delay
	case "code":
		if s.Status, err = strconv.Atoi(value); err != nil || s.Status < 200 || s.Status > 599 {
			err = errors.New("it is a status from 200 to 599")
		}
	case "chance":
		if s.Chance, err = strconv.ParseFloat(value, 64); err != nil || !(s.Chance > 0 && s.Chance <= 1) {
			err = errors.New("it is more than 0 and at most 1, as 0.1")
		}
	case "side":
		switch value {
		case "request":
			s.Side = flow.ToServer
		case "response":
			s.Side = flow.ToClient
		default:
			err = errors.New("it is request or response")
		}
	}
	return err
}
