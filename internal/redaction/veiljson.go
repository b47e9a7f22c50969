package redaction

import (
	"bytes"
	"encoding/json"
	"strings"

	"midstream/flow"
)

// JSON hides in a JSON text that tells about flows: in every string of it; whole
// where it is the value of a field, as the second of a pair or as value beside a
// name, and where it is a member that is called as one. What is no JSON is returned
// as it is.
func (v *Veil) JSON(p []byte) []byte {
	w := &jsonVeil{v: v, in: p}
	for w.at < len(p) {
		w.step()
	}
	if w.out == nil {
		return p
	}
	return append(w.out, p[w.from:]...)
}

// jsonVeil goes through one text. Tokens are told apart by their first octet, as the
// text is one that was just written.
type jsonVeil struct {
	v     *Veil
	in    []byte
	at    int
	out   []byte // nil while nothing was hidden
	from  int    // what comes next into out
	stack []level
}

// level is an array or an object.
type level struct {
	array  bool
	n      int    // elements before
	key    string // of the member, "" before it
	first  string // element of an array
	name   string // the member of that name
	hidden bool   // all of it
	body   bool   // it is a part of a form that is a credential
}

func (w *jsonVeil) top() *level {
	if len(w.stack) == 0 {
		return &level{array: true}
	}
	return &w.stack[len(w.stack)-1]
}

func (w *jsonVeil) step() {
	f := w.top()
	switch c := w.in[w.at]; c {
	case '{', '[':
		w.stack = append(w.stack, level{array: c == '[', hidden: w.whole(f)})
		w.at++
	case '}', ']':
		if len(w.stack) > 0 {
			w.stack = w.stack[:len(w.stack)-1]
		}
		w.at++
	case ',':
		f.n++
		f.key = ""
		w.at++
	case '"':
		w.text(f)
	case ' ', '\t', '\r', '\n', ':':
		w.at++
	default:
		end := w.at + 1
		for end < len(w.in) && bytes.IndexByte([]byte(",]} \t\r\n"), w.in[end]) < 0 {
			end++
		}
		if w.whole(f) && (c == '-' || c >= '0' && c <= '9') {
			w.put(end, Dots)
		}
		w.at = end
	}
}

// whole tells whether what comes next in a level is a credential.
func (w *jsonVeil) whole(f *level) bool {
	switch {
	case f.hidden:
		return true
	case f.array:
		return f.n == 1 && w.v.rules.field(f.first)
	case f.body && (f.key == "text" || f.key == "base64"):
		return true
	case f.key == "value" || f.key == "Value":
		return w.v.rules.field(f.name)
	}
	return f.key != "" && w.v.rules.members[strings.ToLower(f.key)]
}

// text goes through a string.
func (w *jsonVeil) text(f *level) {
	end := w.at + 1
	for end < len(w.in) && w.in[end] != '"' {
		if w.in[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end+1, len(w.in))
	raw := w.in[w.at:end]
	value := func() string {
		var s string
		if bytes.IndexByte(raw, '\\') < 0 && len(raw) > 1 {
			return string(raw[1 : len(raw)-1])
		}
		_ = json.Unmarshal(raw, &s) // what is no JSON has no names
		return s
	}
	if !f.array && f.key == "" {
		f.key = value()
		w.at = end
		return
	}
	switch {
	case w.whole(f):
		if s := value(); s != "" && !isTag(s) {
			w.put(end, Dots)
		}
	case bytes.ContainsAny(raw, "=:%>") || bytes.Contains(raw, []byte("eyJ")):
		s := value()
		if hidden := w.v.Text(s); hidden != s {
			w.put(end, hidden)
		}
	}
	switch {
	case f.array && f.n == 0:
		f.first = value()
	case f.array && f.n == 1 && flow.EqualFold(f.first, "Content-Disposition") && w.v.disposition(value()):
		if k := len(w.stack) - 3; k >= 0 {
			w.stack[k].body = true // pair, list of pairs, message
		}
	case f.key == "name" || f.key == "Name":
		f.name = value()
	}
	w.at = end
}

// put writes a string in the place of what ends at an offset.
func (w *jsonVeil) put(end int, s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		return
	}
	w.out = append(append(w.out, w.in[w.from:w.at]...), quoted...)
	w.from = end
}
