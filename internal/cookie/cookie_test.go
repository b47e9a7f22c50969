package cookie

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPairs(t *testing.T) {
	got := Pairs([]string{` a=1; b="x y";c={"x":1, "y":"z"} ;; flag;=v;d=`, "e=f=g"})
	want := []Pair{{"a", "1"}, {"b", `"x y"`}, {"c", `{"x":1, "y":"z"}`}, {"", "flag"}, {"", "v"}, {"d", ""}, {"e", "f=g"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if s := fmt.Sprint(got[0], got[3]); s != "a=1 flag" {
		t.Error(s)
	}
}

func TestParseSet(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	gone, hour := time.Unix(0, 0), time.Date(2026, 1, 2, 4, 4, 5, 0, time.UTC)
	for line, want := range map[string]struct {
		pair  string
		more  string
		until time.Time
	}{
		`a=1`: {"a=1", "  false false", time.Time{}},
		`a={"x":1, "y":"z"}; Path=/p; Domain=.Site.TEST; Secure; HttpOnly; SameSite=None; Partitioned`: {`a={"x":1, "y":"z"}`, "site.test /p true true", time.Time{}},
		`a="q;r"; path=no`: {`a="q`, "  false false", time.Time{}},
		`a=1; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT`: {"a=1", "  false false", hour},
		`a=1; Expires=Fri, 24 Aug 2133 00:00:00 GMT; max-age=0`:    {"a=1", "  false false", gone},
		`a=1; Max-Age=-5`: {"a=1", "  false false", gone},
		`a=1; Max-Age=soon; Expires=Fri, 02-Jan-2026 04:04:05 GMT`: {"a=1", "  false false", hour},
		`a=1; Expires=Friday, 02-Jan-26 04:04:05 GMT`:              {"a=1", "  false false", hour},
		`a=1; Expires=bogus`:                {"a=1", "  false false", time.Time{}},
		`a=1; Max-Age=99999999999999999999`: {"a=1", "  false false", now.Add(longest)},
		`flag`:                              {"flag", "  false false", time.Time{}},
	} {
		c, ok := ParseSet(line)
		more := fmt.Sprint(c.Domain, " ", c.Path, " ", c.Secure, " ", c.HTTPOnly)
		if !ok || c.Pair.String() != want.pair || more != want.more || !c.Until(now).Equal(want.until) {
			t.Errorf("%s: %v, %q, %q, %v", line, ok, c.Pair, more, c.Until(now))
		}
	}
	for _, line := range []string{"", "=", " ; Path=/"} {
		if c, ok := ParseSet(line); ok {
			t.Errorf("%q sets %+v", line, c)
		}
	}
}

func TestInPath(t *testing.T) {
	for _, c := range []struct {
		target, path string
		want         bool
	}{
		{"/", "/", true}, {"/x", "", true}, {"/sub", "/sub", true}, {"/sub?x", "/sub", true}, {"/sub/x", "/sub", true}, {"/sub/x", "/sub/", true},
		{"/subx", "/sub", false}, {"/su", "/sub", false}, {"/?/sub/", "/sub", false}, {"*", "/sub", false},
	} {
		if got := InPath(c.target, c.path); got != c.want {
			t.Errorf("%s under %s: %v", c.target, c.path, got)
		}
	}
}

func FuzzParseSet(f *testing.F) {
	for _, s := range []string{"a=1; Max-Age=3; Expires=Fri, 02-Jan-2026 04:04:05 GMT", "=; =", "a;Domain=.", "x=\"{}\";path"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := ParseSet(s)
		if ok && c.Name == "" && c.Value == "" {
			t.Errorf("%q sets nothing", s)
		}
		_ = c.Until(time.Unix(1, 0))
		Pairs([]string{s})
	})
}
