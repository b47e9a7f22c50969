package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// evicting writes a session in which flow 1, a stream that lives, has lost its
// front, and flow 2 its whole body. It returns what the stream has sent.
func evicting(t *testing.T, dir string) (*store.Store, *store.Record, []byte) {
	t.Helper()
	s, err := store.Open(dir, store.Config{MaxSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	begin := func(path string) (*store.Record, *flow.Flow) {
		r := s.Start()
		f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: path},
			Response:     &flow.Response{Status: 200, Reason: "OK", Message: flow.Message{Version: flow.HTTP11}},
			ResponseBody: flow.Body{Disposition: flow.Tee, Declared: -1}}
		r.Head(f, flow.ToClient)
		return r, f
	}
	stream, _ := begin("/stream")
	var sent []byte
	for i := range 100 {
		event := fmt.Appendf(nil, "event %04d\n", i)
		stream.Piece(flow.ToClient, event)
		sent = append(sent, event...)
		r, f := begin(fmt.Sprintf("/%d", i))
		r.Piece(flow.ToClient, make([]byte, 100_000))
		done := *f
		done.ResponseBody.Sent, done.ResponseBody.Ended = 100_000, true
		done.Outcome = flow.Outcome{Kind: flow.Completed, Bytes: 100_000}
		r.End(&done)
		s.Flush()
	}
	return s, stream, sent
}

// What is left of a stream is printed, stderr says what is gone, and a range is
// one of the body as it was sent.
func TestFlowsBodyWithoutItsFront(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, stream, sent := evicting(t, dir)
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Body(t.Context(), 1, flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	first := b.First()
	b.Close()
	if first == 0 || first >= int64(len(sent)) {
		t.Fatalf("%d bytes of %d are gone", first, len(sent))
	}
	gone := func(a, b int64) string {
		return fmt.Sprintf("bytes %d-%d of the body were removed to keep the session within session_max_size and session_max_age", a, b)
	}
	check := func(t *testing.T) {
		for _, c := range []struct {
			args   []string
			code   int
			stdout []byte
			stderr string
		}{
			{nil, 3, sent[first:], gone(0, first-1)},
			{[]string{"--raw"}, 3, sent[first:], gone(0, first-1)},
			{[]string{"--range", "0-10"}, 3, nil, gone(0, 10)},
			{[]string{"--range", fmt.Sprintf("5-%d", first+9)}, 3, sent[first : first+10], gone(5, first-1)},
			{[]string{"--range", fmt.Sprintf("%d-%d", first, first+4)}, 0, sent[first : first+5], ""},
			{[]string{"--range", fmt.Sprintf("%d-", len(sent)-7)}, 0, sent[len(sent)-7:], ""},
			{[]string{"--range", "-11"}, 0, sent[len(sent)-11:], ""},
			{[]string{"--range", "-1000000"}, 3, sent[first:], gone(0, first-1)},
		} {
			code, stdout, stderr := flows(t, append([]string{"body", "1", "--session", dir}, c.args...)...)
			if code != c.code || !bytes.Equal([]byte(stdout), c.stdout) || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("%v: code %d, want %d; %d bytes, want %d; stderr %s", c.args, code, c.code, len(stdout), len(c.stdout), stderr)
			}
		}
		_, page, _ := flows(t, "show", "1", "--session", dir)
		for _, want := range []string{
			fmt.Sprintf("%d bytes from byte %d on", int64(len(sent))-first, first),
			fmt.Sprintf("its first %d bytes were removed to keep the session within session_max_size and session_max_age", first),
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q:\n%s", want, page)
			}
		}
		if code, stdout, stderr := flows(t, "body", "2", "--session", dir); code != 3 || stdout != "" || !strings.Contains(stderr, gone(0, 99_999)) {
			t.Errorf("a body that is gone: code %d, %d bytes, %s", code, len(stdout), stderr)
		}
		if code, stdout, _ := flows(t, "list", "--session", dir); code != 0 || strings.Count(stdout, "\n") != 102 {
			t.Errorf("list: code %d\n%s", code, stdout)
		}
	}
	t.Run("live", check)
	f, err := r.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	done := *f
	done.ResponseBody = flow.Body{Disposition: flow.Tee, Declared: -1, Sent: int64(len(sent)), Ended: true}
	done.Outcome = flow.Outcome{Kind: flow.Completed, Bytes: int64(len(sent))}
	stream.End(&done)
	s.Flush()
	t.Run("ended", check)
}
