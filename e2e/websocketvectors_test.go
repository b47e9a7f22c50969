package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"midstream/internal/ws"
)

// A vector is one conversation: what an end says, and what a judge at the other
// end makes of it.
type vector struct {
	name  string
	steps func(e *wsEnd) []step
	// code is that of the judge's close frame; 0 for none.
	code int
	// broken tells that what is said has no frames any more from some octet on;
	// noText that a text message is none.
	broken, noText bool
	// offer is what the client offers as extension, agreed what the origin takes.
	offer, agreed string
}

// A step sends octets in one write, may end the direction, and then waits until
// so many frames have come.
type step struct {
	send  []byte
	half  bool
	await int
}

// wsFrames are frames for say: the first octet, and the payload.
type wsFrames []struct {
	first   byte
	payload string
}

// say makes steps of frames, each in a write of its own, and a close frame.
func say(all wsFrames) func(e *wsEnd) []step {
	return func(e *wsEnd) []step {
		var steps []step
		for _, f := range all {
			steps = append(steps, step{send: e.frame(f.first, f.payload)})
		}
		return append(steps, step{send: e.frame(0x88, "\x03\xe8")})
	}
}

// chopped sends the same in writes of n octets.
func chopped(n int, of func(e *wsEnd) []step) func(e *wsEnd) []step {
	return func(e *wsEnd) []step {
		var steps []step
		for _, s := range of(e) {
			for p := range slices.Chunk(s.send, n) {
				steps = append(steps, step{send: p})
			}
		}
		return steps
	}
}

// single sends the same in one write.
func single(of func(e *wsEnd) []step) func(e *wsEnd) []step {
	return func(e *wsEnd) []step {
		var all []byte
		for _, s := range of(e) {
			all = append(all, s.send...)
		}
		return []step{{send: all}}
	}
}

// threeWays adds a vector in writes a frame, in one write, and in small ones.
func threeWays(to *[]vector, v vector) {
	steps := v.steps
	for name, as := range map[string]func(e *wsEnd) []step{"": steps, " in one write": single(steps), " octet by octet": chopped(1, steps)} {
		w := v
		w.name, w.steps = v.name+name, as
		*to = append(*to, w)
	}
}

// webSocketVectors has vectors of every class of case of the known fuzzing suite,
// by its numbers.
func webSocketVectors() []vector {
	var all []vector
	framing(&all)
	reserved(&all)
	fragments(&all)
	texts(&all)
	closes(&all)
	limits(&all)
	compression(&all)
	return all
}

