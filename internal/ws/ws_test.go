package ws

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// frame makes a frame of one octet each of flags and opcode.
func frame(first byte, mask string, payload string) string {
	h := Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Opcode: Opcode(first & 15), Length: int64(len(payload))}
	p := []byte(payload)
	if mask != "" {
		h.Masked = true
		copy(h.Mask[:], mask)
		Cipher(p, h.Mask, 0)
	}
	return string(append(AppendHeader(nil, h), p...))
}

func unhex(s string) string {
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(p)
}

// split gives in in pieces of the given size and returns what comes of it.
func split(in string, d Deflate, limit int, piece func() int) (all []string) {
	s := NewSplitter(d, limit)
	defer s.Close()
	drain := func() {
		for m, ok := s.Next(); ok; m, ok = s.Next() {
			text := fmt.Sprintf("%s@%d+%d/%d %q", m.Opcode, m.Offset, m.Wire, m.Frames, m.Payload)
			if m.Cut() {
				text += fmt.Sprintf(" of %d", m.Length)
			}
			if m.Compressed {
				text += " z"
			}
			if m.Unfinished {
				text += " unfinished"
			}
			if m.Err != nil {
				text += " " + m.Err.Error()
			}
			all = append(all, text)
		}
	}
	for rest := in; rest != ""; {
		n := min(piece(), len(rest))
		s.Write([]byte(rest[:n]))
		drain()
		rest = rest[n:]
	}
	s.End()
	drain()
	if err := s.Err(); err != nil {
		all = append(all, "error "+err.Error())
	}
	return all
}

// deflated compresses messages with one window.
func deflated(messages ...string) (all []string) {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.DefaultCompression)
	for _, m := range messages {
		z.Write([]byte(m))
		z.Flush()
		all = append(all, strings.TrimSuffix(b.String(), string(tail)))
		b.Reset()
	}
	return all
}

