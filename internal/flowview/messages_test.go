package flowview

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// recording is a session to which tests add flows.
type recording struct {
	t     *testing.T
	store *store.Store
	dir   string
	// before is called with a record before it ends.
	// It returns how many messages the body has.
	before func(*store.Record) int64
}

func newRecording(t *testing.T) *recording {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &recording{t: t, store: s, dir: dir}
}

// add records a response of the given head and pieces.
func (rec *recording) add(fields []string, pieces ...string) uint64 {
	r := rec.store.Start()
	f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/",
		Message: flow.Message{Version: flow.HTTP11}}}
	r.Head(f, flow.ToServer)
	g := *f
	g.Response = &flow.Response{Status: 200, Message: flow.Message{Version: flow.HTTP11}}
	for i := 0; i < len(fields); i += 2 {
		g.Response.Fields.Add(fields[i], fields[i+1])
	}
	r.Head(&g, flow.ToClient)
	h := g // a picture that was given away is never changed
	h.ResponseBody = flow.Body{Disposition: flow.Tee, Ended: true, Declared: -1}
	for _, p := range pieces {
		r.Piece(flow.ToClient, []byte(p))
		h.ResponseBody.Sent += int64(len(p))
	}
	if rec.before != nil {
		h.ResponseBody.Messages = rec.before(r)
	}
	h.Outcome = flow.Outcome{Kind: flow.Completed}
	h.End = time.Now()
	r.End(&h)
	rec.store.Flush()
	return r.Number()
}

// text runs a query and returns it as MessagesText and as MessagesJSON write it.
func (rec *recording) text(q MessageQuery) (text, lines string, err error) {
	rec.t.Helper()
	r, err := store.OpenReader(rec.dir)
	if err != nil {
		rec.t.Fatal(err)
	}
	defer r.Close()
	q.Side = flow.ToClient
	f, err := r.Get(context.Background(), q.Number)
	if err != nil {
		rec.t.Fatal(err)
	}
	var a, b bytes.Buffer
	err = MessagesText(&a, Messages(context.Background(), r, q), f.Start, 0)
	if jerr := MessagesJSON(&b, Messages(context.Background(), r, q)); (jerr == nil) != (err == nil) {
		rec.t.Errorf("as text %v, as JSON %v", err, jerr)
	}
	return a.String(), b.String(), err
}

// shown is the part of each line of text that does not depend on the clock.
func shown(text string) (all []string) {
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		all = append(all, w[0]+" "+strings.Join(w[2:], " "))
	}
	return all
}

func zip(parts ...string) (pieces []string) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i, p := range parts {
		z.Write([]byte(p))
		if z.Flush(); i == len(parts)-1 {
			z.Close()
		}
		pieces = append(pieces, b.String())
		b.Reset()
	}
	return pieces
}

func prefixed(flags byte, payload string) string {
	return string([]byte{flags, 0, 0, 0, byte(len(payload))}) + payload
}

func TestMessages(t *testing.T) {
	rec := newRecording(t)
	for _, c := range []struct {
		name   string
		fields []string
		pieces []string
		want   []string
		keys   string // one JSON line has this
	}{
		{"events", []string{"Content-Type", "text/event-stream"}, []string{"id: 1\nevent: x\nda", "ta: a\ndata: b\n\n: ping\n\n", "retry: 5\n\ndata: cut"},
			[]string{"0 32b event: x id: 1 data: a b", "1 8b : ping", "2 10b retry: 5", "3 9b [unfinished] data: cut"}, `"event":"x","data":"a\nb","id":"1"`},
		{"coded events", []string{"Content-Type", "text/event-stream", "Content-Encoding", "gzip"}, zip("data: a\n\n", "data: b\n\n"),
			[]string{"0 9b data: a", "1 9b data: b"}, `"offset":9,"length":9`},
		{"lines", []string{"Content-Type", "application/x-ndjson"}, []string{"{\"a\":1}\n\n{\"a\":2}"},
			[]string{`0 8b {"a":1}`, `1 7b {"a":2}`}, `"text":"{\"a\":2}"`},
		{"sequence", []string{"Content-Type", "application/json-seq"}, []string{"\x1e{\n}\n\x1e1\n"}, []string{"0 4b { }", "1 2b 1"}, `"kind":"JSON text sequence"`},
		{"gRPC", []string{"Content-Type", "application/grpc", "Grpc-Encoding", "gzip"}, []string{prefixed(0, "\x0a\xff"), prefixed(1, zip("hello")[0])},
			[]string{"0 7b 0a ff", "1 39b [compressed] hello"}, `"compressed":true,"text":"hello"`},
		{"gRPC without its coding", []string{"Content-Type", "application/grpc"}, []string{prefixed(1, "x")},
			[]string{"0 6b [compressed] [the message says that it is compressed, and the head does not say how] x"}, `"error":`},
		{"not gRPC", []string{"Content-Type", "application/grpc"}, []string{prefixed(0, "a"), "<html>"},
			[]string{"0 6b a", "1 6b [not gRPC from here on] <html>"}, `"lost":true`},
		{"gRPC-Web", []string{"Content-Type", "application/grpc-web-text"}, []string{"AAAAAAFh", "gAAAAAFi"}, []string{"0 6b a", "1 6b [trailers] b"}, `"trailers":true`},
		{"Connect", []string{"Content-Type", "application/connect+json"}, []string{prefixed(0, "{}") + prefixed(2, "{}")}, []string{"0 7b {}", "1 7b [end] {}"}, `"end":true`},
		{"AWS", []string{"Content-Type", "application/vnd.amazon.eventstream"}, []string{"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff"},
			[]string{"0 16b"}, `"kind":"AWS event stream"`},
		{"parts", []string{"Content-Type", "multipart/x-mixed-replace; boundary=b"}, []string{"--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b--"},
			[]string{"0 37b Content-Type: text/plain hi"}, `"fields":[["Content-Type","text/plain"]],"text":"hi"`},
		{"hostile", []string{"Content-Type", "text/event-stream"}, []string{"data: " + strings.TrimSpace(hostile) + "\x7f\n\n"},
			[]string{`0 29b data: \x1b]0;owned\x07\u202e\u009b31m\x7f` + "\ufffd" + `\x7f`}, `\u001b]0;owned\u0007\u202e\u009b31m\u007f`},
		{"nothing", []string{"Content-Type", "text/event-stream"}, nil, nil, ""},
	} {
		n := rec.add(c.fields, c.pieces...)
		text, lines, err := rec.text(MessageQuery{Number: n})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := shown(text); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		if !strings.Contains(lines, c.keys) {
			t.Errorf("%s: no %s in\n%s", c.name, c.keys, lines)
		}
		for line := range strings.Lines(lines) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: not JSON: %s", c.name, line)
			}
		}
	}
}

