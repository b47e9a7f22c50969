package engine

import (
	"fmt"
	"strings"
	"testing"

	"midstream/flow"
)

func lines(fs flow.Fields) string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Line())
	}
	return strings.Join(out, "|")
}

func kind(f flow.Framing) string {
	return [...]string{"none", fmt.Sprint("length ", f.Length), "chunked", "until close"}[f.Kind]
}

func TestFrameOut(t *testing.T) {
	none := flow.Framing{}
	untilClose := flow.Framing{Kind: flow.UntilClose}
	const v10, v11, v2 = flow.HTTP10, flow.HTTP11, flow.HTTP2
	for _, c := range []struct {
		rule   string
		m      outgoing
		fields string
		want   string
		left   string
	}{
		// Responses, as they came.
		{"length stays, spelling too", outgoing{method: "GET", status: 200, in: length(5), to: v11}, "content-LENGTH:5", "length 5", "content-LENGTH:5"},
		{"length to 1.0", outgoing{method: "GET", status: 200, in: length(5), to: v10}, "Content-Length: 5", "length 5", "Content-Length: 5"},
		{"length to h2", outgoing{method: "GET", status: 200, in: length(5), to: v2}, "Content-Length: 5", "length 5", "Content-Length: 5"},
		{"chunked stays, spelling too", outgoing{method: "GET", status: 200, in: chunked, to: v11}, "transfer-encoding:Chunked", "chunked", "transfer-encoding:Chunked"},
		{"chunked to 1.0 lasts until the close", outgoing{method: "GET", status: 200, in: chunked, to: v10}, "Transfer-Encoding: chunked", "until close", ""},
		{"chunked to h2 loses the field", outgoing{method: "GET", status: 200, in: chunked, to: v2}, "Transfer-Encoding: chunked|A: b", "chunked", "A: b"},
		{"h2 without length to 1.1 is chunked", outgoing{method: "GET", status: 200, in: chunked, to: v11}, "A: b", "chunked", "A: b|Transfer-Encoding: chunked"},
		{"until close to 1.1 is chunked", outgoing{method: "GET", status: 200, in: untilClose, to: v11}, "A: b", "chunked", "A: b|Transfer-Encoding: chunked"},
		{"until close to 1.0 stays", outgoing{method: "GET", status: 200, in: untilClose, to: v10}, "A: b", "until close", "A: b"},
		{"until close to h2", outgoing{method: "GET", status: 200, in: untilClose, to: v2}, "", "chunked", ""},
		{"both never leave", outgoing{method: "GET", status: 200, in: chunked, to: v11}, "Content-Length: 7|Transfer-Encoding: chunked", "chunked", "Transfer-Encoding: chunked"},
		{"doubled chunked leaves once", outgoing{method: "GET", status: 200, in: chunked, to: v11}, "Transfer-Encoding: chunked, chunked", "chunked", "Transfer-Encoding: chunked"},
		{"two lengths leave as one", outgoing{method: "GET", status: 200, in: length(5), to: v11}, "Content-Length: 5|Content-Length: 5", "length 5", "Content-Length: 5"},
		{"END_STREAM on the head, to h2, stays", outgoing{method: "GET", status: 200, in: none, to: v2}, "A: b", "none", "A: b"},
		{"END_STREAM on the head, to h1, says 0", outgoing{method: "GET", status: 200, in: none, to: v11}, "A: b", "length 0", "A: b|Content-Length: 0"},
		// Responses that have no body.
		{"HEAD keeps the length", outgoing{method: "HEAD", status: 200, in: none, to: v11}, "Content-Length: 1488324", "none", "Content-Length: 1488324"},
		{"HEAD without length gets none", outgoing{method: "HEAD", status: 200, in: none, to: v11}, "A: b", "none", "A: b"},
		{"HEAD keeps chunked towards 1.1", outgoing{method: "HEAD", status: 200, in: none, to: v11}, "Transfer-Encoding: chunked", "none", "Transfer-Encoding: chunked"},
		{"HEAD loses chunked towards h2", outgoing{method: "HEAD", status: 200, in: none, to: v2}, "Transfer-Encoding: chunked", "none", ""},
		{"HEAD with both", outgoing{method: "HEAD", status: 200, in: none, to: v11}, "Content-Length: 5|Transfer-Encoding: chunked", "none", "Content-Length: 5"},
		{"304 keeps the length", outgoing{method: "GET", status: 304, in: none, to: v11}, "Content-Length: 9", "none", "Content-Length: 9"},
		{"304 gets nothing", outgoing{method: "GET", status: 304, in: none, to: v11}, "", "none", ""},
		{"204 has neither", outgoing{method: "GET", status: 204, in: none, to: v11}, "Content-Length: 0|Transfer-Encoding: chunked", "none", ""},
		{"204 to HEAD has neither", outgoing{method: "HEAD", status: 204, in: none, to: v11}, "Content-Length: 0", "none", ""},
		{"101 has neither", outgoing{method: "GET", status: 101, in: none, to: v11}, "Transfer-Encoding: chunked|Content-Length: 1", "none", ""},
		{"2xx to CONNECT has neither", outgoing{method: "CONNECT", status: 200, in: none, to: v11}, "Content-Length: 0", "none", ""},
		{"a refusal of CONNECT has", outgoing{method: "CONNECT", status: 407, in: length(3), to: v11}, "Content-Length: 3", "length 3", "Content-Length: 3"},
		{"a body set on 304 is not framed", outgoing{method: "GET", status: 304, in: none, to: v11, change: resized, length: 5}, "Content-Length: 9", "none", "Content-Length: 9"},
		// Responses that were changed.
		{"changed gets its length", outgoing{method: "GET", status: 200, in: length(5), to: v11, change: resized, length: 7}, "content-length: 5", "length 7", "content-length: 7"},
		{"changed, came chunked", outgoing{method: "GET", status: 200, in: chunked, to: v11, change: resized, length: 7}, "Transfer-Encoding: chunked", "chunked", "Transfer-Encoding: chunked"},
		{"changed, came chunked, to 1.0", outgoing{method: "GET", status: 200, in: chunked, to: v10, change: resized, length: 7}, "Transfer-Encoding: chunked", "length 7", "Content-Length: 7"},
		{"changed, with trailers", outgoing{method: "GET", status: 200, in: length(5), to: v11, change: resized, length: 7, trailers: true}, "Content-Length: 5", "chunked", "Transfer-Encoding: chunked"},
		{"changed, with trailers, to 1.0", outgoing{method: "GET", status: 200, in: length(5), to: v10, change: resized, length: 7, trailers: true}, "Content-Length: 5", "length 7", "Content-Length: 7"},
		{"changed, to h2", outgoing{method: "GET", status: 200, in: chunked, to: v2, change: resized, length: 7}, "", "length 7", "Content-Length: 7"},
		{"a hook's empty answer", outgoing{method: "GET", status: 403, in: none, to: v11, change: resized}, "", "length 0", "Content-Length: 0"},
		{"rewritten on its way", outgoing{method: "GET", status: 200, in: length(5), to: v11, change: reshaped}, "Content-Length: 5", "chunked", "Transfer-Encoding: chunked"},
		{"rewritten on its way, to 1.0", outgoing{method: "GET", status: 200, in: length(5), to: v10, change: reshaped}, "Content-Length: 5", "until close", ""},
		{"rewritten on its way, to h2", outgoing{method: "GET", status: 200, in: length(5), to: v2, change: reshaped}, "Content-Length: 5", "chunked", ""},
		// Requests.
		{"GET without a body", outgoing{method: "GET", in: none, to: v11}, "A: b", "none", "A: b"},
		{"POST without a body gets no length", outgoing{method: "POST", in: none, to: v11}, "A: b", "none", "A: b"},
		{"POST of length 0 says so", outgoing{method: "POST", in: length(0), to: v11}, "Content-Length: 0", "length 0", "Content-Length: 0"},
		{"upload by length", outgoing{method: "POST", in: length(5), to: v11}, "Content-Length: 5", "length 5", "Content-Length: 5"},
		{"chunked upload", outgoing{method: "POST", in: chunked, to: v11}, "Transfer-Encoding: chunked", "chunked", "Transfer-Encoding: chunked"},
		{"h2 upload to 1.1", outgoing{method: "POST", in: chunked, to: v11}, "", "chunked", "Transfer-Encoding: chunked"},
		{"chunked upload to h2", outgoing{method: "POST", in: chunked, to: v2}, "Transfer-Encoding: chunked", "chunked", ""},
		{"held chunked upload to 1.0", outgoing{method: "POST", in: chunked, to: v10, change: resized, length: 4}, "Transfer-Encoding: chunked", "length 4", "Content-Length: 4"},
		{"a body set on GET", outgoing{method: "GET", in: none, to: v11, change: resized, length: 4}, "", "length 4", "Content-Length: 4"},
		{"a hook emptied the body", outgoing{method: "POST", in: length(5), to: v11, change: resized}, "Content-Length: 5", "length 0", "Content-Length: 0"},
	} {
		fs := fieldLines(c.fields)
		f := frameOut(c.m, &fs)
		if kind(f) != c.want || lines(fs) != c.left {
			t.Errorf("%s: %s with %q, want %s with %q", c.rule, kind(f), lines(fs), c.want, c.left)
		}
	}
}

