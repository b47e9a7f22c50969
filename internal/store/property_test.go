package store

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"midstream/flow"
)

func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "micros")).UTC()
	})
}

// octets are strings that need not be UTF-8.
func octets(max int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, max), func(p []byte) string { return string(p) })
}

func anyFields() *rapid.Generator[flow.Fields] {
	field := rapid.Custom(func(t *rapid.T) flow.Field {
		f := flow.Field{Name: octets(20).Draw(t, "name"), Value: octets(300).Draw(t, "value")}
		switch rapid.IntRange(0, 3).Draw(t, "wire") {
		case 1:
			f.Wire = f.Name + ": " + f.Value
		case 2:
			f.Wire = octets(40).Draw(t, "own")
		case 3:
			f.NeverIndexed = true
		}
		return f
	})
	return rapid.Custom(func(t *rapid.T) flow.Fields {
		var fs flow.Fields
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			fs = append(fs, field.Draw(t, "field"))
		}
		return fs
	})
}

func anyMessage(t *rapid.T) flow.Message {
	return flow.Message{Version: flow.Version(rapid.Byte().Draw(t, "version")), Fields: anyFields().Draw(t, "fields"), Trailers: anyFields().Draw(t, "trailers"),
		Wire: octets(40).Draw(t, "line"), Start: anyTime().Draw(t, "start"), End: anyTime().Draw(t, "end")}
}

func anyBody(t *rapid.T) flow.Body {
	b := flow.Body{Disposition: flow.Disposition(rapid.IntRange(0, 3).Draw(t, "d")), Reason: octets(20).Draw(t, "why"),
		Declared: rapid.Int64Min(-1).Draw(t, "declared"), Received: rapid.Int64Min(0).Draw(t, "received"), Sent: rapid.Int64Min(0).Draw(t, "sent"),
		Record: flow.Record(rapid.IntRange(0, 3).Draw(t, "record")), Recorded: rapid.Int64Min(0).Draw(t, "recorded"), CutReason: octets(20).Draw(t, "cut"),
		Transformed: rapid.Bool().Draw(t, "transformed"), Ended: rapid.Bool().Draw(t, "ended")}
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		b.Changes = append(b.Changes, flow.Change{Offset: rapid.Int64().Draw(t, "at"), To: flow.Pass, Reason: octets(9).Draw(t, "reason")})
	}
	return b
}