// Each message has the time of the piece that completed it, also in a coding.
func TestMessagesHaveTheirTimes(t *testing.T) {
	for _, coded := range []string{"", "gzip"} {
		rec := newRecording(t)
		pieces := []string{"data: 0\n\ndata", ": 1\n\ndata: 2\n\n", "data: 3\n\n"}
		fields := []string{"Content-Type", "text/event-stream"}
		if coded != "" {
			pieces, fields = zip(pieces...), append(fields, "Content-Encoding", coded)
		}
		n := rec.add(fields, pieces...)
		r, err := store.OpenReader(rec.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := r.Body(context.Background(), n, flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var sent []time.Time
		for p, err := range b.Pieces() {
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, p.Time)
		}
		i := 0
		for m, err := range Messages(context.Background(), r, MessageQuery{Number: n, Side: flow.ToClient}) {
			if err != nil {
				t.Fatal(err)
			}
			if want := sent[[]int{0, 1, 1, 2}[i]]; !m.Time.Equal(want) {
				t.Errorf("coded %q: message %d at %v, its piece at %v", coded, i, m.Time, want)
			}
			i++
		}
		if i != 4 {
			t.Errorf("coded %q: %d messages", coded, i)
		}
	}
}

func TestMessagesByPage(t *testing.T) {
	rec := newRecording(t)
	var pieces []string
	for i := range 5000 {
		pieces = append(pieces, fmt.Sprintf("data: %d %s\n\n", i, strings.Repeat("x", 100)))
	}
	large := "data: " + strings.Repeat("y", 3<<20) + "\n\n"
	n := rec.add([]string{"Content-Type", "text/event-stream"}, append(pieces, large, "data: end\n\n")...)
	for _, c := range []struct {
		from, count int64
		want        string
	}{
		{0, 1, "0"}, {0, 2, "0 1"}, {4321, 2, "4321 4322"}, {4999, 0, "4999 5000 5001"}, {5001, 9, "5001"}, {5002, 1, ""},
	} {
		text, _, err := rec.text(MessageQuery{Number: n, From: c.from, Count: c.count})
		var got []string
		for _, line := range shown(text) {
			number, _, _ := strings.Cut(line, " ")
			got = append(got, number)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("from %d, %d of them: %v %v, want %s", c.from, c.count, got, err, c.want)
		}
	}
	text, lines, err := rec.text(MessageQuery{Number: n, From: 5000, Count: 1})
	if err != nil || !strings.Contains(text, "3.0m  [large]  data: yyy") || len(text) > 10<<10 {
		t.Errorf("%v %.200s", err, text)
	}
	if !strings.Contains(lines, `"cut":true`) || len(lines) > 2<<20 {
		t.Errorf("%d octets of JSON", len(lines))
	}
}

func TestBodiesWithoutMessages(t *testing.T) {
	rec := newRecording(t)
	n := rec.add([]string{"Content-Type", "text/plain"}, "data: a\n\n")
	if _, _, err := rec.text(MessageQuery{Number: n}); err == nil || !strings.Contains(err.Error(), "has no messages: Content-Type text/plain") {
		t.Error(err)
	}
	n = rec.add([]string{"Content-Type", "text/event-stream", "Content-Encoding", "gzip"}, "\x1f\x8b\x08\x00garbage garbage")
	if _, _, err := rec.text(MessageQuery{Number: n}); err == nil || errors.As(err, new(*PartialError)) {
		t.Error("a damaged coding passed:", err)
	}
}
