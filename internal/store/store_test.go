package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"midstream/flow"
)

// exchange is a flow as an engine would hand it in.
func exchange(n int) *flow.Flow {
	now := time.UnixMicro(1_700_000_000_000_000 + int64(n)*1000).UTC()
	client := &flow.Conn{ID: flow.ID{1}, Peer: "127.0.0.1:50000", Local: "127.0.0.1:8080", Mode: "regular", Via: "http://p.test:3128", Start: now}
	server := &flow.Conn{ID: flow.ID{2}, Address: "example.test:443", Peer: "127.0.0.1:443",
		TLS: &flow.TLS{Version: 0x304, Cipher: 0x1301, SNI: "example.test", ALPN: "http/1.1", Offered: []string{"http/1.1"}, Certificates: [][]byte{bytes.Repeat([]byte{7}, 900)}}}
	return &flow.Flow{
		ID: flow.NewID(), Client: client, Server: server, Start: now,
		Request: &flow.Request{
			Message: flow.Message{Version: flow.HTTP11, Wire: "GET /path HTTP/1.1", Start: now, Fields: flow.Fields{
				{Name: "Host", Value: "example.test", Wire: "Host: example.test"},
				{Name: "X-Odd", Value: "a", Wire: "X-Odd:\ta "},
				{Name: "added", Value: "by a hook"},
			}},
			Method: "GET", Scheme: "https", Host: "example.test", Port: 443, Path: fmt.Sprintf("/path?n=%d", n),
		},
		RequestBody: flow.Body{Declared: 0, Ended: true},
	}
}

func answered(f *flow.Flow, sent int64) *flow.Flow {
	c := *f
	c.Response = &flow.Response{
		Message: flow.Message{Version: flow.HTTP11, Wire: "HTTP/1.1 200 OK", Start: f.Start.Add(time.Millisecond), Fields: flow.Fields{
			{Name: "Content-Type", Value: "text/plain; charset=utf-8", Wire: "Content-Type: text/plain; charset=utf-8"},
		}},
		Status: 200, Reason: "OK",
	}
	c.ResponseBody = flow.Body{Disposition: flow.Tee, Reason: "the default", Declared: -1, Received: sent, Sent: sent}
	return &c
}

func completed(f *flow.Flow) *flow.Flow {
	c := *f
	c.ResponseBody.Ended = true
	c.Outcome = flow.Outcome{Kind: flow.Completed, Bytes: c.ResponseBody.Sent}
	c.End = c.Start.Add(5 * time.Millisecond)
	return &c
}

func openStore(t testing.TB, dir string, cfg Config) *Store {
	t.Helper()
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openRead(t testing.TB, dir string) *Reader {
	t.Helper()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func bodyOf(t testing.TB, r *Reader, number uint64, side flow.Side) []byte {
	t.Helper()
	b, err := r.Body(context.Background(), number, side)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func list(t testing.TB, r *Reader, o ListOptions) []Summary {
	t.Helper()
	var all []Summary
	for s, err := range r.List(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// TestWrittenIsReadBack writes flows with bodies of many sizes and reads them
// back, while the session is live and after it was closed.
func TestWrittenIsReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{bodiesRoll: 3 << 20})
	random := rand.New(rand.NewPCG(1, 2))
	var bodies [][]byte
	var flows []*flow.Flow
	for n, size := range []int{0, 1, 60, 4096, 4097, 70_000, 300_000, 9_000_000} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		r := s.Start()
		f := exchange(n)
		r.Head(f, flow.ToServer)
		f = answered(f, int64(size))
		r.Head(f, flow.ToClient)
		for rest := body; len(rest) > 0; {
			k := min(len(rest), 1+random.IntN(40_000))
			r.Piece(flow.ToClient, rest[:k])
			rest = rest[k:]
		}
		f = completed(f)
		r.End(f)
		if r.Number() != uint64(n+1) {
			t.Fatalf("flow %d has number %d", n, r.Number())
		}
		bodies, flows = append(bodies, body), append(flows, f)
	}
	s.Flush()
	check := func(t *testing.T) {
		r := openRead(t, dir)
		rows := list(t, r, ListOptions{})
		if len(rows) != len(bodies) {
			t.Fatalf("%d rows, want %d", len(rows), len(bodies))
		}
		for i, body := range bodies {
			number := uint64(i + 1)
			if got := bodyOf(t, r, number, flow.ToClient); !bytes.Equal(got, body) {
				t.Fatalf("flow %d: body of %d octets differs from the %d that were sent", number, len(got), len(body))
			}
			got, err := r.Get(context.Background(), number)
			if err != nil {
				t.Fatal(err)
			}
			want := *flows[i]
			want.Number = number
			want.ResponseBody.Record, want.ResponseBody.Recorded = flow.Complete, int64(len(body))
			if !reflect.DeepEqual(got, &want) {
				t.Fatalf("flow %d:\n got %+v\nwant %+v", number, got, &want)
			}
			if w := Summarize(&want); rows[i] != w {
				t.Fatalf("row %d:\n got %+v\nwant %+v", number, rows[i], w)
			}
		}
		if last := list(t, r, ListOptions{Last: 3}); len(last) != 3 || last[0].Number != uint64(len(bodies)-2) {
			t.Fatalf("last 3: %d rows, the first is %d", len(last), last[0].Number)
		}
	}
	t.Run("live", check)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("closed", check)
	for _, p := range indexFiles(dir) {
		os.Remove(p)
	}
	t.Run("index made anew", check)
}

// TestFollow sees an event within one flush of its passing, and the end.
func TestFollow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	rec := s.Start()
	f := answered(exchange(1), 0)
	rec.Head(f, flow.ToClient)
	rec.Piece(flow.ToClient, []byte("one"))
	s.Flush()
	r := openRead(t, dir)
	body, err := r.Follow(context.Background(), rec.Number(), flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	p := make([]byte, 10)
	for _, event := range []string{"one", "two", "three"} {
		if event != "one" {
			rec.Piece(flow.ToClient, []byte(event))
		}
		n, err := body.Read(p)
		if err != nil || string(p[:n]) != event {
			t.Fatalf("read %q, %v; want %q", p[:n], err, event)
		}
	}
	got, err := r.Get(context.Background(), rec.Number())
	if err != nil || got.ResponseBody.Record != flow.Recording || got.ResponseBody.Recorded != 11 {
		t.Fatalf("live flow: %+v, %v", got.ResponseBody, err)
	}
	f = completed(f)
	f.ResponseBody.Sent = 11
	rec.End(f)
	if _, err := body.Read(p); err != io.EOF {
		t.Fatalf("after the end: %v", err)
	}
}
