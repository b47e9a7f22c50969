package addons

import (
	"context"
	"fmt"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// BenchmarkRulesThatMatchNothing is what rules cost an exchange that none of them
// means: both head events.
func BenchmarkRulesThatMatchNothing(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var list []*rule.Rule
			for i := range n {
				r, err := rule.New(rule.Rule{Name: fmt.Sprint(i), When: fmt.Sprintf("~d host%d.test", i), Do: "modify_headers", Params: map[string]string{"header": "X", "value": "y"}}, Kinds(), query.Folded)
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
			x, _ := hook.NewExchange(flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, nil, nil)
			b.ReportAllocs()
			for b.Loop() {
				x.Response = nil
				if err := set.RequestHeaders(context.Background(), x); err != nil {
					b.Fatal(err)
				}
				x.Response = hook.NewResponse(flow.Response{Status: 200})
				if err := set.ResponseHeaders(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
