package addons

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// browsers is a head as browsers send it.
func browsers() (f flow.Fields) {
	for _, p := range [][2]string{
		{"Host", "www.host-of-many.test"}, {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, {"Accept-Language", "en-US,en;q=0.5"},
		{"Accept-Encoding", "gzip, deflate, br, zstd"}, {"Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"}, {"Cache-Control", "no-cache"},
	} {
		f.Add(p[0], p[1])
	}
	return f
}

// BenchmarkRulesThatMatchNothing is what rules cost an exchange that none of them
// means: both head events.
func BenchmarkRulesThatMatchNothing(b *testing.B) {
	for _, c := range []struct {
		name    string
		n       int
		filters []string
	}{
		{"none", 0, []string{""}}, {"one", 1, []string{"~d ads%d.example.com"}}, {"domains", 1000, []string{`~d host%d\.example\.test`}},
		{"urls", 1000, []string{`~m GET & ~u ^https://www\.host-of-many\.test/api/v%d/`}}, {"heads", 1000, []string{`~hq "User-Agent: .*Bot%d/"`}},
		{"mixed", 1000, []string{`~d host%d\.test`, `~u /v%d/ & ~s`, `~hs "Server: s%d"`, `~d a%d.test | ~d b%d.test`, `~c 404 & ~d host%d`, `~ts type%d`, "~src 10.0.0.%d"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var list []*rule.Rule
			for i := range c.n {
				when := c.filters[i%len(c.filters)]
				when = strings.ReplaceAll(when, "%d", fmt.Sprint(100000+i))
				r, err := rule.New(rule.Rule{Name: fmt.Sprint(i), When: when, Do: "modify_headers", Params: map[string]string{"header": "X", "value": "y"}}, Kinds(), query.Folded)
				if err != nil {
					b.Fatal(err)
				}
				list = append(list, r)
			}
			built, err := Build(list, rule.Env{})
			if err != nil {
				b.Fatal(err)
			}
			set, err := hook.NewSet(nil, built.After...)
			if err != nil {
				b.Fatal(err)
			}
			head := flow.Request{Method: "GET", Scheme: "https", Host: "www.host-of-many.test", Port: 443, Path: "/api/v1/items?page=2&sort=name"}
			head.Fields = browsers()
			x, _ := hook.NewExchange(head, &flow.Conn{Peer: "127.0.0.1:50000"}, nil, nil)
			answer := flow.Response{Status: 200}
			answer.Fields.Add("Content-Type", "application/json; charset=utf-8")
			answer.Fields.Add("Server", "nginx")
			b.ReportAllocs()
			for b.Loop() {
				x.Response = nil
				if err := set.RequestHeaders(context.Background(), x); err != nil {
					b.Fatal(err)
				}
				x.Response = hook.NewResponse(answer)
				if err := set.ResponseHeaders(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
			for _, r := range list {
				if r.Hits() != 0 {
					b.Fatalf("%s matches", r.When)
				}
			}
		})
	}
}
