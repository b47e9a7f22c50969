package addons

import (
	"context"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Whatever a file of rules says: it is refused in one line with its place, or runs.
func FuzzRules(f *testing.F) {
	f.Add("- do: modify_body\n  set: |\n    $.a[0] = {}\n    $..b = 1\n  delete: $.c\n", "text/event-stream", "data: {\"a\":[1]}\n\n")
	f.Add("- do: modify_body\n  find: (a|b)$\n  replace: \\1\\1\n  in: messages\n", "application/x-ndjson", "b\na\n")
	f.Add("- do: modify_body\n  find: x\n  replace: y\n- do: fault\n  fault: corrupt:after=1\n", "text/plain", "axbx")
	f.Add("- do: strip_h3\n- do: stickycookie\n  when: ~d a & !~u b\n- do: modify_headers\n  header: A\n  value: b\n", "application/grpc", "\x00\x00\x00\x00\x01a")
	f.Fuzz(func(t *testing.T, text, mime, content string) {
		for _, files := range []string{"@", "path", "file", "for", "rate", "preset"} {
			if strings.Contains(text, files) {
				return // no files, no waiting
			}
		}
		list, err := rule.Parse("rules.yaml", []byte(text), Kinds(), query.Folded)
		var b Built
		if err == nil {
			b, err = Build(list, rule.Env{})
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "rules.yaml") {
				t.Fatalf("%v", err)
			}
			return
		}
		set, err := hook.NewSet(nil, append(b.Before, b.After...)...)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := hook.NewExchange(flow.Request{Scheme: "http", Host: "a.test", Port: 80, Path: "/", Method: "GET"}, nil, nil, func() {})
		if set.RequestHeaders(context.Background(), x) != nil || x.Killed() {
			return
		}
		head := flow.Response{Status: 200}
		head.Fields.Add("Content-Type", mime)
		head.Fields.Add("Alt-Svc", content)
		x.Response = hook.NewResponse(head)
		if set.ResponseHeaders(context.Background(), x) != nil {
			return
		}
		for _, r := range x.Response.Rewritings() {
			tr := r.New()
			n := len(content) / 2
			emit := func([]byte) error { return nil }
			if tr.Chunk(context.Background(), []byte(content[:n]), emit) != nil || tr.Chunk(context.Background(), []byte(content[n:]), emit) != nil {
				continue
			}
			_ = tr.End(context.Background(), emit) // a fault may end it
		}
	})
}
