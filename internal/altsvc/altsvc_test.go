package altsvc

import (
	"slices"
	"strings"
	"testing"

	"midstream/flow"
)

func notH3(a *Alternative) bool { return !a.H3() }

func at8080(a *Alternative) bool {
	a.Authority = ":8080"
	return true
}

func TestEdit(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Alternative) bool
		in     []string
		want   []string // nil for unchanged
	}{
		{"nothing is left", notH3, []string{`h3=":443"; ma=86400`}, []string{"clear"}},
		{"nothing is left of two fields", notH3, []string{`h3=":443"`, `quic=":443"; v="46,43"`}, []string{"clear"}},
		{"others stay", notH3, []string{`h3=":443"; ma=86400, h3-29=":443",h2="alt.test:443"; ma=1`}, []string{`h2="alt.test:443"; ma=1`}},
		{"a field goes", notH3, []string{`h3=":443"`, "clear"}, []string{"clear"}},
		{"commas in quotes", notH3, []string{`h2="a,h3=b:1", H3=":1"`}, []string{`h2="a,h3=b:1"`}},
		{"clear stays", notH3, []string{"clear"}, nil},
		{"what is meant by none stays as it is spelled", notH3, []string{`h2=":443" ,  h2="a:1"`}, nil},
		{"no alternative", notH3, []string{"h3"}, nil},
		{"a quote that does not end", notH3, []string{`h2="\",h3=`}, nil},
		{"no quotes, but meant", notH3, []string{`h3=443`}, []string{"clear"}},
		{"another authority", at8080, []string{`h3="alt.test:443"; ma="1:2"; persist=1, h2="[::1]:44"`}, []string{`h3=":8080"; ma="1:2"; persist=1, h2=":8080"`}},
		{"the same authority", at8080, []string{`h2=":8080"`}, nil},
		{"no authority to change", at8080, []string{`h2=443, h2=":443, clear`, ""}, nil},
		{"a parameter is no authority", at8080, []string{`h2="a:1"; b="c:2"`}, []string{`h2=":8080"; b="c:2"`}},
		{"no port", at8080, []string{`h2="a"`}, nil},
	} {
		var fields flow.Fields
		for _, v := range c.in {
			fields.Add("ALT-SVC", v)
		}
		want := c.want
		if want == nil {
			want = c.in
		}
		if changed := Edit(&fields, c.change); changed != (c.want != nil) || !slices.Equal(fields.Values(Field), want) || fields[0].Name != "ALT-SVC" {
			t.Errorf("%s: %v, %v, want %q", c.name, fields, changed, want)
		}
	}
	var none flow.Fields
	if Edit(&none, notH3) || len(none) > 0 {
		t.Errorf("a field was made: %v", none)
	}
}

func FuzzEdit(f *testing.F) {
	f.Add(`h3=":443"; ma=1, h2="a\",b"`)
	f.Add(`h3=":443"; ma=1, h2="x:1"`)
	f.Fuzz(func(t *testing.T, value string) {
		for _, change := range []func(*Alternative) bool{notH3, at8080} {
			now, changed := edit(value, change)
			if again, more := edit(now, change); more || again != now {
				t.Fatalf("%q became %q, and then %q", value, now, again)
			}
			if !changed && now != value || strings.Count(now, "=") > strings.Count(value, "=") {
				t.Fatalf("%q became %q, changed %v", value, now, changed)
			}
		}
	})
}
