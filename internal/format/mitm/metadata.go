package mitm

import (
	"fmt"
	"strconv"
	"strings"

	"midstream/internal/format/tnet"
)

// maxWritten bounds a value of metadata that is no text and is written as one.
const maxWritten = 4 << 10

// written is a value of metadata as text, as Python's str writes it, which is what
// filters and people see. ok is false for one that is too long, or nested too deep.
func written(v *tnet.Value) (s string, ok bool) {
	var b strings.Builder
	if !write(&b, v, 0) {
		return "", false
	}
	return b.String(), true
}

func write(b *strings.Builder, v *tnet.Value, depth int) bool {
	if b.Len() > maxWritten || depth > 8 {
		return false
	}
	switch v.Tag() {
	case tnet.Null:
		b.WriteString("None")
	case tnet.Bool:
		on, _ := v.Bool()
		b.WriteString(map[bool]string{true: "True", false: "False"}[on])
	case tnet.List:
		items, err := v.Items(maxWritten)
		if err != nil {
			return false
		}
		b.WriteByte('[')
		for i, x := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			if !write(b, x, depth+1) {
				return false
			}
		}
		b.WriteByte(']')
	case tnet.Dict:
		b.WriteByte('{')
		for i, e := range v.Entries() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(e.Key) + ": ")
			if !write(b, &e.Value, depth+1) {
				return false
			}
		}
		b.WriteByte('}')
	default:
		p, err := v.Bytes(maxWritten)
		switch s := string(p); {
		case err != nil:
			return false
		case v.Tag() == tnet.Octets:
			b.WriteString("b" + quote(s))
		case v.Tag() == tnet.Text && depth > 0:
			b.WriteString(quote(s))
		default:
			b.WriteString(s)
		}
	}
	return b.Len() <= maxWritten
}

// quote writes a string of Python in single quotes.
func quote(s string) string {
	q := strconv.Quote(s)
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	return fmt.Sprintf("'%s'", strings.ReplaceAll(q, "'", `\'`))
}
