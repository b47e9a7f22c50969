package replay

import (
	"strings"
	"time"

	"midstream/flow"
)

// dates are the fields whose date moves on with the time (RFC 9110).
var dates = []string{"Date", "Expires", "Last-Modified"}

// layouts are the forms of dates in fields and cookies (RFC 9110 section 5.6.7, RFC
// 6265 section 5.1.1).
var layouts = []string{time.RFC1123, "Mon, 02 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC, "Mon, 02-Jan-2006 15:04:05 MST", "Mon, 02-Jan-06 15:04:05 MST", time.RFC1123Z}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func later(text string, by time.Duration) (string, bool) {
	for _, l := range layouts {
		if t, err := time.Parse(l, strings.TrimSpace(text)); err == nil {
			return t.Add(by).UTC().Format(httpDate), true
		}
	}
	return text, false
}

// refresh moves the dates of a response, and those at which its cookies expire, as
// much later as it is sent later.
func refresh(fields flow.Fields, by time.Duration) {
	for i := range fields {
		f := &fields[i]
		if flow.EqualFold(f.Name, "Set-Cookie") {
			f.Value = refreshCookie(f.Value, by)
			continue
		}
		for _, name := range dates {
			if flow.EqualFold(f.Name, name) {
				f.Value, _ = later(f.Value, by)
			}
		}
	}
}

func refreshCookie(cookie string, by time.Duration) string {
	parts := strings.Split(cookie, ";")
	for i, p := range parts {
		name, value, ok := strings.Cut(p, "=")
		if !ok || i == 0 || !flow.EqualFold(strings.TrimSpace(name), "expires") {
			continue
		}
		if at, ok := later(value, by); ok {
			parts[i] = name + "=" + at
		}
	}
	return strings.Join(parts, ";")
}
