package addons

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// editing makes the hooks of one modify_body rule.
func editing(t *testing.T, when string, params map[string]string) (*hook.Set, *rule.Rule) {
	t.Helper()
	r, err := rule.New(rule.Rule{Name: "r", When: when, Do: "modify_body", Params: params}, Kinds(), query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Build([]*rule.Rule{r}, rule.Env{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := hook.NewSet(nil, b.After...)
	if err != nil {
		t.Fatal(err)
	}
	return set, r
}

func TestModifyBodyOnMessages(t *testing.T) {
	grpc := func(payload string) string { return "\x00\x00\x00\x00" + string(rune(len(payload))) + payload }
	for name, c := range map[string]struct {
		params   map[string]string
		mime     string
		in, want string
		hits     int64
	}{
		"events":          {map[string]string{"find": "^a(.)$", "replace": `\1\1`, "in": "messages"}, "text/event-stream", "id: 1\r\ndata: ab\r\nodd: ab\r\n\r\n: ab\n\ndata: xab\n\ndata: ac\n\n", "id: 1\r\ndata: bb\r\nodd: ab\r\n\r\n: ab\n\ndata: xab\n\ndata: cc\n\n", 1},
		"JSON in events":  {map[string]string{"set": "$.n = 7", "delete": "$..secret\n$.b"}, "text/event-stream", "event: t\ndata: {\"n\": 1, \"b\": {\"secret\": 2}}\n\ndata: [DONE]\n\n", "event: t\ndata: {\"n\": 7}\n\ndata: [DONE]\n\n", 1},
		"lines":           {map[string]string{"set": `$.n = "x"`}, "application/x-ndjson", "{\"n\":1}\n\nno\n{\"n\":\"x\"}", "{\"n\":\"x\"}\n\nno\n{\"n\":\"x\"}", 1},
		"line break":      {map[string]string{"find": "a", "replace": `\n`, "in": "messages"}, "application/x-ndjson", "a\nb\n", "a\nb\n", 0},
		"gRPC":            {map[string]string{"find": "cat$", "replace": "tiger", "in": "messages"}, "application/grpc", grpc("a cat") + grpc("cats"), grpc("a tiger") + grpc("cats"), 1},
		"no stream":       {map[string]string{"find": "a", "replace": "b", "in": "messages"}, "text/plain", "a", "a", 0},
		"one that breaks": {map[string]string{"set": "$.a = 1"}, "text/event-stream", "data: {}\n\ndata: {\"b", "data: {\"a\":1}\n\ndata: {\"b", 1},
	} {
		set, r := editing(t, "~s", c.params)
		x := respond(t, set, ask(t, set, exchange(t, "http://a.test/")), "Content-Type: "+c.mime)
		// Wherever the pieces end.
		for _, at := range []int{0, 1, len(c.in) / 2, len(c.in) - 1} {
			if got := through(t, &x.Response.Body, c.in[:at], c.in[at:]); got != c.want {
				t.Errorf("%s, cut at %d: %q, want %q", name, at, got, c.want)
			}
		}
		if (r.Hits() > 0) != (c.hits > 0) || x.Response.Wanted() != "" {
			t.Errorf("%s: %d hits, held for %q", name, r.Hits(), x.Response.Wanted())
		}
		if found := slices.Contains(codes(x), "modify-body-skipped"); found != (name == "line break") {
			t.Errorf("%s: %v", name, codes(x))
		}
	}
}

func TestModifyBodyOfWholeJSON(t *testing.T) {
	set, r := editing(t, "~s", map[string]string{"set": "$.user.name = \"x\"\n$.added = [1]", "delete": "$.user.mail"})
	for _, c := range []struct{ mime, in, want string }{
		{"application/json", `{"user": {"name": "y", "mail": "z"}, "n": 1.50}`, `{"user": {"name": "x"}, "n": 1.50,"added":[1]}`},
		{"application/problem+json; charset=utf-8", `{}`, `{"added":[1]}`},
		{"application/json", `none`, `none`},
		{"text/plain", `{}`, ""},
	} {
		x := respond(t, set, ask(t, set, exchange(t, "http://a.test/")), "Content-Type: "+c.mime)
		if held := strings.Contains(x.Response.Wanted(), "changes values of JSON"); held != (c.want != "") {
			t.Fatalf("%s: held for %q", c.mime, x.Response.Wanted())
		}
		if c.want == "" {
			continue
		}
		x.Response = hook.MakeResponse(200, nil, []byte(c.in))
		if err := set.Response(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if p, err := x.Response.Content(); string(p) != c.want || err != nil {
			t.Errorf("%s: %s, want %s (%v)", c.in, p, c.want, err)
		}
	}
	if r.Hits() != 2 {
		t.Errorf("%d hits", r.Hits())
	}
}

// Which direction of a WebSocket connection a rule means, the head tells that it
// means.
func TestModifyBodyOfWebSocketMessages(t *testing.T) {
	for when, want := range map[string]string{"~q": "A b", "~s": "a B", "": "A B", "~u other": "a b"} {
		set, _ := editing(t, when, map[string]string{"find": "(?<=x)[ab]|a|b", "replace": "@" + upper(t), "in": "messages"})
		x := ask(t, set, exchange(t, "http://a.test/", "Upgrade: websocket"))
		x.Response = hook.NewResponse(flow.Response{Status: 101})
		if err := set.ResponseHeaders(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		x.WebSocket = &hook.WebSocket{}
		var got []string
		for _, text := range []string{"a", "b"} {
			x.WebSocket.Message = &hook.WebSocketMessage{FromClient: text == "a", Text: true, Content: []byte(text)}
			if err := set.WebSocketMessage(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			s := string(x.WebSocket.Message.Content)
			if s == "!" {
				s = strings.ToUpper(text)
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", when, got, want)
		}
	}
}

// upper is a file with a replacement.
func upper(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "replacement")
	if err := os.WriteFile(path, []byte("!"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestModifyBodyRulesThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{map[string]string{}, "needs find and replace, or set or delete"},
		{map[string]string{"find": "a"}, "needs replace"},
		{map[string]string{"replace": "a"}, "needs find and replace"},
		{map[string]string{"find": "a", "replace": "b", "set": "a = 1"}, "exclude each other"},
		{map[string]string{"find": "a", "replace": "b", "in": "all"}, `in is body or messages, not "all"`},
		{map[string]string{"set": "a = b"}, `"b" is no JSON`},
		{map[string]string{"set": "$ = 1"}, "a path is written"},
		{map[string]string{"delete": "\n"}, "are empty"},
		{map[string]string{"set": "a = 1", "in": "messages"}, "needs find"},
	} {
		r, err := rule.New(rule.Rule{Name: "r", Do: "modify_body", Params: c.params}, Kinds(), query.Folded)
		if err == nil {
			_, err = Build([]*rule.Rule{r}, rule.Env{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.params, err, c.want)
		}
	}
}
