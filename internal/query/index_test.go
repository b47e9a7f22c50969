package query

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"midstream/flow"
)

// some makes random filters and flows of few words, so that they meet.
type some struct{ dice *rand.Rand }

func (s some) of(list ...string) string { return list[s.dice.IntN(len(list))] }

func (s some) filter(depth int) string {
	switch n := s.dice.IntN(10); {
	case n < 2 && depth > 0:
		return "(" + s.filter(depth-1) + " & " + s.filter(depth-1) + ")"
	case n < 4 && depth > 0:
		return "(" + s.filter(depth-1) + " | " + s.filter(depth-1) + ")"
	case n < 5 && depth > 0:
		return "!" + s.filter(depth-1)
	case n < 6:
		return s.of("~q", "~s", "~a", "~all", "~http", "~marked", "~c 404", "~c 2xx", "~c 200", "~websocket", "~proto sse", "~e")
	}
	word := s.of("a.test", "b", "[ab]\\.test$", "a|xy", "api/(v1|v2)", "(?=a)a", "\\bb", "É", "x-y: z", "^host", "get", "json", "K", ".*", "(?!b)t", "127", "a.?b")
	return s.of("~u", "~d", "~m", "~h", "~hq", "~hs", "~t", "~tq", "~ts", "~src", "~dst", "~meta") + fmt.Sprintf(" %q", word)
}

func (s some) fields() (f flow.Fields) {
	for range s.dice.IntN(4) {
		f.Add(s.of("Host", "host", "X-Y", "Content-Type", "É"), s.of("z", "A.test:80", "application/json", "\u212aelvin", "xy", ""))
	}
	return f
}

func (s some) flow() *flow.Flow {
	f := &flow.Flow{Request: &flow.Request{Method: s.of("GET", "POST", "get"), Scheme: "http", Host: s.of("a.test", "b.test", "A.TEST", "é.test", "a.test\n"), Port: 80, Path: s.of("/", "/api/v1", "/API/V2?b", "/É", "/xy")}}
	f.Request.Version, f.Request.Fields = flow.HTTP11, s.fields()
	f.Request.Authority = s.of("", "b.test", "xy")
	if s.dice.IntN(2) == 0 {
		f.Client, f.Server = &flow.Conn{Peer: "127.0.0.1:1"}, &flow.Conn{Address: s.of("b:1", "a.test:80", "")}
	}
	if s.dice.IntN(2) == 0 {
		f.Response = &flow.Response{Status: []int{200, 404, 101}[s.dice.IntN(3)]}
		f.Response.Fields = s.fields()
	}
	switch s.dice.IntN(12) {
	case 0:
		f.Kind = flow.TCP
	case 1:
		f.Kind, f.Request = flow.DNS, nil
	}
	return f
}

// What an index leaves out is not meant, whatever the filters and the flow.
func TestAnIndexLeavesOutOnlyWhatIsNotMeant(t *testing.T) {
	s := some{rand.New(rand.NewPCG(3, 4))}
	left := 0
	for range 100 {
		filters := []*Filter{nil}
		c := []Case{Folded, Exact}[s.dice.IntN(2)]
		for range 40 {
			text := s.filter(3)
			f, err := Parse(text, c)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			filters = append(filters, f)
		}
		x := NewIndex(filters)
		for range 20 {
			f := s.flow()
			set := NewSet(len(filters))
			x.Candidates(f, set)
			for i, q := range filters {
				if set.Has(i) {
					continue
				}
				left++
				if q == nil || q.Heads(f, moment) != No {
					t.Fatalf("%v was left out, and means %+v", q, f)
				}
			}
		}
	}
	if left < 15000 {
		t.Errorf("only %d were left out: an index is of no use", left)
	}
}

func TestAnIndexPicksWhatFewShare(t *testing.T) {
	var filters []*Filter
	for i := range 100 {
		for _, text := range []string{"~m GET & ~d example.test & ~u /item%d/", "~q & ~h \"X-Id: %d\"", "~d host%d[.]test | ~d other%d[.]test", "!(~s | !~d deep%d.test)"} {
			f, err := Parse(strings.ReplaceAll(text, "%d", fmt.Sprint(1000+i)), Folded)
			if err != nil {
				t.Fatal(err)
			}
			filters = append(filters, f)
		}
	}
	x := NewIndex(filters)
	set := NewSet(len(filters))
	f := &flow.Flow{Request: &flow.Request{Method: "GET", Scheme: "http", Host: "example.test", Port: 80, Path: "/item1007/"}}
	f.Request.Fields.Add("x-id", "1005")
	x.Candidates(f, set)
	for i := range filters {
		if set.Has(i) != (i == 4*7 || i == 4*5+1) {
			t.Errorf("%s: %v", filters[i], set.Has(i))
		}
	}
}
