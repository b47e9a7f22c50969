package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// ErrNotJSON says that a text is none.
var ErrNotJSON = errors.New("it is no JSON")

// mostDepth bounds how deep values are looked into.
const mostDepth = 1000

var errDepth = errors.New("it is nested more than 1000 deep")

// Apply makes the edits in their order and tells how many values have changed. doc
// is not changed; where nothing does, it is returned.
func Apply(doc []byte, edits []Edit) (now []byte, n int, err error) {
	if !json.Valid(doc) {
		return doc, 0, ErrNotJSON
	}
	for _, e := range edits {
		w := editor{doc: doc, edit: &e}
		from := w.space(0)
		w.out = append(w.out, doc[:from]...)
		end := w.value(from, []int{0}, 0)
		if w.err != nil {
			return doc, 0, w.err
		}
		if w.n > 0 {
			doc, n = append(w.out, doc[end:]...), n+w.n
		}
	}
	return doc, n, nil
}

// editor makes one edit. The text is known to be JSON.
type editor struct {
	doc  []byte
	edit *Edit
	out  []byte
	n    int
	err  error
}

func (w *editor) space(i int) int {
	for i < len(w.doc) && (w.doc[i] == ' ' || w.doc[i] == '\t' || w.doc[i] == '\n' || w.doc[i] == '\r') {
		i++
	}
	return i
}

// skip is where the value at i ends.
func (w *editor) skip(i int) int {
	depth := 0
	for ; i < len(w.doc); i++ {
		switch c := w.doc[i]; {
		case c == '"':
			i = w.text(i) - 1
			if depth == 0 {
				return i + 1
			}
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i // behind a number or a word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return i
		}
	}
	return i
}

// text is where the text at i ends.
func (w *editor) text(i int) int {
	for i++; w.doc[i] != '"'; i++ {
		if w.doc[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// value writes the value at i, where the steps of at are to be taken next, and
// returns where it ends.
func (w *editor) value(i int, at []int, depth int) int {
	open := w.doc[i]
	if open != '{' && open != '[' || len(at) == 0 || w.err != nil {
		end := w.skip(i)
		w.out = append(w.out, w.doc[i:end]...)
		return end
	}
	if depth >= mostDepth {
		w.err = errDepth
		return w.skip(i)
	}
	w.out = append(w.out, open)
	i++
	var missing []int // the last steps that name a member which is not there yet
	if open == '{' && w.edit.value != nil {
		for _, s := range at {
			if p := w.edit.path[s]; s == len(w.edit.path)-1 && p.index < 0 && !p.any && !p.deep {
				missing = append(missing, s)
			}
		}
	}
	written := 0
	for index := 0; ; index++ {
		from := w.space(i)
		if c := w.doc[from]; c == '}' || c == ']' {
			w.add(missing, written)
			w.out = append(w.out, w.doc[i:from+1]...)
			return from + 1
		}
		mark := len(w.out)
		if written > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, w.doc[i:from]...)
		name, here := "", from
		if open == '{' {
			end := w.text(from)
			name = unquote(w.doc[from:end])
			here = w.space(w.space(end) + 1) // behind the colon
			w.out = append(w.out, w.doc[from:here]...)
		}
		next, hit := w.follow(at, open == '{', name, index)
		missing = slices.DeleteFunc(missing, func(s int) bool { return w.edit.path[s].name == name })
		var end int
		switch {
		case hit && w.edit.value == nil:
			end = w.skip(here)
			w.out = w.out[:mark]
			w.n++
		case hit:
			end = w.skip(here)
			if !bytes.Equal(w.doc[here:end], w.edit.value) {
				w.n++
			}
			w.out = append(w.out, w.edit.value...)
			written++
		default:
			end = w.value(here, next, depth+1)
			written++
		}
		i = w.space(end)
		if w.doc[i] == ',' {
			if len(w.out) > mark {
				w.out = append(w.out, w.doc[end:i]...)
			}
			i++
			continue
		}
		w.add(missing, written)
		w.out = append(w.out, w.doc[end:i+1]...)
		return i + 1
	}
}

// add adds members that are not there.
func (w *editor) add(missing []int, written int) {
	if len(missing) > 0 {
		if written > 0 {
			w.out = append(w.out, ',')
		}
		name, _ := json.Marshal(w.edit.path[len(w.edit.path)-1].name)
		w.out = append(append(append(w.out, name...), ':'), w.edit.value...)
		w.n++
	}
}

// follow are the steps to be taken below a member or an element; hit tells that a
// path ends there.
func (w *editor) follow(at []int, member bool, name string, index int) (next []int, hit bool) {
	for _, s := range at {
		p := w.edit.path[s]
		if p.deep {
			next = appendNew(next, s)
		}
		if !p.any && (member != (p.index < 0) || member && p.name != name || !member && p.index != index) {
			continue
		}
		if s+1 == len(w.edit.path) {
			hit = true
		} else {
			next = appendNew(next, s+1)
		}
	}
	return next, hit
}

func appendNew(list []int, s int) []int {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func unquote(p []byte) string {
	if bytes.IndexByte(p, '\\') < 0 {
		return string(p[1 : len(p)-1])
	}
	var s string
	_ = json.Unmarshal(p, &s) // it is JSON
	return s
}
