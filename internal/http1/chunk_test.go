package http1

import (
	"strings"
	"testing"

	"midstream/flow"
)

// decode runs the decoder over s, cut into pieces of size.
func decode(side flow.Side, p Profile, s string, size int) (data string, d *chunkDecoder, used int, err error) {
	d = &chunkDecoder{side: side, profile: p, limits: Limits{}.withDefaults()}
	for used < len(s) && !d.done() {
		piece := s[used:min(len(s), used+size)]
		n, err := d.next([]byte(piece))
		used += n
		if err != nil {
			return data, d, used, err
		}
		if d.state == chunkData {
			take := int(min(d.left, int64(len(piece)-n)))
			data += piece[n : n+take]
			used += take
			d.took(int64(take))
		}
	}
	return data, d, used, nil
}

func TestChunkedBodies(t *testing.T) {
	const end = "0\r\n\r\n"
	type want struct {
		data, finding string
		refused       bool // in this side's tolerant profile
	}
	good := func(s string) want { return want{data: s} }
	bad := want{refused: true}
	for _, c := range []struct {
		name, in          string
		request, response want
	}{
		{"one chunk", "5\r\nhello\r\n" + end, good("hello"), good("hello")},
		{"no chunk", end, good(""), good("")},
		{"upper-case size", "A\r\n0123456789\r\n" + end, good("0123456789"), good("0123456789")},
		{"leading zeros", "0000000000000005\r\nhello\r\n000\r\n\r\n", good("hello"), good("hello")},
		{"extension", "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", good("hello"), good("hello")},
		{"space before an extension", "5 ;a\r\nhello\r\n" + end, good("hello"), good("hello")},
		{"quoted extension", "5;a=\"x; \\\"y\\\"\" ; b = c\r\nhello\r\n" + end, good("hello"), good("hello")},
		{"extension without a name", "5;\r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"extension without a value", "5;a=\r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"extension with an open quote", "5;a=\"b; c\r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"extension that is no token", "5;a@=1\r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"extension with obs-text", "5;\xff\r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"words instead of an extension", "5 abc\r\nhello\r\n" + end, bad, bad},
		{"trailers", "0\r\nA: b\r\nC:d\r\n\r\n", good(""), good("")},
		{"size with a tail", "1these-bytes\r\nZ\r\n" + end, bad, bad},
		{"size with a prefix", "0x5\r\nhello\r\n" + end, bad, bad},
		{"size with a sign", "+5\r\nhello\r\n" + end, bad, bad},
		{"no size", "\r\nhello\r\n" + end, bad, bad},
		{"space before the size", " 5\r\nhello\r\n" + end, bad, bad},
		{"space after the size", "5 \r\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"size of 17 digits", "00000000000000005\r\nhello\r\n" + end, bad, bad},
		{"size beyond 62 bits", "8000000000000000\r\nhello\r\n" + end, bad, bad},
		{"LF ends the size", "5\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"LF in an extension", "5;a=b\nX\r\nhello\r\n" + end, bad, bad},
		{"LF ends an extension", "5;a=b\nhello\r\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"CR in an extension", "5;a\rb\r\nhello\r\n" + end, bad, bad},
		{"NUL in an extension", "5;a\x00\r\nhello\r\n" + end, bad, bad},
		{"LF after the data", "5\r\nhello\n" + end, bad, want{"hello", ChunkLineOdd, false}},
		{"nothing after the data", "5\r\nhello" + end, bad, bad},
		{"more data than the size", "5\r\nhello!\r\n" + end, bad, bad},
		{"CR without LF after the data", "5\r\nhello\rX", bad, bad},
		{"LF at the end", "0\r\n\n", bad, want{"", ChunkLineOdd, false}},
		{"LF ends a trailer", "0\r\nA: b\n\r\n", bad, want{"", BareLineFeed, false}},
		{"LF between two trailers", "0\r\nA: b\nC: d\r\n\r\n", bad, want{"", BareLineFeed, false}},
		{"no last chunk", "3\r\nfoo\r\n\r\n", bad, bad},
		{"CR CR after a size", "5\r\r;abc\r\n" + end, bad, bad},
		{"a trailer that is no field", "0\r\nabc\r\n\r\n", bad, want{"", FieldLineDropped, false}},
		{"a trailer with a space before its colon", "0\r\nA : b\r\n\r\n", bad, want{"", FieldSpaceBeforeColon, false}},
		{"a framing field as a trailer", "0\r\nContent-Length: 5\r\n\r\n", want{"", TrailerDropped, false}, want{"", TrailerDropped, false}},
		{"an endless extension", "5;" + strings.Repeat("a", chunkLineLimit) + "\r\nhello\r\n" + end, bad, bad},
		{"many long extensions", strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n", 20) + end, bad, bad},
		{"a trailer section of 1 MB", "0\r\nA: " + strings.Repeat("b", 1<<20) + "\r\n\r\n", bad, bad},
		{"many trailers", "0\r\n" + strings.Repeat("A: b\r\n", DefaultFields+1) + "\r\n", bad, bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			for side, w := range map[flow.Side]want{flow.ToServer: c.request, flow.ToClient: c.response} {
				for _, size := range []int{1, 2, 3, len(c.in)} {
					data, d, used, err := decode(side, Tolerant, c.in, size)
					if (err != nil) != w.refused {
						t.Fatalf("%v in pieces of %d: %v, want refused=%v", side, size, err, w.refused)
					}
					if err != nil {
						e := err.(*flow.Error)
						if e.Phase != flow.InBody || !strings.HasPrefix(e.Error(), "read ") || len(e.Error()) > 200 {
							t.Errorf("error %+v %q", e, e)
						}
						continue
					}
					if !d.done() || used != len(c.in) || data != w.data || codes(d.findings) != w.finding {
						t.Errorf("%v in pieces of %d: data %q, %d of %d octets, findings %q; want %+v", side, size, data, used, len(c.in), codes(d.findings), w)
					}
				}
				if _, _, _, err := decode(side, Strict, c.in, len(c.in)); err == nil && (w.refused || w.finding != "") {
					t.Errorf("strict %v accepts it", side)
				}
			}
		})
	}
}

func TestTrailersKeepTheirLines(t *testing.T) {
	_, d, _, err := decode(flow.ToClient, Tolerant, "0\r\ngrpc-status:0\r\nX-Sum: a \r\n\r\n", 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(appendLastChunk(nil, d.fields)); got != "0\r\ngrpc-status:0\r\nX-Sum: a \r\n\r\n" {
		t.Errorf("sent %q", got)
	}
}

func TestDecoderLeavesWhatFollows(t *testing.T) {
	_, d, used, err := decode(flow.ToServer, Tolerant, "1\r\nx\r\n0\r\n\r\nGET / ", 100)
	if err != nil || !d.done() || used != len("1\r\nx\r\n0\r\n\r\n") {
		t.Fatalf("used %d, %v", used, err)
	}
}
