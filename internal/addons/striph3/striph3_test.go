package striph3

import (
	"strings"
	"testing"
)

func TestStrip(t *testing.T) {
	for _, c := range []struct {
		value, want string
		some        bool
	}{
		{`h3=":443"; ma=86400`, "", true},
		{`h3=":443"; ma=86400, h3-29=":443", h2="alt.test:443"; ma=1`, `h2="alt.test:443"; ma=1`, true},
		{`h2="a,h3=b:1", H3=":1"`, `h2="a,h3=b:1"`, true},
		{`quic=":443"; v="46,43"`, "", true},
		{`clear`, "clear", false},
		{`h2=":443"`, `h2=":443"`, false},
		{`h3`, `h3`, false},
		{`h2="\",h3=`, `h2="\",h3=`, false},
	} {
		if got, some := strip(c.value); got != c.want || some != c.some {
			t.Errorf("%s: %q, %v, want %q", c.value, got, some, c.want)
		}
	}
}

func FuzzStrip(f *testing.F) {
	f.Add(`h3=":443"; ma=1, h2="a\",b"`)
	f.Fuzz(func(t *testing.T, value string) {
		left, some := strip(value)
		if again, more := strip(left); more || again != left {
			t.Fatalf("%q became %q, and then %q", value, left, again)
		}
		if !some && strings.Count(left, "=") != strings.Count(value, "=") {
			t.Fatalf("%q became %q", value, left)
		}
	})
}