func TestSplitter(t *testing.T) {
	on := Deflate{On: true}
	z := deflated("one two three", "one two three", "one two three four")
	large := strings.Repeat("0123456789", 20)
	zl := deflated(strings.Repeat("a", 5000), "aaaaaaaa")
	for _, c := range []struct {
		name  string
		in    string
		d     Deflate
		limit int
		want  string // separated by |
	}{
		{"nothing", "", on, 0, ""},
		{"text", unhex("81 05 48 65 6c 6c 6f"), Deflate{}, 0, `text@0+7/1 "Hello"`},
		{"masked text", unhex("81 85 37 fa 21 3d 7f 9f 4d 51 58"), Deflate{}, 0, `text@0+11/1 "Hello"`},
		{"fragments", unhex("01 03 48 65 6c 80 02 6c 6f"), Deflate{}, 0, `text@0+9/2 "Hello"`},
		{"a ping between", frame(1, "", "a") + frame(0x89, "", "p") + frame(0x80, "", "b"), Deflate{}, 0, `ping@3+3/1 "p"|text@0+6/2 "ab"`},
		{"empty ones", frame(0x81, "", "") + frame(0x82, "mask", "") + frame(0x8a, "", ""), Deflate{}, 0, `text@0+2/1 ""|binary@2+6/1 ""|pong@8+2/1 ""`},
		{"empty fragments", frame(2, "", "") + frame(0, "", "") + frame(0x80, "", ""), Deflate{}, 0, `binary@0+6/3 ""`},
		{"16 bit length", frame(0x82, "", large), Deflate{}, 0, `binary@0+204/1 "` + large + `"`},
		{"limit", frame(0x82, "abcd", large), Deflate{}, 10, `binary@0+208/1 "0123456789" of 200`},
		{"close", frame(0x88, "", string(AppendClose(nil, 1000, "bye"))), Deflate{}, 0, `close@0+7/1 "\x03\xe8bye"`},
		{"RFC 7692 7.2.3.1", unhex("c1 07 f2 48 cd c9 c9 07 00"), on, 0, `text@0+9/1 "Hello" z`},
		{"RFC 7692 7.2.3.1 in fragments", unhex("41 03 f2 48 cd 80 04 c9 c9 07 00"), on, 0, `text@0+11/2 "Hello" z`},
		{"RFC 7692 7.2.3.2", unhex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00"), on, 0, `text@0+9/1 "Hello" z|text@9+7/1 "Hello" z`},
		{"RFC 7692 7.2.3.3", unhex("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00"), on, 0, `text@0+13/1 "Hello" z`},
		{"RFC 7692 7.2.3.4", unhex("c1 08 f3 48 cd c9 c9 07 00 00 c1 05 f2 00 11 00 00"), on, 0, `text@0+10/1 "Hello" z|text@10+7/1 "Hello" z`},
		{"RFC 7692 7.2.3.5", unhex("c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00"), on, 0, `text@0+15/1 "Hello" z`},
		{"one window", frame(0xc1, "", z[0]) + frame(0xc1, "m4sk", z[1]) + frame(0x81, "", "plain") + frame(0xc1, "", z[2]), on, 0,
			fmt.Sprintf(`text@0+%d/1 "one two three" z|text@%d+%d/1 "one two three" z|text@%d+7/1 "plain"|text@%d+%d/1 "one two three four" z`,
				len(z[0])+2, len(z[0])+2, len(z[1])+6, len(z[0])+len(z[1])+8, len(z[0])+len(z[1])+15, len(z[2])+2)},
		{"a window that is not kept", frame(0xc1, "", z[0]) + frame(0xc1, "", z[1]) + frame(0xc1, "", z[0]), Deflate{On: true, NoContext: true}, 0,
			fmt.Sprintf(`text@0+%d/1 "one two three" z|text@%d+%d/1 "" z %v|text@%d+%d/1 "one two three" z`,
				len(z[0])+2, len(z[0])+2, len(z[1])+2, errDeflate, len(z[0])+len(z[1])+4, len(z[0])+2)},
		{"inflated past the limit", frame(0xc2, "", zl[0]) + frame(0xc2, "", zl[1]), on, 4,
			fmt.Sprintf(`binary@0+%d/1 "aaaa" of 5000 z|binary@%d+%d/1 "aaaa" of 8 z`, len(zl[0])+2, len(zl[0])+2, len(zl[1])+2)},
		{"empty and compressed", unhex("c1 01 00"), on, 0, `text@0+3/1 "" z`},
		{"not DEFLATE", frame(0xc1, "", "\xff\xff\xff"), on, 0, fmt.Sprintf(`text@0+5/1 "" z %v`, errDeflate)},
		{"unfinished", frame(1, "", "ab") + frame(0x89, "", "p") + "\x80\x05c", Deflate{}, 0, `ping@4+3/1 "p"|text@0+11/2 "abc" unfinished`},
		{"unfinished control", frame(1, "", "ab") + "\x89\x05c", Deflate{}, 0, `ping@4+7/1 "c" unfinished|text@0+4/1 "ab" unfinished`},
		{"unfinished head", frame(0x81, "", "ab") + "\x82", Deflate{}, 0, `text@0+4/1 "ab"`},
		{"compressed without the extension", frame(0xc1, "", "x"), Deflate{}, 0, "error byte 0: a frame has a reserved bit that no extension stands for"},
		{"RSV2", frame(0x81, "", "x") + frame(0xa1, "", "x"), on, 0, `text@0+3/1 "x"|error byte 3: a frame has a reserved bit that no extension stands for`},
		{"reserved opcode", frame(0x83, "", ""), on, 0, "error byte 0: a frame has the reserved opcode 3"},
		{"reserved control", frame(0x8b, "", ""), on, 0, "error byte 0: a frame has the reserved opcode 11"},
		{"fragmented ping", frame(0x09, "", ""), on, 0, "error byte 0: a ping frame is fragmented"},
		{"large pong", frame(0x8a, "", large), on, 0, "error byte 0: a pong frame has 200 bytes, and 125 is the most"},
		{"compressed ping", frame(0xc9, "", ""), on, 0, "error byte 0: a ping frame is marked as compressed"},
		{"compressed continuation", frame(1, "", "a") + frame(0xc0, "", ""), on, 0, `text@0+3/1 "a" unfinished|error byte 3: a frame that continues a message is marked as compressed`},
		{"no beginning", frame(0x80, "", "x"), on, 0, "error byte 0: a frame continues a message that has not begun"},
		{"two beginnings", frame(1, "", "a") + frame(0x81, "", "b"), on, 0, `text@0+3/1 "a" unfinished|error byte 3: a message begins inside another one`},
		{"length", unhex("82 7f 80 00 00 00 00 00 00 00"), on, 0, "error byte 0: a frame's length has its first bit set"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", Deflate{}, 0, "error byte 0: a frame has a reserved bit that no extension stands for"},
	} {
		for _, size := range []int{1 << 20, 1, 3} {
			if got := strings.Join(split(c.in, c.d, c.limit, func() int { return size }), "|"); got != c.want {
				t.Errorf("%s, in pieces of %d:\n got %s\nwant %s", c.name, size, got, c.want)
			}
		}
	}
}

// However the octets are cut, the messages are the same.
func TestAnyCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Deflate{On: rapid.Bool().Draw(t, "deflate"), NoContext: rapid.Bool().Draw(t, "no context")}
		var in, want []string
		var b bytes.Buffer
		z, _ := flate.NewWriter(&b, 6)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(1, 6).Draw(t, "messages") {
			payload := strings.Repeat(rapid.StringN(0, 40, -1).Draw(t, "text"), rapid.SampledFrom([]int{1, 3, 2000}).Draw(t, "times"))
			first, wire := byte(1), payload
			if d.On && random.IntN(4) > 0 {
				if d.NoContext {
					z.Reset(&b)
				}
				z.Write([]byte(payload))
				z.Flush()
				first, wire = 0x41, strings.TrimSuffix(b.String(), string(tail))
				b.Reset()
			}
			mask := rapid.SampledFrom([]string{"", "mask"}).Draw(t, "mask")
			for n := random.IntN(3); n > 0; n-- {
				k := random.IntN(len(wire) + 1)
				in = append(in, frame(first, mask, wire[:k]), frame(0x89, mask, "ping"))
				want = append(want, "ping ping")
				first, wire = 0, wire[k:]
			}
			in, want = append(in, frame(first|0x80, mask, wire)), append(want, "text "+payload)
		}
		s := NewSplitter(d, 10<<20)
		defer s.Close()
		var got []string
		for rest := []byte(strings.Join(in, "")); len(rest) > 0; {
			n := min(1+random.IntN(1<<random.IntN(16)), len(rest))
			s.Write(rest[:n])
			for m, ok := s.Next(); ok; m, ok = s.Next() {
				if m.Err != nil || m.Unfinished {
					t.Fatalf("%+v", m)
				}
				got = append(got, m.Opcode.String()+" "+string(m.Payload))
			}
			rest = rest[n:]
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || !s.Between() {
			t.Fatalf("got %.300q\nwant %.300q; %v", got, want, s.Err())
		}
	})
}

