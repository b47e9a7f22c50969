package engine

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// named is whole with a name of its own.
type named struct {
	whole
	name string
}

func (n *named) Name() string { return n.name }

// What hooks change is kept as it was before the first of them, with who did it.
func TestWhatWasChangedIsKeptAsItWas(t *testing.T) {
	large := strings.Repeat("x", flow.MaxOriginal+1)
	post := func() *fakeStream {
		return newStream(flow.HTTP11, "POST", fields("Host: example.test", "Content-Length: 4"), wholeBody("ab", "cd"))
	}
	for _, c := range []struct {
		name   string
		first  whole
		second whole
		answer string // "hello" where empty
		want   string
	}{
		{name: "nothing", want: ""},
		{name: "a request head", second: whole{onReqHead: func(x *hook.Exchange) { x.Request.Path = "/other"; x.Request.Fields.Add("X", "y") }}, want: "[second] POST / 2;"},
		{name: "twice", first: whole{onReqHead: func(x *hook.Exchange) { x.Request.Method = "PUT" }}, second: whole{onReq: func(x *hook.Exchange) { x.Request.Method = "PATCH" }}, want: "[first second] POST / 2;"},
		{name: "and back", first: whole{onReqHead: func(x *hook.Exchange) { x.Request.Method = "PUT" }}, second: whole{onReq: func(x *hook.Exchange) { x.Request.Method = "POST" }}, want: ""},
		{name: "a request body", first: whole{onReq: func(x *hook.Exchange) { x.Request.SetRaw([]byte("efgh")) }}, want: "[first] body abcd;"},
		{name: "a body to what it was", first: whole{onReq: func(x *hook.Exchange) { x.Request.SetRaw([]byte("abcd")) }}, want: ""},
		{name: "a response", first: whole{onRespHead: func(x *hook.Exchange) { x.Response.Status = 201 }},
			second: whole{onResp: func(x *hook.Exchange) { x.Response.SetRaw([]byte("hi")) }}, want: "[first second] 200 1; answer hello;"},
		{name: "a large body", answer: large, first: whole{onResp: func(x *hook.Exchange) { x.Response.SetRaw([]byte("hi")) }},
			want: fmt.Sprintf("[first] 200 1; answer of %d, %x;", len(large), sha256.Sum256([]byte(large)))},
		{name: "another response", first: whole{onResp: func(x *hook.Exchange) { x.Response = hook.MakeResponse(404, nil, []byte("made")) }}, want: "[first] 200 1; answer hello;"},
		{name: "an answer without a server", first: whole{onReqHead: func(x *hook.Exchange) { x.Response = hook.MakeResponse(404, nil, []byte("made")) }}, want: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.answer == "" {
				c.answer = "hello"
			}
			up := answers(200, length(int64(len(c.answer))), fields(fmt.Sprintf("Content-Length: %d", len(c.answer))), wholeBody(c.answer))
			r := serve(t, Policy{}, post(), upstream(up), &named{c.first, "first"}, &named{c.second, "second"})
			if got := beforeText(r.end.Before); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func beforeText(b *flow.Before) string {
	if b == nil {
		return ""
	}
	var s strings.Builder
	fmt.Fprint(&s, b.By)
	if r := b.Request; r != nil {
		fmt.Fprintf(&s, " %s %s %d;", r.Method, r.Path, len(r.Fields))
	}
	if o := b.RequestBody; o != nil {
		fmt.Fprintf(&s, " body %s;", o.Octets)
	}
	if r := b.Response; r != nil {
		fmt.Fprintf(&s, " %d %d;", r.Status, len(r.Fields))
	}
	if o := b.ResponseBody; o != nil && o.Octets == nil {
		fmt.Fprintf(&s, " answer of %d, %x;", o.Size, o.SHA256)
	} else if o != nil {
		fmt.Fprintf(&s, " answer %s;", o.Octets)
	}
	return s.String()
}

// A picture of a flow that runs has the heads, and the last one the bodies.
func TestPicturesOfWhatWasChanged(t *testing.T) {
	var seen pictureList
	e := New(Config{Watchers: []Watcher{&seen}, SpillDir: t.TempDir()})
	w := &whole{onReq: func(x *hook.Exchange) {
		x.Request.Fields.Add("X", "y")
		x.Request.SetRaw([]byte("efgh"))
	}}
	s := newStream(flow.HTTP11, "POST", fields("Content-Length: 4"), wholeBody("abcd"))
	e.Serve(t.Context(), s, upstream(answers(200, length(2), fields("Content-Length: 2"), wholeBody("ok"))), Origin{Set: newSet(t, w)})
	some := false
	for _, f := range seen {
		b := f.Before
		switch {
		case b == nil:
		case b.Request == nil || !slices.Equal(b.By, []string{"whole"}) || f.Live() != (b.RequestBody == nil):
			t.Errorf("%+v", b)
		case f.Live():
			some = true
		}
	}
	if last := seen[len(seen)-1].Before; !some || last == nil || !bytes.Equal(last.RequestBody.Octets, []byte("abcd")) {
		t.Errorf("%v %+v", some, last)
	}
}

// pictureList is a watcher.
type pictureList []*flow.Flow

func (l *pictureList) Watch(f *flow.Flow) { *l = append(*l, f) }
