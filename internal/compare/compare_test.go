package compare

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/store"
)

// exchange is a flow with a response of this type and content.
func exchange(method, path, media, content string, fields ...flow.Field) *format.Item {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	f := &flow.Flow{ID: flow.NewID(), Start: at, End: at.Add(time.Second), Outcome: flow.Outcome{Kind: flow.Completed},
		Request:  &flow.Request{Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Host", Value: "site.test"}}}, Method: method, Scheme: "http", Host: "site.test", Port: 80, Path: path},
		Response: &flow.Response{Message: flow.Message{Version: flow.HTTP11, Fields: append(flow.Fields{{Name: "Content-Type", Value: media}}, fields...)}, Status: 200, Reason: "OK"}}
	it := &format.Item{Flow: f}
	it.Bodies[flow.ToServer], it.Bodies[flow.ToClient] = format.Octets(nil), format.Octets(content)
	format.Kept(&f.RequestBody, 0)
	format.Kept(&f.ResponseBody, int64(len(content)))
	return it
}

func recorded(t *testing.T, items ...*format.Item) Recording {
	t.Helper()
	dir := t.TempDir()
	s, err := capture.OpenSession(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if _, err := s.Write(it); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return Recording{Reader: r}
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func TestWhatDiffers(t *testing.T) {
	const jsn, txt = "application/json", "text/plain"
	x, y := flow.Field{Name: "X", Value: "1"}, flow.Field{Name: "Y", Value: "2"}
	long := strings.Repeat("0123456789abcdef", maxBody/16+10)
	for name, c := range map[string]struct {
		a, b    *format.Item
		options Options
		want    []string // what differs, with its name
	}{
		"nothing":         {exchange("GET", "/", txt, "a"), exchange("GET", "/", txt, "a"), Options{}, nil},
		"text":            {exchange("GET", "/", txt, "a\nb\n"), exchange("GET", "/", txt, "a\nc\n"), Options{}, []string{"response body "}},
		"order of fields": {exchange("GET", "/", txt, "", x, y), exchange("GET", "/", txt, "", y, x), Options{}, nil},
		"exact order":     {exchange("GET", "/", txt, "", x, y), exchange("GET", "/", txt, "", y, x), Options{Exact: true}, []string{"response fields "}},
		"case of names":   {exchange("GET", "/", txt, "", x), exchange("GET", "/", txt, "", flow.Field{Name: "x", Value: "1"}), Options{}, nil},
		"field":           {exchange("GET", "/", txt, "", x), exchange("GET", "/", txt, ""), Options{}, []string{"response field X"}},
		"ignored field":   {exchange("GET", "/", txt, "", x), exchange("GET", "/", txt, ""), Options{Ignore: []string{"x"}}, nil},
		"order of keys":   {exchange("GET", "/", jsn, `{"a":1,"b":[1,{"c":2}]}`), exchange("GET", "/", jsn, `{ "b":[1,{"c":2}], "a":1 }`), Options{}, nil},
		"exact keys":      {exchange("GET", "/", jsn, `{"a":1,"b":2}`), exchange("GET", "/", jsn, `{"b":2,"a":1}`), Options{Exact: true}, []string{"response body "}},
		"JSON": {exchange("GET", "/", jsn, `{"a":1,"b":[1,{"c":2}],"d e":3}`), exchange("GET", "/", jsn, `{"a":1,"b":[1,{"c":5},6]}`), Options{},
			[]string{"response body $.b[1].c", "response body $.b[2]", `response body $["d e"]`}},
		"no JSON":     {exchange("GET", "/", jsn, `{"a":`), exchange("GET", "/", jsn, `{"b":`), Options{}, []string{"response body "}},
		"binary":      {exchange("GET", "/", txt, "a\x00b"), exchange("GET", "/", txt, "a\x00c"), Options{}, []string{"response body from byte 2 on"}},
		"coded":       {exchange("GET", "/", txt, gzipped("same"), flow.Field{Name: "Content-Encoding", Value: "gzip"}), exchange("GET", "/", txt, "same"), Options{}, []string{"response field Content-Encoding"}},
		"badly coded": {exchange("GET", "/", txt, "none", flow.Field{Name: "Content-Encoding", Value: "gzip"}), exchange("GET", "/", txt, "other", flow.Field{Name: "Content-Encoding", Value: "gzip"}), Options{}, []string{"response body "}},
		"large":       {exchange("GET", "/", txt, long+"x"), exchange("GET", "/", txt, long+"y"), Options{}, []string{"response body from byte 4194464 on"}},
		"longer":      {exchange("GET", "/", txt, long+"xx"), exchange("GET", "/", txt, long+"x"), Options{}, []string{"response body from byte 4194465 on"}},
		"large same":  {exchange("GET", "/", txt, long), exchange("GET", "/", txt, long), Options{}, nil},
	} {
		var got []string
		err := Run(t.Context(), recorded(t, c.a), recorded(t, c.b), c.options, func(p *Pair) error {
			if (p.Kind == Same) != (len(p.Differences) == 0) {
				t.Errorf("%s: %+v", name, p)
			}
			for _, d := range p.Differences {
				got = append(got, d.What+" "+d.Name)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestFlowsArePaired(t *testing.T) {
	a := recorded(t, exchange("GET", "/a", "", "1"), exchange("GET", "/b", "", "2"), exchange("GET", "/a", "", "3"), exchange("PUT", "/a", "", "4"))
	b := recorded(t, exchange("GET", "/a", "", "1"), exchange("GET", "/a", "", "3"), exchange("GET", "/c", "", "5"), exchange("GET", "/b", "", "9"))
	type pair struct {
		kind Kind
		a, b uint64
	}
	for _, c := range []struct {
		one, two uint64
		want     []pair
	}{
		{0, 0, []pair{{Same, 1, 1}, {Different, 2, 4}, {Same, 3, 2}, {OnlyA, 4, 0}, {OnlyB, 0, 3}}},
		{1, 3, []pair{{Different, 1, 3}}},
		{3, 0, []pair{{Different, 3, 1}, {OnlyB, 0, 2}, {OnlyB, 0, 3}, {OnlyB, 0, 4}}},
	} {
		var got []pair
		a.Number, b.Number = c.one, c.two
		err := Run(context.Background(), a, b, Options{}, func(p *Pair) error {
			x := pair{kind: p.Kind}
			if p.A != nil {
				x.a = p.A.Number
			}
			if p.B != nil {
				x.b = p.B.Number
			}
			got = append(got, x)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got[len(got)-min(3, len(got)):], func(x, y pair) int { return int(x.b) - int(y.b) })
		slices.SortFunc(c.want[len(c.want)-min(3, len(c.want)):], func(x, y pair) int { return int(x.b) - int(y.b) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%d, %d: %v, want %v", c.one, c.two, got, c.want)
		}
	}
}
