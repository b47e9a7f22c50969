package api

import (
	"io"
	"net/http"
	"testing"
)

// What the index does not hold is in rows for who asks, read from the record or as it
// is told.
func TestFacts(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		if r.URL.Path == "/slow" {
			http.NewResponseController(w).Flush()
			<-more
		}
		io.WriteString(w, "there")
	})
	r.through("/first")
	var v View
	r.call("POST", "/views", `{}`, &v)
	next := r.feedOf(v.ID)
	next("position", &v)
	for v.State != "ready" {
		r.call("GET", "/views/"+v.ID, "", &v)
	}
	check := func(what string, row Row) {
		t.Helper()
		f := row.Facts
		if f == nil || f.FirstByte == nil || *f.FirstByte <= 0 || f.Client != "127.0.0.1" || f.Agent != "Go-http-client/1.1" || f.Replayed || f.Version != "HTTP/1.1" || f.Reason != "Accepted" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	var rows Rows
	r.call("GET", "/views/"+v.ID+"/rows?facts=1", "", &rows)
	if len(rows.Rows) != 1 {
		t.Fatalf("%+v", rows)
	}
	check("from the record", rows.Rows[0])
	var plain Rows
	if r.call("GET", "/views/"+v.ID+"/rows", "", &plain); plain.Rows[0].Facts != nil {
		t.Errorf("nobody asked for them: %+v", plain.Rows[0].Facts)
	}

	r.call("PUT", "/views/"+v.ID+"/window", `{"from":0,"n":10,"facts":true}`, nil)
	got := make(chan string, 1)
	go func() {
		resp, err := r.client.Get(r.origin.URL + "/slow")
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		got <- string(text)
	}()
	for seen := (Row{}); seen.Status == 0; {
		var b Batch
		next("batch", &b)
		for _, row := range b.Rows {
			if row.Number != 2 || row.Facts == nil {
				continue
			}
			if seen = row; row.Status != 0 {
				check("while it runs", row)
			} else if row.Facts.FirstByte != nil || row.Facts.Reason != "" {
				t.Errorf("without a response: %+v", row.Facts)
			}
		}
	}
	close(more)
	if text := <-got; text != "there" {
		t.Error(text)
	}
}
