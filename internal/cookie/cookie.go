package cookie

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Pair is a cookie as a request has it. Its name is empty where no = was written.
type Pair struct{ Name, Value string }

// String writes it for a Cookie field.
func (p Pair) String() string {
	if p.Name == "" {
		return p.Value
	}
	return p.Name + "=" + p.Value
}

// Pairs reads Cookie fields, in their order. Empty ones are left out.
func Pairs(lines []string) []Pair {
	var all []Pair
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			if p, ok := pair(part); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// pair reads NAME=VALUE, or a value alone.
func pair(s string) (Pair, bool) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		name, value = "", s
	}
	p := Pair{trim(name), trim(value)}
	return p, p.Name != "" || p.Value != ""
}

func trim(s string) string { return strings.Trim(s, " \t") }

// Set is a cookie as a server sets it. Attributes that are not there, or that mean
// nothing, have their zero value.
type Set struct {
	Pair
	Domain, Path string
	// Expires is the date of that attribute. MaxAge counts where it is there, HasMaxAge;
	// it is 0 for one that is to go at once (RFC 6265 section 5.2.2).
	Expires          time.Time
	MaxAge           time.Duration
	HasMaxAge        bool
	Secure, HTTPOnly bool
}

// ParseSet reads a Set-Cookie field (RFC 6265 section 5.2); ok is false for one that
// sets nothing.
func ParseSet(line string) (c Set, ok bool) {
	first, rest, _ := strings.Cut(line, ";")
	if c.Pair, ok = pair(first); !ok {
		return c, false
	}
	for attribute := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(attribute, "=")
		value = trim(value)
		switch strings.ToLower(trim(name)) {
		case "domain":
			c.Domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case "path":
			if c.Path = ""; strings.HasPrefix(value, "/") {
				c.Path = value
			}
		case "expires":
			if t, ok := date(value); ok {
				c.Expires = t
			}
		case "max-age":
			if n, ok := seconds(value); ok {
				c.MaxAge, c.HasMaxAge = n, true
			}
		case "secure":
			c.Secure = true
		case "httponly":
			c.HTTPOnly = true
		}
	}
	return c, true
}

// Until is when a cookie that was set at now goes, the zero time for one that has no
// end. Max-Age comes before Expires (RFC 6265 section 5.3).
func (c Set) Until(now time.Time) time.Time {
	switch {
	case c.HasMaxAge && c.MaxAge <= 0:
		return time.Unix(0, 0)
	case c.HasMaxAge:
		return now.Add(c.MaxAge)
	}
	return c.Expires
}

// longest bounds how long a cookie lives.
const longest = 100 * 365 * 24 * time.Hour

func seconds(s string) (time.Duration, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case strings.HasPrefix(s, "-"):
		return 0, true
	case err != nil || n > int64(longest/time.Second):
		return longest, true
	}
	return time.Duration(n) * time.Second, true
}

// date reads the forms of dates that servers write.
func date(s string) (time.Time, bool) {
	if t, err := http.ParseTime(s); err == nil {
		return t, true
	}
	for _, layout := range []string{"Mon, 02-Jan-2006 15:04:05 MST", "Mon, 02-Jan-06 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// InPath tells whether the target of a request, with its query, is under the path of a
// cookie (RFC 6265 section 5.1.4).
func InPath(target, path string) bool {
	target, _, _ = strings.Cut(target, "?")
	if target == path || path == "" || path == "/" {
		return true
	}
	return strings.HasPrefix(target, path) && (strings.HasSuffix(path, "/") || target[len(path)] == '/')
}