func framing(all *[]vector) {
	for _, first := range []byte{0x81, 0x82} {
		for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
			v := vector{name: fmt.Sprintf("1 framing, %x of %d", first, n), code: 1000, steps: say(wsFrames{{first, strings.Repeat("*", n)}})}
			*all = append(*all, v)
		}
		*all = append(*all, vector{name: fmt.Sprintf("1 framing, %x of 65536 in writes of 997", first), code: 1000, steps: chopped(997, say(wsFrames{{first, strings.Repeat("*", 65536)}}))})
	}
	for name, f := range map[string]wsFrames{
		"no payload": {{0x89, ""}}, "a payload": {{0x89, "Hello, world!"}}, "a binary payload": {{0x89, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"}},
		"125 octets": {{0x89, strings.Repeat("\xfe", 125)}}, "a pong nobody asked for": {{0x8a, ""}}, "such a pong with a payload": {{0x8a, "unsolicited"}},
		"such a pong and a ping": {{0x8a, "unsolicited"}, {0x89, "ping"}}, "ten pings": {{0x89, "0"}, {0x89, "1"}, {0x89, "2"}, {0x89, "3"}, {0x89, "4"}, {0x89, "5"}, {0x89, "6"}, {0x89, "7"}, {0x89, "8"}, {0x89, "9"}},
	} {
		threeWays(all, vector{name: "2 pings, " + name, code: 1000, steps: say(f)})
	}
	threeWays(all, vector{name: "2 pings, 126 octets", code: 1002, broken: true, steps: say(wsFrames{{0x89, strings.Repeat("\xfe", 126)}})})
	// A mask where none may be, none where one must be, and lengths not in their
	// shortest form are for the judge.
	*all = append(*all, vector{name: "1 framing, the mask of the other side", code: 1002, steps: func(e *wsEnd) []step {
		other := wsEnd{mask: !e.mask}
		return []step{{send: other.frame(0x81, "one")}}
	}}, vector{name: "1 framing, lengths longer than need be", code: 1000, steps: func(e *wsEnd) []step {
		mask, text := byte(0), "long"
		var key string
		if e.mask {
			mask, key = 0x80, "\x00\x00\x00\x00"
		}
		return []step{{send: append([]byte{0x81, mask | 126, 0, 4}, key+text...)}, {send: []byte{0x82, mask | 127, 0, 0, 0, 0, 0, 0, 0, 4}},
			{send: []byte(key + text)}, {send: e.frame(0x88, "\x03\xe8")}}
	}}, vector{name: "1 framing, a length with its first bit set", code: 1002, broken: true, steps: func(e *wsEnd) []step {
		mask := byte(0)
		if e.mask {
			mask = 0x80
		}
		return []step{{send: append([]byte{0x82, mask | 127, 0x80, 0, 0, 0, 0, 0, 0, 1}, "\x00\x00\x00\x00x"...)}}
	}})
}

func reserved(all *[]vector) {
	for rsv := byte(1); rsv < 8; rsv++ {
		bits := rsv << 4
		for name, f := range map[string]wsFrames{
			"alone": {{0x81 | bits, "small"}}, "behind a message, a ping behind it": {{0x81, "small"}, {0x81 | bits, "small"}, {0x89, ""}},
			"on a binary frame": {{0x82 | bits, "small"}}, "on a ping": {{0x89 | bits, "ping"}}, "on a close frame": {{0x88 | bits, "\x03\xe8"}},
			"on a continuation": {{0x01, "sm"}, {0x80 | bits, "all"}},
		} {
			threeWays(all, vector{name: fmt.Sprintf("3 reserved bits, %d %s", rsv, name), code: 1002, broken: true, steps: say(f)})
		}
	}
	for _, o := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for name, f := range map[string]wsFrames{
			"alone": {{0x80 | o, ""}}, "with a payload": {{0x80 | o, "payload"}}, "behind a message, a ping behind it": {{0x81, "Hello"}, {0x80 | o, ""}, {0x89, ""}},
			"with a payload behind a message": {{0x81, "Hello"}, {0x80 | o, "payload"}, {0x89, ""}}, "within a message": {{0x01, "Hel"}, {0x80 | o, "?"}, {0x80, "lo"}},
		} {
			threeWays(all, vector{name: fmt.Sprintf("4 opcodes, %d %s", o, name), code: 1002, broken: true, steps: say(f)})
		}
	}
}

func fragments(all *[]vector) {
	for name, f := range map[string]wsFrames{
		"two": {{0x01, "one"}, {0x80, "two"}}, "a ping between": {{0x01, "one"}, {0x89, "ping"}, {0x80, "two"}}, "pings between many": {{0x02, "1"}, {0x89, "a"}, {0x00, "2"}, {0x89, "b"}, {0x00, ""}, {0x89, "c"}, {0x80, "3"}},
		"empty ones": {{0x01, ""}, {0x00, ""}, {0x80, ""}}, "empty but the middle": {{0x01, ""}, {0x00, "middle"}, {0x80, ""}},
		"two messages": {{0x01, "fragment1"}, {0x00, "fragment2"}, {0x89, "ping"}, {0x00, "fragment3"}, {0x89, "ping 2"}, {0x80, "fragment4"}, {0x01, "again"}, {0x80, "!"}},
	} {
		threeWays(all, vector{name: "5 fragments, " + name, code: 1000, steps: say(f)})
	}
	for name, f := range map[string]wsFrames{
		"of a ping": {{0x09, "pi"}, {0x80, "ng"}}, "of a pong": {{0x0a, "po"}, {0x80, "ng"}}, "of a close frame": {{0x08, "\x03\xe8"}},
		"of nothing, ended": {{0x80, "non"}, {0x81, "Hello"}}, "of nothing, open": {{0x00, "non"}, {0x81, "Hello"}}, "of nothing behind a message": {{0x81, "Hello"}, {0x00, "non"}, {0x80, "sense"}},
		"a message within one": {{0x01, "one"}, {0x81, "two"}}, "a binary one within a text": {{0x01, "one"}, {0x02, "two"}, {0x80, "three"}},
		"two begun": {{0x01, "fragment1"}, {0x80, "fragment2"}, {0x00, "fragment3"}, {0x01, "fragment4"}, {0x80, "fragment5"}},
	} {
		threeWays(all, vector{name: "5 fragments, " + name, code: 1002, broken: true, steps: say(f)})
	}
}

