package message

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// whole is a message or gap with its parts joined.
type whole struct {
	Offset     int64
	Raw        string
	What       What
	Unfinished bool
}

// split runs octets through a splitter, cut after each of cuts, and joins parts
// and neighbouring gaps. It fails where the order of parts is wrong.
func split(t interface{ Fatalf(string, ...any) }, s *Splitter, pieces ...[]byte) []whole {
	var all []whole
	var at int64
	inside := false
	drain := func() {
		for {
			p, ok := s.Next()
			if !ok {
				return
			}
			if p.Offset != at {
				t.Fatalf("a piece at %d, expected it at %d", p.Offset, at)
			}
			if p.Part.Begins() == inside {
				t.Fatalf("at %d: part %d while inside is %v", at, p.Part, inside)
			}
			inside = !p.Part.Ends()
			at += int64(len(p.Raw))
			if n := len(all); n > 0 && (!p.Part.Begins() || p.What != Message && all[n-1].What == p.What) {
				all[n-1].Raw += string(p.Raw)
				all[n-1].Unfinished = p.Unfinished
				continue
			}
			all = append(all, whole{p.Offset, string(p.Raw), p.What, p.Unfinished})
		}
	}
	for _, p := range pieces {
		s.Write(p)
		drain()
	}
	s.End()
	drain()
	if inside {
		t.Fatalf("a message without a last part")
	}
	return all
}

// shorthand writes pieces as |message|, (gap), {lost}, with ! for unfinished.
func shorthand(all []whole) string {
	var b strings.Builder
	for _, w := range all {
		q := fmt.Sprintf("%q", w.Raw)
		q = q[1 : len(q)-1]
		switch w.What {
		case Message:
			b.WriteString("|" + q)
			if w.Unfinished {
				b.WriteString("!")
			}
			b.WriteString("|")
		case Gap:
			b.WriteString("(" + q + ")")
		case Lost:
			b.WriteString("{" + q + "}")
		}
	}
	return b.String()
}

