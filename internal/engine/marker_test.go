package engine

import (
	"fmt"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
)

// Where the messages of a body are is noted as it passes, whatever becomes of it.
func TestMessagesAreNoted(t *testing.T) {
	large := strings.Repeat("x", markLimit+100)
	for name, c := range map[string]struct {
		fields  []string
		content string
		want    string // offset+length, attr, and what is odd about it
	}{
		"events":    {[]string{eventStream}, "data: a\n\n\n: ping\n\ndata: cut", "0+9/0 10+8/0 18+9/0 unfinished"},
		"gRPC":      {[]string{"Content-Type: application/grpc"}, "\x00\x00\x00\x00\x01a\x01\x00\x00\x00\x00", "0+6/0 6+5/1"},
		"not gRPC":  {[]string{"Content-Type: application/grpc"}, "\x00\x00\x00\x00\x01a<html>" + large, fmt.Sprintf("0+6/0 6+%d/60 lost", 6+len(large))},
		"web text":  {[]string{"Content-Type: application/grpc-web-text"}, "AAAAAAFhgAAAAAFi", "0+6/0 6+6/128"},
		"large":     {[]string{"Content-Type: application/x-ndjson"}, "[1]\n" + large + "\n[2]", fmt.Sprintf("0+4/0 4+%d/0 %d+3/0", len(large)+1, len(large)+5)},
		"other":     {[]string{"Content-Type: text/html"}, "data: a\n\n", ""},
		"no coding": {[]string{eventStream, "Content-Encoding: made-up"}, "data: a\n\n", ""},
	} {
		for _, coded := range []string{"", "gzip", "br"} {
			if strings.Contains(strings.Join(c.fields, "\n"), "Encoding") && coded != "" {
				continue
			}
			wire, err := coding.Encode(coded, []byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			head := fields(c.fields...)
			if coded != "" {
				head = append(head, fields("Content-Encoding: "+coded)...)
			}
			for _, pieces := range [][]string{{string(wire)}, strings.SplitAfter(string(wire), "\x00")} {
				b := newBody()
				for _, p := range pieces {
					if p != "" {
						b.feed(p)
					}
				}
				b.end(nil)
				s := newStream(flow.HTTP11, "GET", nil, nil)
				r := serve(t, Policy{}, s, upstream(answers(200, chunked, head, b)))
				var got []string
				for _, m := range r.marks[flow.ToClient] {
					line := fmt.Sprintf("%d+%d/%d", m.Offset, m.Length, m.Attr)
					if m.Unfinished {
						line += " unfinished"
					}
					if m.Lost {
						line += " lost"
					}
					if m.Time.IsZero() {
						line += " no time"
					}
					got = append(got, line)
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("%s, coded %q: %s, want %s", name, coded, got, c.want)
				}
				if n := r.end.ResponseBody.Messages; n != int64(len(got)) || len(r.marks[flow.ToServer]) > 0 {
					t.Errorf("%s, coded %q: the flow has %d", name, coded, n)
				}
				if s.sink.text() != string(wire) {
					t.Errorf("%s, coded %q: the body is another", name, coded)
				}
			}
		}
	}
}

// Octets that do not decode pass, and nothing is noted behind them.
func TestDamagedCodingPasses(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	wire := "\x1f\x8bnot what it says it is"
	r := serve(t, Policy{}, s, upstream(answers(200, chunked, fields(eventStream, "Content-Encoding: gzip"), wholeBody(wire))))
	if s.sink.text() != wire || len(r.marks[flow.ToClient]) != 0 || r.end.Outcome.Kind != flow.Completed {
		t.Errorf("sent %q, noted %v, %v", s.sink.text(), r.marks[flow.ToClient], r.end.Outcome)
	}
}

// Only so many decoders run beside bodies at once; each is let go with its body.
func TestDecodersAreBounded(t *testing.T) {
	wire, err := coding.Encode("br", []byte("data: a\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	head := fields(eventStream, "Content-Encoding: br")
	for _, busy := range []int64{0, maxDecoders - heavyWeight, maxDecoders - heavyWeight + 1} {
		m := &memory{}
		e := New(Config{Recorder: m})
		e.decoders.Store(busy)
		s := newStream(flow.HTTP11, "GET", nil, nil)
		e.Serve(t.Context(), s, upstream(answers(200, chunked, head, wholeBody(string(wire)))), Origin{})
		noted := len(m.only().marks[flow.ToClient])
		if fits := busy+heavyWeight <= maxDecoders; fits != (noted == 1) || e.decoders.Load() != busy || s.sink.text() != string(wire) {
			t.Errorf("beside %d: %d noted, %d left", busy, noted, e.decoders.Load())
		}
	}
}
