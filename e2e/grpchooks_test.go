package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A script changes, drops and adds messages of every kind of call, and a
// conversation goes on while it does.
func TestGRPCMessagesAreChanged(t *testing.T) {
	t.Parallel()
	s := newRPC(t)
	p := start(t, "-s", scriptFile(t, `
export function grpc_message(flow, message) {
  if (message.from_client) {
    if (message.text === "drop") message.drop();
    else if (message.text === "add") message.insert_after("added", "twice");
    else if (message.text === "press") message.compressed = !message.compressed;
    else message.text = message.text.replace("secret", "a longer word");
  } else {
    message.text = message.text.toUpperCase();
  }
}`))
	c := s.dialThrough(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	asked := metadata.AppendToOutgoingContext(ctx, "x-octets-bin", "x")
	for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}} {
		for in, want := range map[string]string{"the secret": "THE A LONGER WORD", "": "", "other": "OTHER"} {
			var got []byte
			if err := c.Invoke(asked, "/tests.Words/Echo", reply(in), &got, options...); err != nil || string(got) != want {
				t.Errorf("Echo of %q: %q, %v", in, got, err)
			}
		}
	}
	var got []byte
	if err := c.Invoke(asked, "/tests.Words/Echo", reply("press"), &got, grpc.UseCompressor("gzip")); err != nil || string(got) != "PRESS" {
		t.Errorf("one that is not compressed any more: %q, %v", got, err)
	}
	st, err := c.NewStream(ctx, &bothWays, "/tests.Words/Join")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "drop", "add", "secret"} {
		st.SendMsg(reply(word))
	}
	st.CloseSend()
	if got, err := read(st.RecvMsg); got != "AADDADDEDTWICEA LONGER WORD" || err != nil {
		t.Errorf("Join: %q, %v", got, err)
	}
	if st, err = c.NewStream(ctx, &bothWays, "/tests.Words/Letters"); err != nil {
		t.Fatal(err)
	}
	st.SendMsg(reply("abc"))
	st.CloseSend()
	letters := ""
	for {
		letter, err := read(st.RecvMsg)
		if err != nil {
			if status.Code(err) != codes.DataLoss {
				t.Errorf("Letters: %v", err)
			}
			break
		}
		letters += letter
	}
	if letters != "ABC" {
		t.Errorf("Letters: %q", letters)
	}
	if st, err = c.NewStream(ctx, &bothWays, "/tests.Words/Talk"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		st.SendMsg(reply("secret"))
		if got, err := read(st.RecvMsg); got != "RE: A LONGER WORD" || err != nil {
			t.Fatalf("Talk: %q, %v", got, err)
		}
	}
	st.CloseSend()
	if _, err := read(st.RecvMsg); !errors.Is(err, io.EOF) {
		t.Errorf("Talk: %v", err)
	}
	c.Close()
	r := p.recorded()
	f := r.flow("/tests.Words/Talk")
	page := r.show(f)
	for _, want := range []string{"rewritten on its way", "messages: 20, gRPC (--messages", "call      grpc 0 OK"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	out, errs, err := p.try("flows", "show", "--session", p.Session, fmt.Sprint(f.Number), "--messages", "--from", "17", "--count", "2")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); err != nil || len(lines) != 2 || !strings.Contains(lines[1], "18 ") || !strings.Contains(lines[1], "RE: A LONGER WORD") {
		t.Errorf("a page of messages: %q %s %v", out, errs, err)
	}
	list, _, _ := p.try("flows", "list", "--session", p.Session)
	if !strings.Contains(list, "/tests.Words/Letters  grpc 15 DATA_LOSS: no more letters") {
		t.Errorf("the list does not say how Letters ended:\n%s", list)
	}
}

// What ends a call of gRPC-Web and Connect is on the flow.
func TestCallsOverHTTP1(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/web":
			w.Header().Set("Content-Type", "application/grpc-web-text")
			io.WriteString(w, "AAAAAAFhgAAAACZncnBjLXN0YXR1czo1DQpncnBjLW1lc3NhZ2U6bm90JTIwaGVyZQ==")
		case "/only":
			w.Header().Set("Content-Type", "application/grpc-web+proto")
			w.Header().Set("Grpc-Status", "16")
		case "/stream":
			w.Header().Set("Content-Type", "application/connect+json")
			io.WriteString(w, "\x00\x00\x00\x00\x02{}\x02\x00\x00\x00\x3c"+`{"error":{"code":"unavailable","message":"come back later"}`+"}")
		case "/unary":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			io.WriteString(w, `{"code":"not_found","message":"no such word"}`)
		default:
			w.Header().Set("Content-Type", "application/proto")
		}
	}))
	defer origin.Close()
	p := start(t)
	for path := range map[string]bool{"/web": true, "/only": true, "/stream": true, "/unary": true, "/fine": true} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", origin.URL+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if path == "/unary" || path == "/fine" {
			req.Header.Set("Connect-Protocol-Version", "1")
		}
		resp, err := p.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	r := p.recorded()
	for path, want := range map[string]string{
		"/web": "call      grpc-web 5 NOT_FOUND: not here", "/only": "call      grpc-web 16 UNAUTHENTICATED", "/fine": "call      connect 0 OK",
		"/stream": "call      connect 14 UNAVAILABLE: come back later", "/unary": "call      connect 5 NOT_FOUND: no such word",
	} {
		if page := r.show(r.flow(path)); !strings.Contains(page, want) {
			t.Errorf("%s: no %q in\n%s", path, want, page)
		}
	}
}
