package http2

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"midstream/flow"
)

func TestWhatWasSentBeforeAnAbortArrives(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		sink, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.ByLength, Length: 1000})
		if err != nil {
			return
		}
		sink.Write([]byte("abc"))
		sink.Abort(errors.New("the server broke off"))
	})
	cc := goClient(t, nc)
	req, _ := http.NewRequest("GET", "https://a.test/", nil)
	resp, err := cc.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p := make([]byte, 3)
	if _, err := io.ReadFull(resp.Body, p); err != nil || string(p) != "abc" {
		t.Errorf("%q, %v", p, err)
	}
	if _, err := resp.Body.Read(p); err == nil || err == io.EOF {
		t.Errorf("the end: %v, want a reset", err)
	}
}