func TestAgreed(t *testing.T) {
	for _, c := range []struct {
		in             string
		client, server Deflate
		others         string
	}{
		{"", Deflate{}, Deflate{}, ""},
		{"permessage-deflate", Deflate{On: true}, Deflate{On: true}, ""},
		{`Permessage-Deflate ; client_no_context_takeover;server_max_window_bits="9"`, Deflate{On: true, NoContext: true}, Deflate{On: true, Bits: 9}, ""},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits=12", Deflate{On: true, Bits: 12}, Deflate{On: true, NoContext: true}, ""},
		{"permessage-deflate; client_max_window_bits=99", Deflate{On: true}, Deflate{On: true}, ""},
		{"bbf-usp-protocol, permessage-deflate", Deflate{On: true}, Deflate{On: true}, "bbf-usp-protocol"},
		{"permessage-deflate, permessage-deflate", Deflate{On: true}, Deflate{On: true}, "permessage-deflate"},
	} {
		client, server, others := Agreed(c.in)
		if client != c.client || server != c.server || strings.Join(others, ",") != c.others {
			t.Errorf("%s: %+v %+v %v", c.in, client, server, others)
		}
	}
}

func TestClosing(t *testing.T) {
	for _, c := range []struct {
		in     string
		code   int
		reason string
	}{{"", NoStatus, ""}, {"\x03\xe8", 1000, ""}, {"\x0f\xa0over", 4000, "over"}, {"\x03", NoStatus, ""}} {
		code, reason := ParseClose([]byte(c.in))
		if code != c.code || reason != c.reason {
			t.Errorf("%q: %d %q", c.in, code, reason)
		}
		if back := string(AppendClose(nil, code, reason)); back != c.in && len(c.in) != 1 {
			t.Errorf("%q became %q", c.in, back)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"", "\x81\x05", "\x82\x7e\x01\x00", "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00mask", "\x82\x7f\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, n, err := ParseHeader(p)
		if err != nil || n == 0 {
			if n != 0 || err == nil && len(p) >= MaxHeader {
				t.Fatalf("%x: %d %v", p, n, err)
			}
			return
		}
		q := AppendHeader(nil, h)
		if again, m, err := ParseHeader(q); again != h || m != len(q) || m > n || err != nil {
			t.Fatalf("%x: %+v, again %+v %v", p, h, again, err)
		}
	})
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte(frame(1, "", "a")+frame(0x89, "mask", "p")+frame(0x80, "", "b")), 2)
	f.Add([]byte(unhex("c1 08 f3 48 cd c9 c9 07 00 00 c1 05 f2 00 11 00 00")), 3)
	f.Fuzz(func(t *testing.T, p []byte, n int) {
		d := Deflate{On: true, NoContext: n&1 != 0}
		n = max(1, min(n&0xff, 100))
		whole := split(string(p), d, 100, func() int { return len(p) })
		if cut := split(string(p), d, 100, func() int { return n }); fmt.Sprint(cut) != fmt.Sprint(whole) {
			t.Fatalf("in pieces of %d %q\nwhole %q", n, cut, whole)
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	in := []byte(strings.Repeat(frame(0x81, "mask", strings.Repeat("x", 100)), 100))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	s := NewSplitter(Deflate{}, 0)
	for b.Loop() {
		s.Write(in)
		for _, ok := s.Next(); ok; _, ok = s.Next() {
		}
	}
}

// What is compressed by itself is read with any window that was agreed on, also
// by a receiver that keeps one.
func TestDeflater(t *testing.T) {
	for _, d := range []Deflate{{}, {On: true}, {On: true, Bits: 8}, {On: true, NoContext: true, Bits: 9}} {
		var f Deflater
		s := NewSplitter(d, 0)
		for _, text := range []string{"Hello", "", "Hello", strings.Repeat("ab", 200), strings.Repeat("ab", 20_000), "Hello"} {
			p, compressed := f.Message(d, []byte(text))
			if limit := 1 << max(d.Bits, 15*(1-min(1, d.Bits))); compressed != (d.On && len(text) <= limit) {
				t.Errorf("%+v: %d octets: compressed %v", d, len(text), compressed)
			}
			first := byte(0x81)
			if compressed {
				first |= 0x40
			}
			s.Write([]byte(frame(first, "", string(p))))
			if m, ok := s.Next(); !ok || string(m.Payload) != text || m.Err != nil || m.Compressed != compressed {
				t.Errorf("%+v: %.20q became %+v", d, text, m)
			}
		}
		s.Close()
	}
}

// Steps take every octet once, and never those of two frames; the tap has every
// message whole.
func TestSteps(t *testing.T) {
	z := deflated(strings.Repeat("x", 3000), "y")
	frames := []string{frame(1, "mask", "a"), frame(0x89, "", "ping"), frame(0x80, "", ""), frame(0xc1, "mask", z[0]), frame(0xc1, "", z[1]), frame(0x88, "", "")}
	whole := strings.Join(frames, "")
	for size := 1; size <= len(whole); size++ {
		s := NewSplitter(Deflate{On: true}, 10)
		tapped := ""
		s.Tap = func(p []byte) { tapped += string(p) }
		var got []string
		part := ""
		for rest := whole; rest != ""; {
			in := rest[:min(size, len(rest))]
			rest = rest[len(in):]
			s.Write([]byte(in))
			for in != "" {
				step := s.Step()
				part += in[:step.N]
				if in = in[step.N:]; step.Ends {
					got = append(got, part)
					part = ""
				}
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", frames) || tapped != "a"+strings.Repeat("x", 3000)+"y" || s.Err() != nil {
			t.Fatalf("in pieces of %d: %q, tapped %d, %v", size, got, len(tapped), s.Err())
		}
		s.Close()
	}
}

// A scanner finds messages where a splitter does, wherever the octets are cut.
func TestScanner(t *testing.T) {
	var wire []byte
	for i, f := range []Header{{Fin: true, Opcode: Text}, {Opcode: Binary, Masked: true, Mask: [4]byte{1, 2, 3, 4}}, {Fin: true, Opcode: Ping}, {Opcode: Continuation},
		{Fin: true, Opcode: Continuation}, {Fin: true, Opcode: Text, RSV: RSV1}, {Fin: true, Opcode: Close}} {
		f.Length = []int64{0, 5, 125, 70000, 1, 7, 2}[i]
		wire = append(AppendHeader(wire, f), make([]byte, f.Length)...)
	}
	find := func(s *Splitter, step int) (list []string) {
		defer s.Close()
		for p := range slices.Chunk(wire, step) {
			s.Write(p)
			for m, ok := s.Next(); ok; m, ok = s.Next() {
				list = append(list, fmt.Sprint(m.Opcode, m.Offset, m.Wire, m.Frames, m.Compressed))
			}
		}
		return list
	}
	want := find(NewSplitter(Deflate{On: true}, 0), len(wire))
	if len(want) != 5 {
		t.Fatal(want)
	}
	for _, step := range []int{1, 3, 1000, len(wire)} {
		if got := find(NewScanner(Deflate{On: true}), step); !slices.Equal(got, want) {
			t.Errorf("in steps of %d: %v, want %v", step, got, want)
		}
	}
}

// Behind any message a direction can be read on from there, with what Window was.
func TestResume(t *testing.T) {
	var in string
	for i, p := range deflated("one message", "one message more", "", strings.Repeat("a long message ", 5000), "one message", "the last message") {
		in += frame(0xc1, "mask", p)
		if i%2 == 0 {
			in += frame(0x81, "mask", "not compressed") + frame(0x41, "", deflated("by itself")[0]) + frame(0x89, "", "ping") + frame(0x80, "", "")
		}
	}
	d := Deflate{On: true}
	type place struct {
		at     int64
		window string
	}
	places := []place{{}}
	s := NewSplitter(d, 0)
	defer s.Close()
	s.Write([]byte(in))
	for _, ok := s.Next(); ok; _, ok = s.Next() {
		if s.Inside() {
			places = append(places, place{at: -1})
			continue
		}
		w := s.Window()
		if w == nil || len(w) > window {
			t.Fatalf("at byte %d a window of %d octets", s.Offset(), len(w))
		}
		places = append(places, place{s.Offset(), string(w)})
	}
	whole := split(in, d, 0, func() int { return 1 << 20 })
	if len(places) != len(whole)+1 {
		t.Fatalf("%d places for %d messages", len(places), len(whole))
	}
	for i, p := range places {
		if p.at < 0 {
			continue
		}
		s := NewSplitter(d, 0)
		s.Resume([]byte(p.window))
		s.Write([]byte(in[p.at:]))
		for ; i < len(whole); i++ {
			m, ok := s.Next()
			if want := whole[i]; !ok || !strings.Contains(want, fmt.Sprintf("%q", m.Payload)) || m.Err != nil || !strings.HasPrefix(want, fmt.Sprintf("%s@%d+", m.Opcode, m.Offset+p.at)) {
				t.Fatalf("from byte %d on: %+v, want %s", p.at, m, want)
			}
		}
		s.Close()
	}
	// What cannot be inflated cannot be gone on from.
	s = NewSplitter(d, 0)
	defer s.Close()
	s.Write([]byte(frame(0xc1, "", "\xff\xff\xff")))
	if m, ok := s.Next(); !ok || m.Err == nil || s.Window() != nil {
		t.Errorf("%+v, window %q", m, s.Window())
	}
}
