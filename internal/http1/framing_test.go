package http1

import (
	"testing"

	"midstream/flow"
)

func TestRequestFraming(t *testing.T) {
	none := flow.Framing{}
	accepted := verdict{}
	refused := verdict{400, 400, ""}
	for _, c := range []struct {
		name, line, fields string
		want               verdict
		framing            flow.Framing
		left               string // the framing fields afterwards; "" = as they came
	}{
		{"none", "GET / HTTP/1.1", "", accepted, none, ""},
		{"a length", "POST / HTTP/1.1", "Content-Length: 5\r\n", accepted, byLength(5), ""},
		{"zero", "POST / HTTP/1.1", "Content-Length: 0\r\n", accepted, byLength(0), ""},
		{"leading zeros", "POST / HTTP/1.1", "Content-Length: 007\r\n", verdict{0, 0, FieldRespelled}, byLength(7), "Content-Length: 7\r\n"},
		{"GET with a body", "GET / HTTP/1.1", "Content-Length: 5\r\n", accepted, byLength(5), ""},
		{"chunked", "POST / HTTP/1.1", "Transfer-Encoding: Chunked\r\n", accepted, chunkedBody, ""},
		{"the same length twice", "POST / HTTP/1.1", "Content-Length: 5\r\nA: b\r\ncontent-length: 5\r\n", verdict{0, 400, LengthRepeated}, byLength(5), "Content-Length: 5\r\nA: b\r\n"},
		{"the same length in a list", "POST / HTTP/1.1", "Content-Length: 5, 5\r\n", verdict{0, 400, LengthRepeated}, byLength(5), "Content-Length: 5\r\n"},
		{"two lengths", "POST / HTTP/1.1", "Content-Length: 5\r\nContent-Length: 6\r\n", refused, none, ""},
		{"two lengths in a list", "POST / HTTP/1.1", "Content-Length: 5, 6\r\n", refused, none, ""},
		{"signed length", "POST / HTTP/1.1", "Content-Length: +5\r\n", refused, none, ""},
		{"negative length", "POST / HTTP/1.1", "Content-Length: -5\r\n", refused, none, ""},
		{"hexadecimal length", "POST / HTTP/1.1", "Content-Length: 0x5\r\n", refused, none, ""},
		{"length with an underscore", "POST / HTTP/1.1", "Content-Length: 1_0\r\n", refused, none, ""},
		{"empty length", "POST / HTTP/1.1", "Content-Length:\r\n", refused, none, ""},
		{"length with a tail", "POST / HTTP/1.1", "Content-Length: 5,\r\n", refused, none, ""},
		{"length with a space in it", "POST / HTTP/1.1", "Content-Length: 5 5\r\n", refused, none, ""},
		{"length beyond 63 bits", "POST / HTTP/1.1", "Content-Length: 9223372036854775808\r\n", refused, none, ""},
		{"both", "POST / HTTP/1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", refused, none, ""},
		{"both, zero", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", refused, none, ""},
		{"xchunked", "POST / HTTP/1.1", "Transfer-Encoding: xchunked\r\n", refused, none, ""},
		{"chunked twice", "POST / HTTP/1.1", "Transfer-Encoding: chunked, chunked\r\n", refused, none, ""},
		{"chunked in two fields", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", refused, none, ""},
		{"chunked is not last", "POST / HTTP/1.1", "Transfer-Encoding: chunked, identity\r\n", refused, none, ""},
		{"identity first", "POST / HTTP/1.1", "Transfer-Encoding: identity, chunked\r\n", refused, none, ""},
		{"hidden by another field", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", refused, none, ""},
		{"chunked with a parameter", "POST / HTTP/1.1", "Transfer-Encoding: chunked;a=b\r\n", refused, none, ""},
		{"quoted", "POST / HTTP/1.1", "Transfer-Encoding: \"chunked\"\r\n", refused, none, ""},
		{"empty coding", "POST / HTTP/1.1", "Transfer-Encoding:\r\n", refused, none, ""},
		{"list with nothing in it", "POST / HTTP/1.1", "Transfer-Encoding: , chunked\r\n", refused, none, ""},
		{"a coding that is not spoken", "POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked\r\n", verdict{501, 501, ""}, none, ""},
		{"the same in two fields", "POST / HTTP/1.1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", verdict{501, 501, ""}, none, ""},
		{"nothing, then chunked, in two fields", "POST / HTTP/1.1", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", refused, none, ""},
		{"chunked, then nothing, in two fields", "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", refused, none, ""},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n", refused, none, ""},
		{"CONNECT", "CONNECT a:1 HTTP/1.1", "", accepted, none, ""},
		{"CONNECT with length 0", "CONNECT a:1 HTTP/1.1", "Content-Length: 0\r\n", accepted, none, ""},
		{"CONNECT with a length", "CONNECT a:1 HTTP/1.1", "Content-Length: 5\r\n", refused, none, ""},
		{"CONNECT chunked", "CONNECT a:1 HTTP/1.1", "Transfer-Encoding: chunked\r\n", refused, none, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := c.line + "\r\nHost: a\r\n" + c.fields + "\r\n"
			r, f, findings, err := readRequest(head, Tolerant)
			if statusOf(err) != c.want.tolerant {
				t.Fatalf("tolerant: %v, want %d", err, c.want.tolerant)
			}
			if err == nil {
				if f != c.framing || codes(findings) != c.want.finding {
					t.Errorf("framing %+v, findings %q; want %+v, %q", f, codes(findings), c.framing, c.want.finding)
				}
				want := c.left
				if want == "" {
					want = c.fields
				}
				if got := string(AppendFields(nil, r.Fields[1:])); got != want {
					t.Errorf("left %q, want %q", got, want)
				}
			}
			if _, _, _, err := readRequest(head, Strict); statusOf(err) != c.want.strict {
				t.Errorf("strict: %v, want %d", err, c.want.strict)
			}
		})
	}
}

func TestResponseFraming(t *testing.T) {
	none := flow.Framing{}
	accepted := verdict{}
	refused := verdict{502, 502, ""}
	for _, c := range []struct {
		name, method, line, fields string
		want                       verdict
		framing                    flow.Framing
		left                       string // "" = as they came, "-" = none
	}{
		{"a length", "GET", "HTTP/1.1 200", "Content-Length: 5\r\n", accepted, byLength(5), ""},
		{"chunked", "GET", "HTTP/1.1 200", "Transfer-Encoding: chunked\r\n", accepted, chunkedBody, ""},
		{"until close", "GET", "HTTP/1.1 200", "", accepted, untilClose, ""},
		{"HEAD keeps its length", "HEAD", "HTTP/1.1 200", "Content-Length: 1488324\r\n", accepted, none, ""},
		{"HEAD keeps its coding", "HEAD", "HTTP/1.1 200", "Transfer-Encoding: chunked\r\n", accepted, none, ""},
		{"304 keeps its length", "GET", "HTTP/1.1 304", "Content-Length: 77\r\n", accepted, none, ""},
		{"304 without", "GET", "HTTP/1.1 304", "", accepted, none, ""},
		{"204", "GET", "HTTP/1.1 204", "", accepted, none, ""},
		{"204 with length 0", "GET", "HTTP/1.1 204", "Content-Length: 0\r\n", accepted, none, ""},
		{"204 with a length", "GET", "HTTP/1.1 204", "Content-Length: 5\r\n", verdict{0, 502, FramingOnBodiless}, none, "-"},
		{"204 chunked", "GET", "HTTP/1.1 204", "Transfer-Encoding: chunked\r\n", verdict{0, 502, FramingOnBodiless}, none, "-"},
		{"103", "GET", "HTTP/1.1 103", "Link: x\r\n", accepted, none, ""},
		{"100 with a length", "GET", "HTTP/1.1 100", "Content-Length: 0\r\n", verdict{0, 502, FramingOnBodiless}, none, "-"},
		{"101", "GET", "HTTP/1.1 101", "Upgrade: x\r\n", accepted, none, ""},
		{"2xx to CONNECT", "CONNECT", "HTTP/1.1 200", "Content-Length: 5\r\n", verdict{0, 502, FramingOnBodiless}, none, "-"},
		{"407 to CONNECT", "CONNECT", "HTTP/1.1 407", "Content-Length: 5\r\n", accepted, byLength(5), ""},
		{"both", "GET", "HTTP/1.1 200", "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", verdict{0, 502, LengthAndChunked}, chunkedBody, "Transfer-Encoding: chunked\r\n"},
		{"both, the length being nonsense", "GET", "HTTP/1.1 200", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n", verdict{0, 502, LengthAndChunked}, chunkedBody, "Transfer-Encoding: chunked\r\n"},
		{"chunked twice", "GET", "HTTP/1.1 200", "Transfer-Encoding: chunked, chunked\r\n", verdict{0, 502, ChunkedTwice}, chunkedBody, "Transfer-Encoding: chunked\r\n"},
		{"chunked in two fields", "GET", "HTTP/1.1 200", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", verdict{0, 502, ChunkedTwice}, chunkedBody, "Transfer-Encoding: chunked\r\n"},
		{"chunked in HTTP/1.0", "GET", "HTTP/1.0 200", "Transfer-Encoding: chunked\r\n", verdict{0, 502, CodingInHTTP10}, chunkedBody, ""},
		{"identity", "GET", "HTTP/1.1 200", "Transfer-Encoding: identity\r\nContent-Length: 3\r\n", verdict{0, 502, CodingIdentity}, byLength(3), "Content-Length: 3\r\n"},
		{"identity alone", "GET", "HTTP/1.1 200", "Transfer-Encoding: identity\r\n", verdict{0, 502, CodingIdentity}, untilClose, "-"},
		{"identity and chunked", "GET", "HTTP/1.1 200", "Transfer-Encoding: identity, chunked\r\n", verdict{0, 502, CodingIdentity}, chunkedBody, "Transfer-Encoding: chunked\r\n"},
		{"a coding that is not spoken", "GET", "HTTP/1.1 200", "Transfer-Encoding: gzip, chunked\r\n", refused, none, ""},
		{"xchunked", "GET", "HTTP/1.1 200", "Transfer-Encoding: xchunked\r\n", refused, none, ""},
		{"the same length twice", "GET", "HTTP/1.1 200", "Content-Length: 5\r\nContent-Length: 5\r\n", verdict{0, 502, LengthRepeated}, byLength(5), "Content-Length: 5\r\n"},
		{"two lengths", "GET", "HTTP/1.1 200", "Content-Length: 5\r\nContent-Length: 6\r\n", refused, none, ""},
		{"negative length", "GET", "HTTP/1.1 200", "Content-Length: -1\r\n", refused, none, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			parse := func() *flow.Response {
				r, _, err := ParseResponseHead(c.line+" OK\r\n"+c.fields+"\r\n", Tolerant, Limits{})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			r := parse()
			f, findings, err := ResponseFraming(c.method, r, Tolerant)
			if statusOf(err) != c.want.tolerant {
				t.Fatalf("tolerant: %v, want %d", err, c.want.tolerant)
			}
			if err == nil {
				if f != c.framing || codes(findings) != c.want.finding {
					t.Errorf("framing %+v, findings %q; want %+v, %q", f, codes(findings), c.framing, c.want.finding)
				}
				want := c.left
				switch want {
				case "":
					want = c.fields
				case "-":
					want = ""
				}
				if got := string(AppendFields(nil, r.Fields)); got != want {
					t.Errorf("left %q, want %q", got, want)
				}
				if c.want.finding != "" && cleanly(findings, false) {
					t.Error("the connection would be used again")
				}
			}
			if _, _, err := ResponseFraming(c.method, parse(), Strict); statusOf(err) != c.want.strict {
				t.Errorf("strict: %v, want %d", err, c.want.strict)
			}
		})
	}
}
