package addons

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// content is a body that has been held.
type content string

func (c content) Len() int64 { return int64(len(c)) }
func (c content) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(c))), nil
}

// A rule whose filter asks for a body has it held, and is asked when it is there.
func TestFiltersThatAskForBodies(t *testing.T) {
	options := []string{"block_list=/~bq forbidden/403", "map_remote=|~bq elsewhere|//a.test|//b.test", "modify_body=/~bs many/colour/color",
		"modify_headers=/~bq secret/X-Asked/1", "modify_headers=/~bs many/X-Many/1"}
	for _, c := range []struct {
		name, asked, answered string
		says                  string // URL, fields of the request, status or content with the fields of the response
	}{
		{"nothing", "a", "b", "http://a.test/ , b "},
		{"a block", "this is forbidden", "", "http://a.test/ , 403"},
		{"another server", "elsewhere", "b", "http://b.test/ , b "},
		{"a field of both heads", "a secret", "b", "http://a.test/ X-Asked: 1|, b X-Asked: 1|"},
		{"the body of a response", "", "many colours", "http://a.test/ , many colors X-Many: 1|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, _ := built(t, options...)
			x, ctl := hook.NewExchange(flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "POST", Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, set, func() {})
			ask(t, set, x)
			if x.Request.Wanted() != `rule "block_list option 1" asks for the whole body` || !x.Request.Guarded() || x.Response != nil {
				t.Fatalf("held for %q, guarded %v", x.Request.Wanted(), x.Request.Guarded())
			}
			ctl.Settle(&x.Request.Body, hook.Editable, content(c.asked), 0, nil)
			if err := set.Request(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			got := x.Request.URL() + " " + fields(x.Request.Fields) + ", "
			if x.Response != nil {
				if got += "403"; x.Response.Status != 403 || got != c.says {
					t.Errorf("%s with %d, want %s", got, x.Response.Status, c.says)
				}
				return
			}
			respond(t, set, x)
			if x.Response.Wanted() == "" || x.Response.Guarded() {
				t.Fatalf("held for %q, guarded %v", x.Response.Wanted(), x.Response.Guarded())
			}
			ctl.Settle(&x.Response.Body, hook.Editable, content(c.answered), 0, nil)
			if err := set.Response(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			p, err := x.Response.Content()
			x.Response.Fields.Del("Content-Length")
			if got += string(p) + " " + fields(x.Response.Fields); err != nil || got != c.says || len(x.Findings()) > 2 {
				t.Errorf("%q, %v, want %q; %v", got, err, c.says, codes(x))
			}
		})
	}
}

// What was not held cannot be asked: a guard refuses it, and others say so.
func TestRulesThatCannotBeTold(t *testing.T) {
	for option, guard := range map[string]bool{"block_list=/~bq x/403": true, "map_remote=|~bq x|a|b": true, "modify_headers=/~bq x/A/1": false, "modify_body=/~bq x/a/b": false} {
		set, _ := built(t, option)
		x, ctl := hook.NewExchange(flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "POST", Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, set, func() {})
		ask(t, set, x)
		ctl.Settle(&x.Request.Body, hook.ReadOnly, content("x"), 0, func(string) {})
		err := set.Request(context.Background(), x)
		if _, refused := errors.AsType[*hook.GuardError](err); refused != guard {
			t.Errorf("%s: %v", option, err)
		}
		if all := strings.Join(codes(x), " "); !guard && !strings.Contains(all, "rule-undecided") {
			t.Errorf("%s: %s", option, all)
		}
	}
}

// A filter that the head, or the body of the other side, answers holds nothing.
func TestNothingIsHeldThatNeedNotBe(t *testing.T) {
	set, _ := built(t, "modify_headers=/~bs x & ~d other.test/A/1", "modify_headers=/~bs x & ~c 404/B/1", "modify_headers=/~bq x/C/1")
	x, ctl := hook.NewExchange(flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, set, func() {})
	ask(t, set, x)
	ctl.Settle(&x.Request.Body, hook.ReadOnly, content("x"), 0, nil)
	respond(t, set, x)
	if x.Response.Wanted() != "" || fields(x.Response.Fields) != "C: 1|" {
		t.Errorf("held for %q: %s", x.Response.Wanted(), fields(x.Response.Fields))
	}
}
