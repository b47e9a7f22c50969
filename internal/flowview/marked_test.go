package flowview

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/store"
)

// mark notes the messages of content on r, all but the last few.
func mark(r *store.Record, kind message.Kind, boundary, content string, leave int) (noted, found int64) {
	s := message.New(kind, boundary, 16)
	s.Write([]byte(content))
	s.End()
	var all []flow.Mark
	var m flow.Mark
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		if p.What == message.Gap {
			continue
		}
		if p.Part.Begins() {
			m = flow.Mark{Offset: p.Offset, Time: time.Now()}
		}
		m.Length += int64(len(p.Raw))
		m.Unfinished, m.Lost = p.Unfinished, p.What == message.Lost
		if p.Part.Ends() {
			all = append(all, m)
		}
	}
	for _, m := range all[:max(0, len(all)-leave)] {
		r.Mark(flow.ToClient, m)
		noted++
	}
	return noted, int64(len(all))
}

// Whatever was noted, the messages are those that are found by reading.
func TestMarkedMessagesAreThoseThatAreFoundByReading(t *testing.T) {
	many := func(one string) string { return strings.Repeat(one, 700) }
	for name, c := range map[string]struct {
		fields   []string
		kind     message.Kind
		content  string
		boundary string
	}{
		"events":    {[]string{"Content-Type", "text/event-stream"}, message.SSE, "\xef\xbb\xbf" + many("data: a\r\n\r\n\n\xef\xbb\xbfid: x\rdata: b\r\r: ping\n\n") + "data: cut", ""},
		"lines":     {[]string{"Content-Type", "application/x-ndjson"}, message.NDJSON, many("{\"a\":1}\n\n[2]\r\n"), ""},
		"sequence":  {[]string{"Content-Type", "application/json-seq"}, message.JSONSeq, many("\x1e{\n}\n\x1e1\n"), ""},
		"gRPC":      {[]string{"Content-Type", "application/grpc"}, message.GRPC, many(prefixed(0, "hello")+prefixed(0, "")) + "<html>", ""},
		"parts":     {[]string{"Content-Type", "multipart/mixed; boundary=b"}, message.Multipart, "pre\r\n" + many("--b\r\nA: b\r\n\r\nx\r\n") + "--b--\r\n", "b"},
		"large":     {[]string{"Content-Type", "application/x-ndjson"}, message.NDJSON, "[1]\n\"" + strings.Repeat("x", message.DefaultLimit+70_000) + "\"\n[2]\n", ""},
		"coded":     {[]string{"Content-Type", "text/event-stream", "Content-Encoding", "gzip"}, message.SSE, many("data: a\n\ndata: bb\n\n"), ""},
		"web text":  {[]string{"Content-Type", "application/grpc-web-text"}, message.GRPCWeb, strings.Repeat(prefixed(0, "a"), 600), ""},
		"truncated": {[]string{"Content-Type", "application/grpc"}, message.GRPC, prefixed(0, "hello") + "\x00\x00\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecording(t)
			wire := []string{}
			switch name {
			case "coded":
				wire = zip(c.content)
			case "web text":
				wire = []string{strings.Repeat("AAAAAAFh", 600)}
			default:
				for rest := c.content; rest != ""; {
					n := min(len(rest), 999)
					wire, rest = append(wire, rest[:n]), rest[n:]
				}
			}
			plain := rec.add(c.fields, wire...)
			for _, leave := range []int{0, 1, 300, 1 << 20} {
				var noted int64
				rec.before = func(r *store.Record) (found int64) {
					noted, found = mark(r, c.kind, c.boundary, c.content, leave)
					return found
				}
				marked := rec.add(c.fields, wire...)
				rec.before = nil
				for _, q := range []MessageQuery{{}, {From: 3, Count: 2}, {From: 255, Count: 3}, {From: 699}, {From: 1 << 30}} {
					q.Number = plain
					want, _, werr := rec.text(q)
					q.Number = marked
					got, lines, err := rec.text(q)
					if (err == nil) != (werr == nil) || fmt.Sprint(shown(got)) != fmt.Sprint(shown(want)) {
						t.Fatalf("%d noted, from %d: %v, want %v\n got %.200q\nwant %.200q", noted, q.From, err, werr, shown(got), shown(want))
					}
					for line := range strings.Lines(lines) {
						if !strings.Contains(line, `"time":"2`) {
							t.Fatalf("no time: %s", line)
						}
					}
				}
			}
		})
	}
}

// A page far into a body is read without what stands before it: that may be gone.
func TestADeepPageReadsNothingBeforeIt(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := s.Start()
	f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/"},
		Response: &flow.Response{Status: 200, Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Content-Type", Value: "application/x-ndjson"}}}}}
	r.Head(f, flow.ToClient)
	const count = 100_000
	line := []byte(`{"n":"` + strings.Repeat("x", 50) + `"}` + "\n")
	for i := range int64(count) {
		r.Piece(flow.ToClient, line)
		r.Mark(flow.ToClient, flow.Mark{Offset: i * int64(len(line)), Length: int64(len(line)), Time: time.Now()})
	}
	g := *f
	g.ResponseBody = flow.Body{Disposition: flow.Tee, Ended: true, Declared: -1, Sent: count * int64(len(line))}
	g.Outcome, g.End = flow.Outcome{Kind: flow.Completed}, time.Now()
	r.End(&g)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	page := func(from int64) {
		n := from
		for m, err := range Messages(context.Background(), read, MessageQuery{Number: 1, Side: flow.ToClient, From: from, Count: 50}) {
			if err != nil || m.Index != n || string(m.Raw) != string(line) {
				t.Fatalf("message %d: %+v %v", n, m, err)
			}
			n++
		}
		if n != from+50 {
			t.Fatalf("%d messages from %d", n-from, from)
		}
	}
	few := testing.AllocsPerRun(3, func() { page(0) })
	if deep := testing.AllocsPerRun(3, func() { page(count - 60) }); deep > 2*few {
		t.Errorf("a page at the end takes %v allocations, one at the start %v", deep, few)
	}
}
