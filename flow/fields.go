package flow

import "strings"

// A Field is one field line of a message head or trailer section
// (RFC 9110 section 5). Name and Value are the octets as sent, the value
// without surrounding white space.
type Field struct {
	Name  string
	Value string
	// Wire is the whole line as it was received, without its line ending.
	// A codec prints it instead of Name and Value as long as it still spells
	// them, so that an untouched line leaves byte for byte as it came.
	Wire string
	// NeverIndexed tells that the sender did not want the value in a compression
	// table, on no connection (RFC 7541 section 6.2.3).
	NeverIndexed bool
}

// Line returns what stands on the wire for f, without the line ending.
func (f Field) Line() string {
	if f.spelledByWire() {
		return f.Wire
	}
	return f.Name + ": " + f.Value
}

// AppendLine appends what Line returns to dst.
func (f Field) AppendLine(dst []byte) []byte {
	if f.spelledByWire() {
		return append(dst, f.Wire...)
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ": "...)
	return append(dst, f.Value...)
}

func (f Field) spelledByWire() bool {
	w := f.Wire
	if len(w) <= len(f.Name) || w[len(f.Name)] != ':' || w[:len(f.Name)] != f.Name {
		return false
	}
	return TrimSpace(w[len(f.Name)+1:]) == f.Value
}

// TrimSpace cuts optional white space (space and tab, RFC 9110 section 5.6.3)
// from both ends of s.
func TrimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// Fields is an ordered list of field lines: case, order and duplicates as on
// the wire. Lookups fold case. The zero value is an empty list.
type Fields []Field

// Get returns the first value of name, or "".
func (fs Fields) Get(name string) string {
	v, _ := fs.Lookup(name)
	return v
}

// Lookup returns the first value of name and whether there is one.
func (fs Fields) Lookup(name string) (string, bool) {
	for i := range fs {
		if EqualFold(fs[i].Name, name) {
			return fs[i].Value, true
		}
	}
	return "", false
}

// Has tells whether there is a field called name.
func (fs Fields) Has(name string) bool {
	_, ok := fs.Lookup(name)
	return ok
}

// Values returns all values of name in their order; nil when there is none.
func (fs Fields) Values(name string) []string {
	var vs []string
	for i := range fs {
		if EqualFold(fs[i].Name, name) {
			vs = append(vs, fs[i].Value)
		}
	}
	return vs
}

// Joined returns all values of name joined by ", " (RFC 9110 section 5.3).
func (fs Fields) Joined(name string) string {
	first, n := "", 0
	for i := range fs {
		if EqualFold(fs[i].Name, name) {
			if n == 0 {
				first = fs[i].Value
			}
			n++
		}
	}
	if n < 2 {
		return first
	}
	return strings.Join(fs.Values(name), ", ")
}

// HasToken tells whether the comma-separated lists of all fields called name
// contain token, folding case.
func (fs Fields) HasToken(name, token string) bool {
	for i := range fs {
		if !EqualFold(fs[i].Name, name) {
			continue
		}
		for rest := fs[i].Value; rest != ""; {
			var item string
			item, rest, _ = strings.Cut(rest, ",")
			if EqualFold(TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// Add appends a field.
func (fs *Fields) Add(name, value string) {
	*fs = append(*fs, Field{Name: name, Value: value})
}

// Insert puts a field at position i, cut to the bounds of the list.
func (fs *Fields) Insert(i int, name, value string) {
	i = max(0, min(i, len(*fs)))
	*fs = append(*fs, Field{})
	copy((*fs)[i+1:], (*fs)[i:])
	(*fs)[i] = Field{Name: name, Value: value}
}

// Set gives name the one value. The first field of that name keeps its place
// and spelling, further ones go; without one the field is appended.
func (fs *Fields) Set(name, value string) {
	fs.SetAll(name, []string{value})
}

// SetAll gives name the values in their order: fields of that name keep place
// and spelling as far as values reach, surplus fields go, surplus values are
// appended.
func (fs *Fields) SetAll(name string, values []string) {
	kept := (*fs)[:0]
	for _, f := range *fs {
		if EqualFold(f.Name, name) {
			if len(values) == 0 {
				continue
			}
			if f.Value != values[0] {
				f.Value, f.Wire = values[0], ""
			}
			values = values[1:]
		}
		kept = append(kept, f)
	}
	clear((*fs)[len(kept):])
	for _, v := range values {
		kept = append(kept, Field{Name: name, Value: v})
	}
	*fs = kept
}

// Del removes every field called name and tells whether there was one.
func (fs *Fields) Del(name string) bool {
	kept := (*fs)[:0]
	for _, f := range *fs {
		if !EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	removed := len(kept) < len(*fs)
	clear((*fs)[len(kept):])
	*fs = kept
	return removed
}

// JoinCookies joins the Cookie fields of a request into one at the place of the
// first, as HTTP/1 wants it: later versions split them (RFC 9113 section 8.2.3).
func (fs *Fields) JoinCookies() {
	first, n, never := -1, 0, false
	for i := range *fs {
		if EqualFold((*fs)[i].Name, "Cookie") {
			never = never || (*fs)[i].NeverIndexed
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n < 2 {
		return
	}
	crumbs := fs.Values("Cookie")
	kept := (*fs)[:first+1]
	kept[first].Value, kept[first].Wire, kept[first].NeverIndexed = strings.Join(crumbs, "; "), "", never
	for _, f := range (*fs)[first+1:] {
		if !EqualFold(f.Name, "Cookie") {
			kept = append(kept, f)
		}
	}
	clear((*fs)[len(kept):])
	*fs = kept
}

// Clone returns a copy that shares nothing that can be changed.
func (fs Fields) Clone() Fields {
	if fs == nil {
		return nil
	}
	return append(make(Fields, 0, len(fs)+2), fs...)
}

// Equal tells whether both lists have the same names and values, case and
// order included.
func (fs Fields) Equal(other Fields) bool {
	if len(fs) != len(other) {
		return false
	}
	for i := range fs {
		if fs[i].Name != other[i].Name || fs[i].Value != other[i].Value {
			return false
		}
	}
	return true
}

// EqualFold compares two names, folding ASCII letters only (RFC 9110
// section 5.1).
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}
