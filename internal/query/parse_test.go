package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// written prints a tree with all its parentheses.
func written(n Node) string {
	join := func(parts []Node, by string) string {
		var s []string
		for _, p := range parts {
			s = append(s, written(p))
		}
		return "(" + strings.Join(s, by) + ")"
	}
	switch n := n.(type) {
	case And:
		return join(n, " & ")
	case Or:
		return join(n, " | ")
	case *Not:
		return "!" + written(n.Of)
	case *Atom:
		switch {
		case n.Name == "":
			return "<" + n.Argument + ">"
		case n.Argument == "":
			return n.Name
		}
		return n.Name + "<" + n.Argument + ">"
	}
	return "?"
}

func TestParse(t *testing.T) {
	for filter, want := range map[string]string{
		"~q":                        "~q",
		"~all":                      "~all",
		"foobar":                    "<foobar>",
		"~u foobar":                 "~u<foobar>",
		"~q ~c 10":                  "(~q & ~c<10>)",
		"foo | bar baz":             "((<foo> | <bar>) & <baz>)",
		"foo baz | bar":             "(<foo> & (<baz> | <bar>))",
		"~q & ~s | ~e":              "((~q & ~s) | ~e)",
		"~q | ~s & ~e":              "(~q | (~s & ~e))",
		"!~q & ~s":                  "(!~q & ~s)",
		"!!~q":                      "!!~q",
		"! ~c 200":                  "!~c<200>",
		"!~c 201 !~c 202":           "(!~c<201> & !~c<202>)",
		"!(~u test & ~m get)":       "!(~u<test> & ~m<get>)",
		"(~u foobar & ~m get)":      "(~u<foobar> & ~m<get>)",
		"(~q)":                      "~q",
		"(~q ~s)":                   "(~q & ~s)",
		"~q&~s":                     "(~q & ~s)",
		"foo&bar":                   "<foo&bar>", // a word goes on to white space
		"foo|bar":                   "<foo|bar>",
		"foo |bar":                  "(<foo> | <bar>)",
		"~u foo|~q":                 "(~u<foo|> & ~q)", // but ends before a tilde
		"~u 'foo ~u bar' ~u voing":  "(~u<foo ~u bar> & ~u<voing>)",
		`~u 'foobar\"\''`:           `~u<foobar"'>`,
		`~u "foo \'bar"`:            `~u<foo 'bar>`,
		`~u "a\\d+"`:                `~u<a\d+>`,
		`~u "a\d+"`:                 `~u<a\d+>`,
		`~u '\.sign\((\w)\1'`:       `~u<\.sign\((\w)\1>`,
		`~u "\\\\ \é\b"`:            `~u<\\ \é\b>`,
		`~u "a\tb\x41\u00e9\101\0"`: "~u<a\tbA\u00e9A\x00>",
		`~u ''`:                     "~u",
		`~u a\d+`:                   `~u<a\d+>`,
		"~hq 'header: qvalue'":      "~hq<header: qvalue>",
		"~s шгн":                    "(~s & <шгн>)",
		"foo'bar'":                  "(<foo> & <bar>)",
		"~u \"x\"~q":                "(~u<x> & ~q)",
		"\t~q\n~s ":                 "(~q & ~s)",
		"~c 5xx":                    "~c<5xx>",
		"~c 404|~q":                 "(~c<404> | ~q)",
		"~size > 1m":                "~size<>1m>",
		"~disp tee|hold":            "~disp<tee|hold>",
		"~finding & ~q":             "(~q & ~finding)",
		"~finding both":             "~finding<both>",
		"(~finding)":                "~finding",
		"~b x ~d y":                 "(~d<y> & ~b<x>)", // what costs comes last
	} {
		f, err := Parse(filter, Folded)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := written(f.Root()); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
		if f.String() != filter {
			t.Errorf("%s: String is %s", filter, f)
		}
	}
}

