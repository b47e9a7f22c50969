package query

import (
	"slices"
	"strings"
	"testing"
)

func TestTerms(t *testing.T) {
	for filter, want := range map[string][]string{
		"~q":                                {"~q"},
		"  foo ":                            {"foo"},
		"~b token & ~d shop & ~c 5xx":       {"~b token", "~d shop", "~c 5xx"},
		"~d shop !~t image (~m get | ~m p)": {"~d shop", "!~t image", "(~m get | ~m p)"},
		"((~d a) & ~c 200) & !(~b x ~q)":    {"~d a", "~c 200", "!(~b x & ~q)"},
		"~b x | ~d y":                       {"(~b x | ~d y)"},
		`~u "a b" & ~h 'c\'d'`:              {`~u "a b"`, `~h 'c\'d'`},
	} {
		f, err := Parse(filter, Folded)
		if err != nil {
			t.Fatal(err)
		}
		terms := f.Terms()
		if !slices.Equal(terms, want) {
			t.Errorf("%s: %q, want %q", filter, terms, want)
		}
		again, err := Parse(strings.Join(terms, " & "), Folded)
		if err != nil || !slices.Equal(again.Terms(), terms) {
			t.Errorf("%s: they are another filter together: %v", filter, err)
		}
	}
}

func TestKin(t *testing.T) {
	for filter, want := range map[string][]string{
		"~bq token":   {"~bs token", "~h token"},
		"token":       {"~h token", "~b token"},
		`~hs "a b"`:   {`~hq "a b"`, `~b "a b"`},
		"~c 404":      nil,
		"~b x & ~d y": nil,
	} {
		f, err := Parse(filter, Folded)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Kin(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
		for _, kin := range f.Kin() {
			if _, err := Parse(kin, Folded); err != nil {
				t.Error(err)
			}
		}
	}
}