// Of RFC 3629, by the kinds of octet sequences that readers get wrong.
var goodTexts = []string{"", "hello$world", "hello\u00a2world", "hello\u20acworld", "hello\U00024b62world", "\u03ba\u1f79\u03c3\u03bc\u03b5",
	"\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\U0010ffff", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\ufff9\ufffa\ufffb\ufffc",
	"\U0001fffe\U0001ffff\U0002fffe\U0002ffff", "\U0003fffe\U0003ffff\U0004fffe\U0004ffff", "\U0005fffe\U0006ffff\U0007fffe", "\U0008ffff\U0009fffe\U000affff", "\U000bfffe\U000cffff\U000dfffe", "\U000effff\U000ffffe\U0010ffff"}

var badTexts = []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf", "\xf4\x90\x80\x80",
	"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf", "\xc0 \xc1 \xc2 ", "\xe0 \xe1 \xef ", "\xf0 \xf1 \xf7 ", "\xf8 \xf9 ", "\xfc \xfd ",
	"\xce", "\xce\xba\xe1", "\xce\xba\xe1\xbd", "\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	"\xc0\xe0\x80\xf0\x80\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf",
	"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
	"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf", "fine until here \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"}

func texts(all *[]vector) {
	for i, text := range slices.Concat(goodTexts, badTexts) {
		v := vector{code: 1000}
		if !utf8.ValidString(text) {
			v.code, v.noText = 1007, true
		}
		var within wsFrames
		for j := range len(text) {
			within = append(within, wsFrames{{0x00, text[j : j+1]}}...)
		}
		if len(text) > 0 {
			within[0].first |= 1
		} else {
			within = wsFrames{{0x01, ""}}
		}
		for name, f := range map[string]wsFrames{
			"": {{0x81, text}}, ", cut everywhere": append(within, wsFrames{{0x80, ""}}...), ", begun and ended with nothing": {{0x01, ""}, {0x00, text}, {0x80, ""}},
		} {
			w := v
			w.name, w.steps = fmt.Sprintf("6 texts, %d %q%s", i, text, name), say(f)
			*all = append(*all, w)
		}
	}
	// The receiver tells as soon as it can: each waits for the close frame, and the
	// message has not ended.
	good, over, rest := "\u03ba\u1f79\u03c3\u03bc\u03b5", "\xf4\x90\x80\x80", "edited"
	for name, cut := range map[string][3]string{"by frames": {good, over, rest}, "by octets": {good + over[:1], over[1:2], over[2:] + rest}} {
		*all = append(*all, vector{name: "6 texts, told early " + name, code: 1007, noText: true, steps: func(e *wsEnd) []step {
			return []step{{send: e.frame(0x01, cut[0])}, {send: e.frame(0x00, cut[1]), await: 1}, {send: e.frame(0x80, cut[2])}}
		}}, vector{name: "6 texts, told early within a frame " + name, code: 1007, noText: true, steps: func(e *wsEnd) []step {
			p := e.frame(0x81, good+over+rest)
			at := len(p) - len(good+over+rest) + len(cut[0])
			return []step{{send: p[:at]}, {send: p[at : at+len(cut[1])], await: 1}, {send: p[at+len(cut[1]):]}}
		}})
	}
	for name, f := range map[string]wsFrames{"a reserved bit": {{0x01, "open"}, {0xa0, "?"}}, "a reserved opcode": {{0x01, "open"}, {0x83, "?"}}, "a message within one": {{0x02, "open"}, {0x81, "?"}}} {
		*all = append(*all, vector{name: "5 fragments, told early, " + name, code: 1002, broken: true, steps: func(e *wsEnd) []step {
			return []step{{send: e.frame(f[0].first, f[0].payload)}, {send: e.frame(f[1].first, f[1].payload), await: 1}, {send: e.frame(0x80, "end")}}
		}})
	}
	*all = append(*all, vector{name: "5 fragments, a ping is answered before the message has ended", code: 1000, steps: func(e *wsEnd) []step {
		return []step{{send: slices.Concat(e.frame(0x01, "open"), e.frame(0x89, "alive?")), await: 1}, {send: slices.Concat(e.frame(0x80, "end"), e.frame(0x88, "\x03\xe8"))}}
	}})
}