func fieldLines(s string) (fs flow.Fields) {
	for l := range strings.SplitSeq(s, "|") {
		if name, value, ok := strings.Cut(l, ":"); ok {
			fs = append(fs, flow.Field{Name: name, Value: flow.TrimSpace(value), Wire: l})
		}
	}
	return fs
}

// For every pair of versions, both directions and every kind of framing: what
// leaves is one of what its receiver can read, and the fields say the same.
func TestFramingHoldsForAllPairs(t *testing.T) {
	versions := []flow.Version{flow.HTTP10, flow.HTTP11, flow.HTTP2}
	ins := []flow.Framing{{}, length(0), length(5), chunked, {Kind: flow.UntilClose}}
	for _, to := range versions {
		for _, in := range ins {
			for _, status := range []int{0, 103, 101, 200, 204, 206, 304, 404} {
				for _, method := range []string{"GET", "HEAD", "POST", "CONNECT"} {
					for _, change := range []rewrite{asItCame, resized, reshaped} {
						for _, was := range []string{"", "Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5|Transfer-Encoding: chunked"} {
							m := outgoing{method: method, status: status, in: in, to: to, change: change, length: 3}
							fs := fieldLines(was)
							f := frameOut(m, &fs)
							name := fmt.Sprintf("%v %s %d %s change %d %q", to, method, status, kind(in), change, was)
							te, cl := fs.Has("Transfer-Encoding"), fs.Has("Content-Length")
							if te && cl {
								t.Fatalf("%s: both leave", name)
							}
							if te && to != flow.HTTP11 {
								t.Fatalf("%s: Transfer-Encoding to %v", name, to)
							}
							if bodiless(method, status) {
								if f.Kind != flow.Unframed {
									t.Fatalf("%s: a body", name)
								}
								continue
							}
							if needsLength(m) {
								continue // is held first
							}
							if f.Kind == flow.UntilClose && (status == 0 || to != flow.HTTP10) {
								t.Fatalf("%s: until close", name)
							}
							if f.Kind == flow.Chunked && to == flow.HTTP10 || (f.Kind == flow.Chunked && to == flow.HTTP11) != te {
								t.Fatalf("%s: %s with %q", name, kind(f), lines(fs))
							}
							if f.Kind == flow.ByLength && fs.Get("Content-Length") != fmt.Sprint(f.Length) {
								t.Fatalf("%s: %s with %q", name, kind(f), lines(fs))
							}
							if status != 0 && to < flow.HTTP2 && f.Kind == flow.Unframed {
								t.Fatalf("%s: a response that would last until the close", name)
							}
						}
					}
				}
			}
		}
	}
}
