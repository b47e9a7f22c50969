package http2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
)

// sizes are those at which windows and frames have broken bodies before.
var sizes = []int{0, 1, 16383, 16384, 16385, 65535, 65536, 65537, 16384*9 - 1, 16384 * 9, 16384*9 + 1, 5 << 20}

func echo(st *Stream) {
	head := &flow.Response{Status: 200}
	head.Fields.Add("X-Method", st.Request().Method)
	sink, err := st.Respond(head, flow.Framing{Kind: flow.Chunked})
	if err != nil {
		return
	}
	if err := drainTo(sink, st.Body()); err != nil {
		sink.Abort(err)
	}
}

func TestGoClientSendsAndReceivesBodiesOfEverySize(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, echo)
	cc := goClient(t, nc)
	for _, n := range sizes {
		want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		req, _ := http.NewRequest("POST", "https://a.test/x", bytes.NewReader(want))
		resp, err := cc.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
			t.Errorf("%d octets: %d came back, %v", n, len(got), err)
		}
	}
}

func TestGoServerGetsAndSendsBodiesOfEverySize(t *testing.T) {
	c := goServer(t, ClientConfig{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
	})
	for _, n := range sizes {
		want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		call, err := c.Open(context.Background(), request("POST", "/"), flow.Framing{Kind: flow.Chunked})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := call.Body().Write(want); err != nil {
				t.Error(err)
			}
			if err := call.Body().Close(nil); err != nil {
				t.Error(err)
			}
		})
		head, _, err := call.Head(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := readBody(call.Response())
		if err != nil || got != string(want) || head.Status != 200 {
			t.Errorf("%d octets: status %d, %d came back, %v", n, head.Status, len(got), err)
		}
		wg.Wait()
		call.Close()
	}
}

func TestTrailersAndInterimResponsesReachGoClient(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		readBody(st.Body())
		if got := st.Body().Trailers().Get("x-sum"); got != "7" {
			t.Errorf("request trailer %q", got)
		}
		st.Inform(&flow.Response{Status: 103, Message: flow.Message{Fields: flow.Fields{{Name: "Link", Value: "</a>"}}}})
		answer(st, 200, "hello", flow.Fields{{Name: "Grpc-Status", Value: "0"}})
	})
	cc := goClient(t, nc)
	req, _ := http.NewRequest("POST", "https://a.test/", io.NopCloser(strings.NewReader("body")))
	req.Trailer = http.Header{"X-Sum": {"7"}}
	resp, err := cc.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != "hello" || resp.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("body %q, trailers %v, %v", got, resp.Trailer, err)
	}
}

func TestTrailersAndInterimResponsesComeFromGoServer(t *testing.T) {
	c := goServer(t, ClientConfig{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(103)
		w.Header().Set("Trailer", "X-End")
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
		w.Header().Set("X-End", r.Trailer.Get("x-sum"))
	})
	call, err := c.Open(context.Background(), request("POST", "/", flow.Field{Name: "Trailer", Value: "x-sum"}), flow.Framing{Kind: flow.Chunked})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	call.Body().Write([]byte("abc"))
	call.Body().Close(flow.Fields{{Name: "X-Sum", Value: "9"}})
	interim, _, err := call.Head(context.Background())
	if err != nil || interim.Status != 103 || interim.Fields.Get("link") != "</a>" {
		t.Fatalf("interim %+v, %v", interim, err)
	}
	head, _, err := call.Head(context.Background())
	if err != nil || head.Status != 200 {
		t.Fatalf("head %+v, %v", head, err)
	}
	got, err := readBody(call.Response())
	if err != nil || got != "abc" || call.Response().Trailers().Get("x-end") != "9" {
		t.Errorf("body %q, trailers %v, %v", got, call.Response().Trailers(), err)
	}
}

func TestAHundredStreamsAtOnce(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, echo)
	cc := goClient(t, nc)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for j := range 5 {
				want := strings.Repeat(fmt.Sprint(i, " ", j, " "), 2000)
				req, _ := http.NewRequest("POST", "https://a.test/", strings.NewReader(want))
				resp, err := cc.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != want {
					t.Errorf("stream %d: %d of %d octets, %v", i, len(got), len(want), err)
				}
			}
		})
	}
	wg.Wait()
}