func anyConn(t *rapid.T) *flow.Conn {
	if rapid.Bool().Draw(t, "none") {
		return nil
	}
	c := &flow.Conn{ID: flow.NewID(), Address: octets(20).Draw(t, "address"), Peer: octets(20).Draw(t, "peer"), Local: octets(20).Draw(t, "local"),
		Mode: octets(9).Draw(t, "mode"), Start: anyTime().Draw(t, "start"), Connected: anyTime().Draw(t, "connected"), Secured: anyTime().Draw(t, "secured"), End: anyTime().Draw(t, "end")}
	if rapid.Bool().Draw(t, "tls") {
		c.TLS = &flow.TLS{Version: rapid.Uint16().Draw(t, "v"), Cipher: rapid.Uint16().Draw(t, "c"), SNI: octets(9).Draw(t, "sni"), ALPN: octets(9).Draw(t, "alpn"), Resumed: rapid.Bool().Draw(t, "resumed")}
		for range rapid.IntRange(0, 2).Draw(t, "n") {
			c.TLS.Offered = append(c.TLS.Offered, rapid.StringN(1, 8, -1).Draw(t, "offered"))
			c.TLS.Certificates = append(c.TLS.Certificates, bytes.Repeat([]byte{1}, rapid.IntRange(1, 40_000).Draw(t, "cert")))
		}
	}
	if rapid.Bool().Draw(t, "http2") {
		c.HTTP2 = &flow.Opening{Window: rapid.Uint32().Draw(t, "window")}
		for range rapid.IntRange(0, 4).Draw(t, "settings") {
			c.HTTP2.Settings = append(c.HTTP2.Settings, flow.Setting{ID: rapid.Uint16().Draw(t, "id"), Value: rapid.Uint32().Draw(t, "value")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "priorities") {
			c.HTTP2.Priorities = append(c.HTTP2.Priorities, anyPriority(t))
		}
	}
	return c
}

func anyPriority(t *rapid.T) flow.Priority {
	return flow.Priority{Stream: rapid.Uint32().Draw(t, "stream"), DependsOn: rapid.Uint32().Draw(t, "depends"),
		Exclusive: rapid.Bool().Draw(t, "exclusive"), Weight: rapid.Byte().Draw(t, "weight")}
}

func anyFlow(t *rapid.T) *flow.Flow {
	f := &flow.Flow{ID: flow.NewID(), Kind: flow.Kind(rapid.IntRange(0, 1).Draw(t, "kind")), Client: anyConn(t), Server: anyConn(t),
		RequestBody: anyBody(t), ResponseBody: anyBody(t), Start: anyTime().Draw(t, "start"), End: anyTime().Draw(t, "end"),
		Marker: octets(9).Draw(t, "marker"), Comment: octets(9).Draw(t, "comment"),
		Outcome: flow.Outcome{Kind: flow.OutcomeKind(rapid.IntRange(0, 9).Draw(t, "outcome")), Bytes: rapid.Int64().Draw(t, "bytes"), Phase: octets(9).Draw(t, "phase"), Text: octets(30).Draw(t, "text")}}
	if rapid.Bool().Draw(t, "request") {
		f.Request = &flow.Request{Message: anyMessage(t), Method: octets(9).Draw(t, "method"), Scheme: octets(9).Draw(t, "scheme"), Host: octets(9).Draw(t, "host"),
			Port: rapid.Uint16().Draw(t, "port"), Authority: octets(9).Draw(t, "authority"), Path: octets(99).Draw(t, "path"), Form: flow.Form(rapid.IntRange(0, 3).Draw(t, "form")), Pseudos: octets(5).Draw(t, "pseudos")}
		if rapid.Bool().Draw(t, "priority") {
			p := anyPriority(t)
			f.Request.Priority = &p
		}
	}
	response := func() flow.Response {
		return flow.Response{Message: anyMessage(t), Status: rapid.IntRange(0, 999).Draw(t, "status"), Reason: octets(20).Draw(t, "reason")}
	}
	if rapid.Bool().Draw(t, "response") {
		r := response()
		f.Response = &r
	}
	for range rapid.IntRange(0, 2).Draw(t, "parts") {
		f.Interim = append(f.Interim, response())
		f.Tries = append(f.Tries, flow.Try{Address: octets(9).Draw(t, "address"), Start: anyTime().Draw(t, "start"), Reused: rapid.Bool().Draw(t, "reused"), Error: octets(9).Draw(t, "error")})
		f.Findings = append(f.Findings, flow.Finding{Code: octets(9).Draw(t, "code"), Text: octets(9).Draw(t, "text")})
	}
	if rapid.Bool().Draw(t, "changed") {
		f.Before = &flow.Before{By: []string{"by " + octets(9).Draw(t, "by")}, Request: f.Request, Response: f.Response}
		if p := []byte(octets(300).Draw(t, "original")); len(p) > 0 {
			f.Before.RequestBody = &flow.Original{Size: int64(len(p)), Octets: p, SHA256: []byte("sum")}
			f.Before.ResponseBody = &flow.Original{Size: rapid.Int64().Draw(t, "size")}
		}
	}
	if rapid.Bool().Draw(t, "metadata") {
		f.Metadata = map[string]string{"a": "b", octets(9).Draw(t, "key"): octets(9).Draw(t, "value")}
	}
	return f
}

// Every picture is read as it was written.
func TestPicturesAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFlow(t)
		pic, err := decodePicture(appendFlow(nil, f, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(pic.flow, f) {
			t.Fatalf("\n got %+v\nwant %+v", pic.flow, f)
		}
	})
}

// Whatever is recorded in whatever order of pieces, flushes, drops, and new
// starts of the store is read back octet for octet, by range too.
func TestRecordedIsRead(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "s")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		cfg := Config{bodiesRoll: 512 << 10, headsRoll: 8 << 10}
		s, err := Open(filepath.Join(dir, "s"), cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := map[uint64]*[2][]byte{}
		open := map[uint64]*Record{}
		start := func(*rapid.T) {
			r := s.Start()
			if want[r.Number()] != nil {
				t.Fatalf("number %d was given twice", r.Number())
			}
			r.Head(exchange(1), flow.ToServer)
			want[r.Number()], open[r.Number()] = new([2][]byte), r
		}
		pick := func(t *rapid.T) *Record {
			for n := range open {
				return open[n]
			}
			t.Skip("none is open")
			return nil
		}
		fill := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"start": start,
			"piece": func(t *rapid.T) {
				r := pick(t)
				side := flow.Side(rapid.IntRange(0, 1).Draw(t, "side"))
				fill++
				p := bytes.Repeat([]byte{fill}, rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 400_000)).Draw(t, "size"))
				r.Piece(side, p)
				w := want[r.Number()]
				w[side] = append(w[side], p...)
			},
			"end": func(t *rapid.T) {
				r := pick(t)
				f := completed(answered(exchange(1), 0))
				f.ResponseBody.Sent = int64(len(want[r.Number()][1]))
				r.End(f)
				delete(open, r.Number())
			},
			"flush": func(*rapid.T) { s.Flush() },
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				clear(open)
				if s, err = Open(filepath.Join(dir, "s"), cfg); err != nil {
					t.Fatal(err)
				}
			},
		})
		s.Flush()
		defer s.Close()
		r, err := OpenReader(filepath.Join(dir, "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for n, sides := range want {
			for i, w := range sides {
				b, err := r.Body(t.Context(), n, flow.Side(i))
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(w))
				from := rapid.IntRange(0, len(w)).Draw(t, "from")
				if _, err := b.ReadAt(got[from:], int64(from)); err != nil && from < len(w) || b.Size() != int64(len(w)) || !bytes.Equal(got[from:], w[from:]) {
					t.Fatalf("flow %d, %v: %d octets, want %d, from %d: %v", n, flow.Side(i), b.Size(), len(w), from, err)
				}
				b.Close()
			}
		}
	})
}
