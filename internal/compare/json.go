package compare

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
)

// maxPlaces bounds the places of a JSON text that are listed.
const maxPlaces = 50

// jsonDifferences compares two JSON texts whatever the order of their keys, and lists
// the places that differ, as in $.list[3].name. ok is false where one is no JSON.
func jsonDifferences(a, b []byte) (list []Difference, ok bool) {
	x, okA := parseJSON(a)
	y, okB := parseJSON(b)
	if !okA || !okB {
		return nil, false
	}
	d := &places{}
	d.compare("$", x, y)
	return d.list, true
}

func parseJSON(p []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(p))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil, false
	}
	_, err := dec.Token()
	return v, err == io.EOF
}

type places struct{ list []Difference }

func (d *places) add(at, a, b string) {
	if len(d.list) < maxPlaces {
		d.list = append(d.list, Difference{Name: at, A: a, B: b})
	}
}

func (d *places) compare(at string, a, b any) {
	if len(d.list) >= maxPlaces {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		for _, k := range keys(x, y) {
			v, okA := x[k]
			w, okB := y[k]
			place := at + member(k)
			switch {
			case !okA:
				d.add(place, "", text(w))
			case !okB:
				d.add(place, text(v), "")
			default:
				d.compare(place, v, w)
			}
		}
		return
	case []any:
		y, ok := b.([]any)
		if !ok {
			break
		}
		for i := range max(len(x), len(y)) {
			place := at + "[" + strconv.Itoa(i) + "]"
			switch {
			case i >= len(x):
				d.add(place, "", text(y[i]))
			case i >= len(y):
				d.add(place, text(x[i]), "")
			default:
				d.compare(place, x[i], y[i])
			}
		}
		return
	}
	if p, q := text(a), text(b); p != q {
		d.add(at, p, q)
	}
}

func keys(maps ...map[string]any) (all []string) {
	for _, m := range maps {
		for k := range m {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func member(k string) string {
	for _, c := range k {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "[" + strconv.Quote(k) + "]"
		}
	}
	if k == "" {
		return `[""]`
	}
	return "." + k
}

// text writes a value; keys come sorted.
func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "?"
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