func closes(all *[]vector) {
	only := func(payload string) func(e *wsEnd) []step {
		return func(e *wsEnd) []step { return []step{{send: e.frame(0x88, payload)}} }
	}
	for _, code := range []int{0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535} {
		payload := string(closing(uint16(code)))
		want, _ := ws.ParseClose(answerClose([]byte(payload)))
		*all = append(*all, vector{name: fmt.Sprintf("7 close, code %d", code), code: want, steps: only(payload)},
			vector{name: fmt.Sprintf("7 close, code %d with a reason", code), code: want, steps: only(payload + "because")})
	}
	for name, v := range map[string]vector{
		"no payload": {code: ws.NoStatus, steps: only("")}, "one octet": {code: 1002, steps: only("a")}, "the longest reason": {code: 1000, steps: only("\x03\xe8" + strings.Repeat("*", 123))},
		"too long a reason": {code: 1002, broken: true, steps: only("\x03\xe8" + strings.Repeat("*", 124))}, "a reason that is no text": {code: 1007, steps: only("\x03\xe8" + badTexts[len(badTexts)-1])},
		"behind a message": {code: 1000, steps: say(wsFrames{{0x81, "Hello"}})}, "twice": {code: 1000, steps: say(wsFrames{{0x88, "\x03\xe8"}})},
		"a ping behind it": {code: 1000, steps: say(wsFrames{{0x88, "\x03\xe8"}, {0x89, "late"}})}, "a message behind it": {code: 1000, steps: say(wsFrames{{0x88, "\x03\xe8"}, {0x81, "late"}})},
		"within a message": {code: 1000, steps: say(wsFrames{{0x01, "frag"}, {0x88, "\x03\xe8"}, {0x80, "ment"}})},
	} {
		v.name = "7 close, " + name
		threeWays(all, v)
	}
	*all = append(*all, vector{name: "7 close, behind 256 KiB", code: 1000, steps: say(wsFrames{{0x81, strings.Repeat("k", 256<<10)}, {0x88, "\x03\xe8"}, {0x89, "late"}})})
	// Without a close frame: what ends is 1006, which is sent by nobody.
	*all = append(*all, vector{name: "7 close, none, the direction ends", steps: func(e *wsEnd) []step {
		return []step{{send: e.frame(0x81, "bye")}, {half: true}}
	}}, vector{name: "7 close, none, the direction ends within a message", steps: func(e *wsEnd) []step {
		return []step{{send: e.frame(0x81, "bye")}, {send: e.frame(0x01, "half a mess")}, {half: true}}
	}}, vector{name: "7 close, none, the direction ends within a head", steps: func(e *wsEnd) []step {
		return []step{{send: e.frame(0x81, "bye")}, {send: e.frame(0x81, strings.Repeat("h", 300))[:3], half: true}}
	}})
}

