package option

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ValueError says that a value does not fit an option. It never holds the value
// of a secret.
type ValueError struct {
	Option string
	Place  string // where it was set; "" when that is plain
	Text   string // one sentence: what was given and what is accepted
}

func (e *ValueError) Error() string {
	s := "option " + e.Option + ": " + e.Text
	if e.Place != "" {
		return e.Place + ": " + s
	}
	return s
}

// zero is the value of a type where nothing is said.
func (t Type) zero() any {
	switch t {
	case Bool:
		return false
	case Int, Size:
		return int64(0)
	case Duration:
		return time.Duration(0)
	case List, Paths:
		return []string(nil)
	}
	return ""
}

// Accepts says in words what the option takes: "a whole number from 0 to 4".
func (o *Option) Accepts() string {
	var s string
	switch o.Type {
	case Bool:
		s = "true, false or toggle"
	case Int:
		s = "a whole number"
	case Size:
		s = "a size: a whole number with b, k, m, g or t behind it, as 3m"
	case Duration:
		s = "a time: seconds, or a number with ms, s, m, h or d, as 10m"
	case Choice:
		s = "one of " + strings.Join(o.Choices, ", ")
	case Path:
		s = "a path"
	case List, Paths:
		s = "a list; give it several times for several entries"
	case String:
		s = "a text"
	}
	if o.bounded() {
		s += " from " + o.number(o.Min) + " to " + o.number(o.Max)
	}
	if o.Secret {
		s += ", or @FILE to read it from a file"
	}
	if o.Optional {
		s += ", or none"
	}
	return s
}

func (o *Option) bounded() bool { return o.Min != 0 || o.Max != 0 }

func (o *Option) number(n int64) string {
	switch o.Type {
	case Size:
		return FormatSize(n)
	case Duration:
		return FormatDuration(time.Duration(n))
	}
	return strconv.FormatInt(n, 10)
}

// Parse reads one value as it stands on a command line. For a list that is one
// entry. An empty text is none for an optional option, and so is "none" where
// it could not be a value. The error is a *ValueError.
func (o *Option) Parse(text string) (any, error) {
	if o.Optional && (text == "" || text == "none" && o.Type != String && o.Type != Path) {
		return nil, nil
	}
	var v any
	var err error
	switch o.Type {
	case Bool:
		v, err = parseBool(text)
	case Int:
		v, err = strconv.ParseInt(text, 10, 64)
	case Size:
		v, err = ParseSize(text)
	case Duration:
		v, err = ParseDuration(text)
	case Choice:
		if v = text; !slices.Contains(o.Choices, text) {
			err = errors.New("no such choice")
		}
	case List, Paths:
		v = []string{text}
	default:
		v = text
	}
	if err != nil {
		return nil, o.refuse(text)
	}
	return v, o.check(v, text)
}

// Coerce takes a value of any kind (from a script, JSON or Go) and returns it
// with the Go type that belongs to the option's Type. Texts are parsed. The
// error is a *ValueError.
func (o *Option) Coerce(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		if o.Optional {
			return nil, nil
		}
		if o.Type.many() {
			return []string(nil), nil
		}
		return nil, o.refuse("none")
	case string:
		return o.Parse(v)
	case bool:
		if o.Type == Bool {
			return v, o.check(v, "")
		}
	case int:
		return o.fromInt(int64(v))
	case int64:
		return o.fromInt(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return o.fromInt(int64(v))
		}
		if o.Type == Duration && v >= 0 && v < 1e9 {
			d := time.Duration(v * float64(time.Second))
			return d, o.check(d, fmt.Sprint(v))
		}
	case time.Duration:
		if o.Type == Duration && v >= 0 {
			return v, o.check(v, v.String())
		}
	case []string:
		if o.Type.many() {
			v = slices.Clone(v)
			return v, o.check(v, fmt.Sprint(v))
		}
	case []any:
		return o.fromAnys(v)
	}
	return nil, o.refuse(fmt.Sprint(v))
}

func (o *Option) fromInt(n int64) (any, error) {
	text := strconv.FormatInt(n, 10)
	switch {
	case o.Type == Int, o.Type == Size && n >= 0:
		return n, o.check(n, text)
	case o.Type == Duration && n >= 0:
		return o.Parse(text)
	}
	return nil, o.refuse(text)
}

func (o *Option) fromAnys(vs []any) (any, error) {
	list := make([]string, 0, len(vs))
	for _, v := range vs {
		s, ok := v.(string)
		if !ok || !o.Type.many() {
			return nil, o.refuse(fmt.Sprint(vs...))
		}
		list = append(list, s)
	}
	return list, o.check(list, fmt.Sprint(list))
}

func (o *Option) check(v any, text string) error {
	if o.bounded() {
		n, ok := v.(int64)
		if d, isTime := v.(time.Duration); isTime {
			n, ok = int64(d), true
		}
		if ok && (n < o.Min || n > o.Max) {
			return o.refuse(text)
		}
	}
	if o.Check == nil || v == nil {
		return nil
	}
	if err := o.Check(v); err != nil {
		if o.Secret { // what is wrong may hold the value
			err = errors.New("the value does not fit")
			if o.Meta != "" {
				err = errors.New("the value is not written " + o.Meta)
			}
		}
		return &ValueError{Option: o.Name, Text: err.Error()}
	}
	return nil
}

// refuse makes the error for a text that is not a value of o.
func (o *Option) refuse(text string) error {
	if o.Secret {
		return &ValueError{Option: o.Name, Text: "the value is not " + o.Accepts()}
	}
	return &ValueError{Option: o.Name, Text: quote(text) + " is not " + o.Accepts()}
}

// quote shows a text of any length and content in one short line.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strconv.QuoteToASCII(text)
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, errors.New("not a bool")
}

// Format writes a value as Parse reads it; lists are joined by ", " and none is
// "none". A secret is only said to be set.
func (o *Option) Format(v any) string {
	if v == nil {
		return "none"
	}
	if list, many := v.([]string); o.Secret && !(many && len(list) == 0) {
		return "(set, not shown)"
	}
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return o.number(v)
	case time.Duration:
		return FormatDuration(v)
	case []string:
		return strings.Join(v, ", ")
	case string:
		return v
	}
	return fmt.Sprint(v)
}