func TestBounds(t *testing.T) {
	const second = 1_000_000
	for filter, want := range map[string][2]int64{
		"~c 404":          {404, 404},
		"~c 5xx":          {500, 599},
		"~c 400-499":      {400, 499},
		"~c 4xx-5xx":      {400, 599},
		"~c >=400":        {400, unbounded},
		"~c <400":         {0, 399},
		"~c >4xx":         {500, unbounded},
		"~size >1m":       {1<<20 + 1, unbounded},
		"~size <=10K":     {0, 10 << 10},
		"~size 1k-1.5k":   {1024, 1536},
		"~dur >2s":        {2*second + 1, unbounded},
		"~dur <100ms":     {0, 99_999},
		"~age <1h":        {0, 3600*second - 1},
		"~age >1d12h":     {36*3600*second + 1, unbounded},
		"~age 1m-5m":      {60 * second, 300 * second},
		"~age <= 1h ~all": {0, 3600 * second},
	} {
		f, err := Parse(filter, Folded)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		n := f.Root()
		if all, ok := n.(And); ok {
			n = all[0]
		}
		if a := n.(*Atom); [2]int64{a.Min, a.Max} != want {
			t.Errorf("%s: %d-%d, want %v", filter, a.Min, a.Max, want)
		}
	}
}

// A wrong filter names its place and what is accepted there.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		filter string
		column int
		says   string
	}{
		{"", 1, "empty"},
		{"  ", 1, "empty"},
		{"~b", 3, "~b wants a regular expression"},
		{"~h [", 4, "regular expression is wrong"},
		{"~h 'яч['", 7, "regular expression is wrong"},
		{"~zz", 1, "no operator; there are ~all ~u"},
		{"~q ~mareked", 4, "did you mean ~marked"},
		{"~c200", 1, "write ~c 200"},
		{"~", 1, "alone is no operator"},
		{"~c abc", 4, `a status: 404, 5xx or 400-499, and got "abc"`},
		{"~c 500-400", 4, "ends before it begins"},
		{"~c", 3, "wants a status"},
		{"~size 1m", 7, "with <"},
		{"~size >x", 7, "a size"},
		{"~age >-1h", 6, "a time"},
		{"~disp held", 7, "one of tee, hold, pass, and got held"},
		{"~proto h1,h9", 8, "got h9"},
		{"~q &", 5, "expected here"},
		{"~q | | ~s", 6, "expected here"},
		{"| ~q", 1, "expected here"},
		{"!", 2, "expected here"},
		{"(~q", 1, "no ) for this ("},
		{"~q)", 3, "no ( that this ) closes"},
		{"()", 1, "nothing inside"},
		{"~u 'foo", 4, "quote has no end"},
		{"~u ~q", 4, "wants a regular expression"},
		{"\xff", 1, "not UTF-8"},
		{strings.Repeat("(", 300) + "~q" + strings.Repeat(")", 300), 202, "nested too deeply"},
		{strings.Repeat("!", 300) + "~q", 202, "nested too deeply"},
	} {
		_, err := Parse(c.filter, Folded)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%.40q: %v", c.filter, err)
			continue
		}
		if e.Column() != c.column || !strings.Contains(e.Msg, c.says) {
			t.Errorf("%.40q: column %d: %s", c.filter, e.Column(), e.Msg)
		}
	}
}

func ExampleError() {
	_, err := Parse("~d example ~c 20x", Folded)
	fmt.Println(err)
	fmt.Print(err.(*Error).Pointer())
	// Output:
	// filter: column 15: ~c wants a status: 404, 5xx or 400-499, and got "20x"
	//   ~d example ~c 20x
	//                 ^
}

// Whatever is read can be asked, and reads as itself.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"~q & !(~c 5xx | foo) bar", `~u "a\x41\\" ~size >1m`, "~finding", "~disp tee|hold", "!(", "~b 'x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		q, err := Parse(filter, Folded)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Offset < 0 || e.Offset > len(filter) || e.Error() == "" {
				t.Fatalf("%q: %v", filter, err)
			}
			return
		}
		if q.String() != filter {
			t.Fatalf("%q reads as %q", filter, q)
		}
		asked := 0
		q.Eval(func(a *Atom) Truth {
			if a.At < 0 || a.End > len(filter) || a.At >= a.End {
				t.Fatalf("%q: an operator from %d to %d", filter, a.At, a.End)
			}
			asked++
			return Unknown
		})
		if asked == 0 {
			t.Fatalf("%q asks nothing", filter)
		}
	})
}
