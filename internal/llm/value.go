package llm

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
)

// value is a JSON value of any shape: asking it for what it is not gives the
// zero of what was asked for. Numbers keep their text.
type value struct{ v any }

func parseValue(p []byte) (value, bool) {
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	var v value
	if d.Decode(&v.v) != nil {
		return value{}, false
	}
	if _, err := d.Token(); err != io.EOF {
		return value{}, false
	}
	return v, true
}

// get walks along keys of objects.
func (v value) get(keys ...string) value {
	for _, k := range keys {
		m, _ := v.v.(map[string]any)
		v = value{m[k]}
	}
	return v
}

// first is the first of several keys that is there and not null.
func (v value) first(keys ...string) value {
	for _, k := range keys {
		if found := v.get(k); !found.null() {
			return found
		}
	}
	return value{}
}

func (v value) null() bool { return v.v == nil }

func (v value) has(key string) bool {
	m, _ := v.v.(map[string]any)
	_, ok := m[key]
	return ok
}

func (v value) str() string {
	s, _ := v.v.(string)
	return s
}

func (v value) isString() bool {
	_, ok := v.v.(string)
	return ok
}

func (v value) truth() bool {
	b, _ := v.v.(bool)
	return b
}

func (v value) object() bool {
	_, ok := v.v.(map[string]any)
	return ok
}

func (v value) list() []any {
	l, _ := v.v.([]any)
	return l
}

// num is a whole number, and whether it is one.
func (v value) num() (int64, bool) {
	n, ok := v.v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	if err != nil {
		f, ferr := n.Float64()
		if ferr != nil || f < -1<<62 || f > 1<<62 {
			return 0, false
		}
		return int64(f), true
	}
	return i, true
}

func (v value) int() int64 {
	n, _ := v.num()
	return n
}

// text is the JSON of the value.
func (v value) text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v.v) != nil {
		return ""
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}

func number(i int) json.Number { return json.Number(strconv.Itoa(i)) }
