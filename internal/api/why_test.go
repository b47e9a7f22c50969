package api

import (
	"net/url"
	"testing"
)

func TestWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, path := range []string{"/shop/1", "/shop/2", "/shop/3", "/other"} {
		r.through(path)
	}
	ask := func(filter string) (w Why) {
		t.Helper()
		if code := r.call("GET", "/filter/why?filter="+url.QueryEscape(filter), "", &w); code != 200 {
			t.Fatal(filter, code)
		}
		return w
	}
	is := func(n *uint64, want uint64) bool { return n != nil && *n == want }
	w := ask("~u shop & !~m GET & ~c 2xx")
	if !is(w.Flows, 0) || len(w.Terms) != 3 || len(w.Kin) != 0 {
		t.Fatalf("%+v", w)
	}
	for i, want := range []struct {
		text, rest     string
		alone, without uint64
	}{
		{"~u shop", "!~m GET & ~c 2xx", 3, 0},
		{"!~m GET", "~u shop & ~c 2xx", 0, 3},
		{"~c 2xx", "~u shop & !~m GET", 4, 0},
	} {
		if g := w.Terms[i]; g.Text != want.text || g.Rest != want.rest || !is(g.Alone, want.alone) || !is(g.Without, want.without) {
			t.Errorf("%+v, want %+v", g, want)
		}
	}
	w = ask("~bq hello")
	if !is(w.Flows, 0) || len(w.Terms) != 1 || w.Terms[0].Rest != "" || len(w.Kin) != 1 || w.Kin[0].Text != "~bs hello" || !is(w.Kin[0].Alone, 4) {
		t.Errorf("%+v", w)
	}
	if code := r.call("GET", "/filter/why?filter=~c", "", nil); code != 400 {
		t.Error("a wrong filter:", code)
	}
	if code := r.call("GET", "/filter/why", "", nil); code != 400 {
		t.Error("no filter:", code)
	}
}
