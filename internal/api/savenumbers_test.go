package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTheFlowsOfNumbersAreSaved(t *testing.T) {
	r := newRig(t, nil)
	for _, path := range []string{"/one", "/two", "/three"} {
		r.through(path)
	}
	v := r.view(`{}`)
	next := r.feedOf(v.ID)
	for next("position", &v); v.Total != 3; {
		var b Batch
		next("batch", &b)
		v.Total = b.Total
	}
	resp, err := r.api.Get("http://midstream/api/v1/save?as=har&numbers=3,1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); resp.StatusCode != http.StatusOK || !strings.Contains(s, "/one") || strings.Contains(s, "/two") || !strings.Contains(s, "/three") {
		t.Errorf("%d %s", resp.StatusCode, s)
	}
	for _, numbers := range []string{"x", "1,,2", strings.Repeat("1,", maxListed) + "1"} {
		if code := r.call("GET", "/save?numbers="+numbers, "", nil); code != http.StatusBadRequest {
			t.Errorf("%.20s: %d", numbers, code)
		}
	}
}
