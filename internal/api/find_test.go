package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestFindInABody(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("hay ", 300_000) + "Needle, nEEdLe" + strings.Repeat(" hay", 100_000) + "needle"
	var want []int64
	for at, low := 0, strings.ToLower(text); ; {
		i := strings.Index(low[at:], "needle")
		if i < 0 {
			break
		}
		want = append(want, int64(at+i))
		at += i + 6
	}
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			io.WriteString(z, text)
			return
		}
		io.WriteString(w, text)
	})
	r.through("/plain")
	req, _ := http.NewRequest("GET", r.origin.URL+"/gzip", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	find := func(query string) (places []int64, last Found) {
		t.Helper()
		resp, err := r.api.Get("http://midstream/api/v1/flows/" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for in := json.NewDecoder(resp.Body); ; {
			last = Found{}
			if err := in.Decode(&last); err != nil {
				t.Fatal(query, err)
			}
			places = append(places, last.Places...)
			if last.Whole || last.Error != "" || !in.More() {
				return places, last
			}
		}
	}
	for _, flow := range []string{"1", "2"} {
		if places, last := find(flow + "/response/find?text=NEEDLE"); !slices.Equal(places, want) || !last.Whole || last.Searched != int64(len(text)) {
			t.Errorf("flow %s: %d, %+v, want %d", flow, places, last, want)
		}
		if places, last := find(flow + "/response/find?n=1&text=needle"); !slices.Equal(places, want[:1]) || last.Whole || last.Error != "" {
			t.Errorf("flow %s, the first: %d, %+v", flow, places, last)
		}
		if places, last := find(flow + "/response/find?text=" + url.QueryEscape("hay needle")); len(places) != 1 || !last.Whole {
			t.Errorf("flow %s, two words: %d, %+v", flow, places, last)
		}
	}
	if places, last := find("2/response/find?as=raw&text=needle"); len(places) > 0 || !last.Whole || last.Searched >= int64(len(text)) {
		t.Errorf("as it was sent: %d, %+v", places, last)
	}
	for query, status := range map[string]int{"1/response/find": 400, "1/response/find?text=a&n=0": 400, "1/response/find?text=a&as=x": 400, "9/response/find?text=a": 404, "1/middle/find?text=a": 404} {
		if got := r.call("GET", "/flows/"+query, "", nil); got != status {
			t.Errorf("%s: %d, want %d", query, got, status)
		}
	}
}

// However a body is cut into pieces, each place is found once.
func TestFinderOverBorders(t *testing.T) {
	const text = "aaab AAb aab a-aaab"
	for word, want := range map[string][]int64{"aab": {1, 5, 9, 16}, "a": {0, 1, 2, 5, 6, 9, 10, 13, 15, 16, 17}, "aa": {0, 5, 9, 15}, "b a": {3, 7, 11}} {
		for size := 1; size <= len(text); size++ {
			var places []int64
			f := &finder{word: []byte(word), left: 1 << 20, tell: func(v any) error {
				places = append(places, v.(Found).Places...)
				return nil
			}}
			for p := range slices.Chunk([]byte(text), size) {
				if n, err := f.Write(bytes.Clone(p)); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
			}
			if last := f.news(); !slices.Equal(append(places, last.Places...), want) || last.Searched != int64(len(text)) {
				t.Errorf("%q in pieces of %d: %d, want %d", word, size, append(places, last.Places...), want)
			}
		}
	}
}