// noise is text of n octets, the same for the same n, that deflates a little.
func noise(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"name":"%x"}`, r.IntN(1000), r.Uint32())
	}
	return b.String()[:n]
}

func fragmented(first byte, text string, size int) wsFrames {
	var f wsFrames
	for p := range slices.Chunk([]byte(text), size) {
		f = append(f, wsFrames{{first, string(p)}}...)
		first = 0
	}
	f[len(f)-1].first |= 0x80
	return f
}

func limits(all *[]vector) {
	for _, first := range []byte{1, 2} {
		for _, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			*all = append(*all, vector{name: fmt.Sprintf("9 limits, %d of %d", first, n), code: 1000, steps: say(wsFrames{{0x80 | first, noise(n)}})})
		}
		for _, size := range []int{64, 256, 1 << 10, 4 << 10, 64 << 10, 256 << 10} {
			*all = append(*all, vector{name: fmt.Sprintf("9 limits, %d in frames of %d", first, size), code: 1000, steps: single(say(fragmented(first, noise(size * 100)[:min(size*100, 4<<20)], size)))},
				vector{name: fmt.Sprintf("9 limits, %d in writes of %d", first, size), code: 1000, steps: chopped(size, say(wsFrames{{0x80 | first, noise(size * 20)}}))})
		}
		for _, size := range []int{0, 16, 64, 256, 1 << 10, 4 << 10, 16 << 10} {
			*all = append(*all, vector{name: fmt.Sprintf("9 limits, %d of %d there and back", first, size), code: 1000, steps: func(e *wsEnd) []step {
				var steps []step
				for i := range 50 {
					steps = append(steps, step{send: e.frame(0x80|first, noise(size + 1)[1:]), await: i + 1})
				}
				return append(steps, step{send: e.frame(0x88, "\x03\xe8")})
			}})
		}
	}
	*all = append(*all, vector{name: "10 fragments of 1300", code: 1000, steps: say(fragmented(1, noise(65536), 1300))})
}

// compression has every set of parameters, with messages of many sizes, whole
// and in fragments, and what is no DEFLATE.
func compression(all *[]vector) {
	for offer, agreed := range map[string]string{
		"permessage-deflate":                                                            "permessage-deflate",
		"permessage-deflate; client_max_window_bits":                                    "permessage-deflate; client_max_window_bits=9; server_max_window_bits=15",
		"permessage-deflate; server_no_context_takeover; client_max_window_bits":        "permessage-deflate; server_no_context_takeover",
		"permessage-deflate; server_max_window_bits=9":                                  "permessage-deflate; server_max_window_bits=9",
		"permessage-deflate; server_max_window_bits=8; client_max_window_bits=8":        "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
		"permessage-deflate; server_no_context_takeover; server_max_window_bits=15":     "permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_no_context_takeover",
		"permessage-deflate; client_no_context_takeover, permessage-deflate":            "permessage-deflate; client_no_context_takeover",
		`permessage-deflate; server_max_window_bits="10", permessage-deflate, x-nobody`: `permessage-deflate; server_max_window_bits="10"`,
	} {
		for _, size := range []int{16, 64, 1 << 10, 8 << 10, 40 << 10} {
			for _, cut := range []int{0, 256, 32 << 10} {
				*all = append(*all, vector{name: fmt.Sprintf("12 and 13 compression, %s, of %d in frames of %d", agreed, size, cut), code: 1000, offer: offer, agreed: agreed,
					steps: func(e *wsEnd) []step {
						up, down, _ := ws.Agreed(agreed)
						if !e.mask {
							up = down
						}
						s := squeezer{fresh: up.NoContext, bits: up.Bits}
						var steps []step
						for i := range 5 {
							p := string(s.deflate([]byte(noise(size + i))))
							f := wsFrames{{0xc1, p}}
							if cut > 0 && len(p) > 0 {
								f = fragmented(0x41, p, cut)
							}
							for _, one := range f {
								steps = append(steps, step{send: e.frame(one.first, one.payload)})
							}
							// Those that are not compressed may come between.
							steps = append(steps, step{send: e.frame(0x81, "plain")}, step{send: e.frame(0x89, "ping"), await: 3 * (i + 1)})
						}
						return append(steps, step{send: e.frame(0x88, "\x03\xe8")})
					}})
			}
		}
	}
	for name, v := range map[string]vector{
		"what is no DEFLATE":              {code: 1007, steps: say(wsFrames{{0xc1, "\xff\xff\xff no"}})},
		"a continuation marked":           {code: 1002, broken: true, steps: say(wsFrames{{0x41, "\xf2\x48"}, {0xc0, "\xcd"}})},
		"a ping marked":                   {code: 1002, broken: true, steps: say(wsFrames{{0xc9, "ping"}})},
		"RSV2":                            {code: 1002, broken: true, steps: say(wsFrames{{0xe1, "\xf2\x48\xcd\xc9\xc9\x07\x00"}})},
		"a text that is none, compressed": {code: 1007, steps: say(wsFrames{{0xc1, string((&squeezer{}).deflate([]byte("no text \xff\xfe")))}})},
	} {
		v.name, v.offer, v.agreed = "12 and 13 compression, "+name, "permessage-deflate", "permessage-deflate"
		threeWays(all, v)
	}
}