func aws(headers, payload string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(awsOverhead+len(headers)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers...), payload...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

var cases = []struct {
	kind     Kind
	boundary string
	in, want string
}{
	{SSE, "", "", ""},
	{SSE, "", "data: a\n\ndata: b\n\n", `|data: a\n\n||data: b\n\n|`},
	{SSE, "", "data: a\r\n\r\ndata: b\r\n\r\n", `|data: a\r\n\r|(\n)|data: b\r\n\r|(\n)`},
	{SSE, "", "data: a\r\rdata: b\r\r", `|data: a\r\r||data: b\r\r|`},
	{SSE, "", "data: a\rdata: b\r\n\n", `|data: a\rdata: b\r\n\n|`},
	{SSE, "", "\n\r\n\rdata: a\n\n\n\n", `(\n\r\n\r)|data: a\n\n|(\n\n)`},
	{SSE, "", "\xef\xbb\xbfdata: a\n\n", `(\ufeff)|data: a\n\n|`},
	{SSE, "", "\xef\xbbdata: a\n\n", `|\xef\xbbdata: a\n\n|`},
	{SSE, "", "\xef\xbb", `|\xef\xbb!|`},
	{SSE, "", "data: " + strings.Repeat("x", stretch-6) + "\n\n" + strings.Repeat("x", stretch) + "\r\r",
		"|data: " + strings.Repeat("x", stretch-6) + `\n\n||` + strings.Repeat("x", stretch) + `\r\r|`},
	{SSE, "", ": ping\n\n", `|: ping\n\n|`},
	{SSE, "", "data: a\n", `|data: a\n!|`},
	{SSE, "", "data: a\n\ndata: b", `|data: a\n\n||data: b!|`},
	{NDJSON, "", "{}\n\n[1]\r\n \r\n2", `|{}\n|(\n)|[1]\r\n|( \r\n)|2|`},
	{JSONSeq, "", "x\x1e{\"a\":\n1}\n\x1e2\n\x1e\x1e\"\\\"\n\x1e[1", `(x\x1e)|{\"a\":\n1}\n|(\x1e)|2\n|(\x1e\x1e)|\"\\\"\n|(\x1e)|[1!|`},
	{JSONSeq, "", "\x1e{}\n\n\x1e[]", `(\x1e)|{}\n|(\n\x1e)|[]|`},
	{GRPC, "", "\x00\x00\x00\x00\x02ab\x01\x00\x00\x00\x00", `|\x00\x00\x00\x00\x02ab||\x01\x00\x00\x00\x00|`},
	{GRPC, "", "\x00\x00\x00\x00\x02a", `|\x00\x00\x00\x00\x02a!|`},
	{GRPC, "", "\x00\x00\x00", `|\x00\x00\x00!|`},
	{GRPC, "", "\x00\x00\x00\x00\x00<html>", `|\x00\x00\x00\x00\x00|{<html>}`},
	{GRPCWeb, "", "\x80\x00\x00\x00\x01a", `|\x80\x00\x00\x00\x01a|`},
	{Connect, "", "\x02\x00\x00\x00\x02{}", `|\x02\x00\x00\x00\x02{}|`},
	{AWS, "", "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff!", `|\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff||!!|`},
	{AWS, "", "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xec", `{\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xec}`},
	{Multipart, "b", "pre\r\n--b\r\nA: 1\r\n\r\nx\r\n--b\r\n\r\n\r\n--b--\r\nend", `(pre\r\n)|--b\r\nA: 1\r\n\r\nx\r\n||--b\r\n\r\n\r\n|(--b--\r\nend)`},
	{Multipart, "b", "--b\r\nContent-Length: 5\r\n\r\n\r\n--b\r\n--b\r\nContent-Length: 1\r\n\r\nxyz\r\n--b--", `|--b\r\nContent-Length: 5\r\n\r\n\r\n--b|(\r\n)|--b\r\nContent-Length: 1\r\n\r\nx|(yz\r\n--b--)`},
	{Multipart, "--b", "--b\n\nx\n--b\n\ny", `|--b\n\nx\n||--b\n\ny!|`},
	{Multipart, "b", "--bad\n--b\n\n--b\n\nx\n--bad\n--b--", `(--bad\n)|--b\n\n||--b\n\nx\n--bad\n|(--b--)`},
}

func TestPieces(t *testing.T) {
	for _, c := range cases {
		s := New(c.kind, c.boundary, 0)
		if got := shorthand(split(t, s, []byte(c.in))); got != c.want {
			t.Errorf("%v %q:\n got %s\nwant %s", c.kind, c.in, got, c.want)
		}
		bytewise := split(t, New(c.kind, c.boundary, 0), bytesOf(c.in)...)
		if got := shorthand(bytewise); got != c.want {
			t.Errorf("%v %q octet by octet:\n got %s\nwant %s", c.kind, c.in, got, c.want)
		}
		small := split(t, New(c.kind, c.boundary, 1), bytesOf(c.in)...)
		if got := shorthand(small); got != c.want {
			t.Errorf("%v %q in parts:\n got %s\nwant %s", c.kind, c.in, got, c.want)
		}
	}
}

func bytesOf(s string) (all [][]byte) {
	for i := range len(s) {
		all = append(all, []byte{s[i]})
	}
	return all
}

// An event that ends in a lone CR is there at once.
func TestAnEventIsThereWithItsLastOctet(t *testing.T) {
	for _, in := range []string{"data: a\r\r", "data: a\r\n\r", "data: a\n\n", "data: a\r\n\n"} {
		s := New(SSE, "", 0)
		s.Write([]byte(in[:len(in)-1]))
		if p, ok := s.Next(); ok {
			t.Errorf("%q: %q before its end", in, p.Raw)
		}
		s.Write([]byte(in[len(in)-1:]))
		if p, ok := s.Next(); !ok || string(p.Raw) != in {
			t.Errorf("%q: got %q, %v", in, p.Raw, ok)
		}
	}
}

// A message above the limit passes in parts, and nothing of it is kept.
func TestALargeMessagePassesInParts(t *testing.T) {
	const limit, piece = 1000, 300
	for _, c := range []struct {
		kind       Kind
		head, tail string
	}{
		{SSE, "data: ", "\n\n"},
		{NDJSON, "[", "]\n"},
		{JSONSeq, "\x1e[", "]\n"},
		{GRPC, "\x00\x00\x01\x86\xa0", ""},
		{Multipart, "--b\n\n", "\n--b--"},
	} {
		s := New(c.kind, "b", limit)
		s.Write([]byte(c.head))
		total := 0
		last := Piece{}
		for range 100_000 / 200 {
			s.Write(bytes.Repeat([]byte("7"), 200))
			for {
				p, ok := s.Next()
				if !ok {
					break
				}
				total += len(p.Raw)
				last = p
			}
			if n := s.Buffered(); n > limit+piece {
				t.Fatalf("%v: %d octets are kept", c.kind, n)
			}
		}
		if total < 100_000-limit {
			t.Errorf("%v: only %d octets passed", c.kind, total)
		}
		s.Write([]byte(c.tail))
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			if p.What == Message {
				last = p
			}
		}
		if last.Part != Last {
			t.Errorf("%v: the last part is %d", c.kind, last.Part)
		}
	}
}

// body draws octets that look like a body of the kind, and are not always one.
func body(k Kind) *rapid.Generator[string] {
	words := map[Kind][]string{
		SSE:     {"data", "event", "id", ":", " ", "\n", "\r", "\r\n", "\n\n", "x", "\xef\xbb\xbf", "\x00"},
		NDJSON:  {"{}", "\n", "\r\n", " ", "[1,2]", "\"a\""},
		JSONSeq: {"\x1e", "{", "}", "[", "]", "\"", "\\", "\n", " ", "1", "true"},
		GRPC:    {"\x00\x00\x00\x00\x00", "\x01\x00\x00\x00\x03abc", "\x00\x00\x00\x00\x09", "x", "\x00"},
		Connect: {"\x00\x00\x00\x00\x00", "\x02\x00\x00\x00\x02{}", "\x00", "\x07"},
		AWS:     {aws("", ""), aws("", "payload"), aws("\x01a\x00", "x"), "\x00", "x"},
		Multipart: {"--b", "--b\r\n", "\r\n", "\n", "--b--", "--", "Content-Length: 3\r\n\r\n", "Content-Length: 0\n\n", "x",
			"A: b\r\n\r\n", "--b\n\n"},
	}[k]
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 24).Draw(t, "words"), "")
	})
}

func TestAnyCutGivesTheSameAndNothingIsLost(t *testing.T) {
	for _, k := range []Kind{SSE, NDJSON, JSONSeq, GRPC, Connect, AWS, Multipart} {
		t.Run(k.String(), rapid.MakeCheck(func(t *rapid.T) {
			in := body(k).Draw(t, "body")
			want := split(t, New(k, "b", 0), []byte(in))
			var pieces [][]byte
			for rest := []byte(in); len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
				pieces = append(pieces, rest[:n])
				rest = rest[n:]
			}
			limit := rapid.IntRange(1, 64).Draw(t, "limit")
			got := split(t, New(k, "b", limit), pieces...)
			if shorthand(got) != shorthand(want) {
				t.Fatalf("cut: %s\nwhole: %s", shorthand(got), shorthand(want))
			}
			var all strings.Builder
			for _, w := range got {
				all.WriteString(w.Raw)
			}
			if all.String() != in {
				t.Fatalf("of %q came %q", in, all.String())
			}
		}))
	}
}

func FuzzSplit(f *testing.F) {
	for _, c := range cases {
		f.Add(uint8(c.kind)-1, []byte(c.in), 3, 1)
	}
	f.Fuzz(func(t *testing.T, kind uint8, in []byte, cut, limit int) {
		k := Kind(kind%uint8(Multipart)) + 1
		if cut < 1 || limit < 1 {
			return
		}
		want := split(t, New(k, "b", 0), in)
		var pieces [][]byte
		for rest := in; len(rest) > 0; {
			n := min(cut, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		got := split(t, New(k, "b", limit), pieces...)
		if shorthand(got) != shorthand(want) {
			t.Fatalf("cut: %s\nwhole: %s", shorthand(got), shorthand(want))
		}
		for _, w := range got {
			ParsePrefixed(k, []byte(w.Raw))
			ParseAWS([]byte(w.Raw))
			ParsePart([]byte(w.Raw))
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	for _, c := range []struct {
		name, message string
		kind          Kind
	}{
		{"tokens", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n", SSE},
		{"crlf", "event: delta\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\r\n\r\n", SSE},
		{"cr", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\r\r", SSE},
		{"ndjson", "{\"model\":\"demo\",\"response\":\"word\",\"done\":false}\n", NDJSON},
		{"sequence", "\x1e{\"model\":\"demo\",\"response\":\"word\",\"done\":false}\n", JSONSeq},
		{"grpc", "\x00\x00\x00\x00\x40" + strings.Repeat("x", 64), GRPC},
		{"pictures", "--b\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000) + "\r\n", Multipart},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := bytes.Repeat([]byte(c.message), 32<<10/len(c.message)+1)
			s := New(c.kind, "b", 0)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(in)
				for {
					if _, ok := s.Next(); !ok {
						break
					}
				}
			}
		})
	}
}
