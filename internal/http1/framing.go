package http1

import (
	"strconv"
	"strings"

	"midstream/flow"
)

// RequestFraming returns how the body of r is delimited (RFC 9112 section 6.3).
// What it repairs it repairs in r.Fields too, so that they say one thing. What
// two readers could read in two ways is refused in both profiles.
func RequestFraming(r *flow.Request, profile Profile) (flow.Framing, []flow.Finding, error) {
	fr := framer{side: flow.ToServer, profile: profile, fields: &r.Fields}
	length, err := fr.length()
	if err != nil {
		return flow.Framing{}, fr.notes, err
	}
	hasCoding := r.Fields.Has("Transfer-Encoding")
	switch {
	case r.Method == "CONNECT":
		// Content of CONNECT has no meaning (RFC 9110 section 9.3.6), and what
		// follows its head is the tunnel's.
		if hasCoding || length > 0 {
			return flow.Framing{}, fr.notes, fr.refuse("CONNECT cannot have a body")
		}
		return flow.Framing{}, fr.notes, nil
	case hasCoding && length >= 0:
		return flow.Framing{}, fr.notes, fr.refuse("it has both Content-Length and Transfer-Encoding, so its end is ambiguous")
	case hasCoding && r.Version == flow.HTTP10:
		return flow.Framing{}, fr.notes, fr.refuse("HTTP/1.0 has no Transfer-Encoding, so its end is ambiguous")
	case hasCoding:
		return flow.Framing{Kind: flow.Chunked}, fr.notes, fr.requestCoding()
	case length >= 0:
		return flow.Framing{Kind: flow.ByLength, Length: length}, fr.notes, nil
	}
	return flow.Framing{}, fr.notes, nil
}

// ResponseFraming is RequestFraming for the response to a request with method.
// A framing that was repaired, one that lasts until the connection closes and
// one of HTTP/1.0 make the connection unfit for another exchange.
func ResponseFraming(method string, r *flow.Response, profile Profile) (flow.Framing, []flow.Finding, error) {
	fr := framer{side: flow.ToClient, profile: profile, fields: &r.Fields}
	f, err := fr.response(method, r)
	return f, fr.notes, err
}

func (fr *framer) response(method string, r *flow.Response) (flow.Framing, error) {
	describes := r.Status == 304 || method == "HEAD"
	tunnel := r.Status == 101 || method == "CONNECT" && r.Status/100 == 2
	switch {
	case r.Status/100 == 1, r.Status == 204, tunnel:
		return flow.Framing{}, fr.bodiless(r.Status)
	case describes:
		// The fields describe what GET would have brought; they frame nothing.
		_, err := fr.length()
		return flow.Framing{}, err
	}
	if fr.fields.Has("Transfer-Encoding") {
		chunked, err := fr.responseCoding(r.Version)
		if err != nil || chunked {
			return flow.Framing{Kind: flow.Chunked}, err
		}
	}
	length, err := fr.length()
	switch {
	case err != nil:
		return flow.Framing{}, err
	case length >= 0:
		return flow.Framing{Kind: flow.ByLength, Length: length}, nil
	}
	return flow.Framing{Kind: flow.UntilClose}, nil
}

// framer reads the framing fields of one head.
type framer struct {
	side    flow.Side
	profile Profile
	fields  *flow.Fields
	notes   notes
}

func (fr *framer) refuse(format string, args ...any) error {
	return refuse(fr.side, "read "+fr.side.String()+" head: "+format, args...)
}

func (fr *framer) strict(format string, args ...any) error {
	if fr.profile == Tolerant {
		return nil
	}
	return fr.refuse(format, args...)
}

// bodiless drops framing fields that must not be there and that their receiver
// ignores (RFC 9110 section 8.6, RFC 9112 section 6.1).
func (fr *framer) bodiless(status int) error {
	coded := fr.fields.Has("Transfer-Encoding")
	length, ok := fr.fields.Lookup("Content-Length")
	if !coded && (!ok || length == "0" && status == 204) {
		return nil
	}
	if err := fr.strict("status %d has Content-Length or Transfer-Encoding and cannot have a body", status); err != nil {
		return err
	}
	fr.fields.Del("Transfer-Encoding")
	fr.fields.Del("Content-Length")
	fr.notes.add(FramingOnBodiless, "a response with status %d, which has no body, had Content-Length or Transfer-Encoding; they were dropped", status)
	return nil
}

// length returns the value of Content-Length, -1 without one (RFC 9110
// section 8.6). One value said several times is made one.
func (fr *framer) length() (int64, error) {
	n, text, times := int64(-1), "", 0 // text as it was spelled last
	for i := range *fr.fields {
		f := &(*fr.fields)[i]
		if !flow.EqualFold(f.Name, "Content-Length") {
			continue
		}
		for item, rest, more := "", f.Value, true; more; {
			item, rest, more = strings.Cut(rest, ",")
			item = flow.TrimSpace(item)
			v, ok := parseLength(item)
			if !ok {
				return 0, fr.refuse("Content-Length is not a number of octets: %s", flow.Quote(f.Value))
			}
			if times > 0 && v != n {
				return 0, fr.refuse("Content-Length says %d and %d, so its end is ambiguous", n, v)
			}
			n, text = v, item
			times++
		}
	}
	if times == 1 && len(text) > 1 && text[0] == '0' {
		// Legal, and yet octal for some.
		fr.fields.Set("Content-Length", strconv.FormatInt(n, 10))
		fr.notes.add(FieldRespelled, "Content-Length %s was spelled without leading zeros", text)
	}
	if times < 2 {
		return n, nil
	}
	if err := fr.strict("Content-Length stands there %d times", times); err != nil {
		return 0, err
	}
	fr.fields.Set("Content-Length", strconv.FormatInt(n, 10))
	fr.notes.add(LengthRepeated, "Content-Length %d stood there %d times; one goes on", n, times)
	return n, nil
}

// parseLength reads 1*DIGIT.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 19 || !isDigit(s[0]) {
		return 0, false // ParseInt would take a sign
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// codings returns all transfer codings in their order.
func (fr *framer) codings() []string {
	var all []string
	for i := range *fr.fields {
		if f := &(*fr.fields)[i]; flow.EqualFold(f.Name, "Transfer-Encoding") {
			for item := range strings.SplitSeq(f.Value, ",") {
				all = append(all, flow.TrimSpace(item))
			}
		}
	}
	return all
}

// requestCoding accepts "chunked" and nothing else (RFC 9112 section 6.1): any
// other coding could not be removed here, and a list that is read differently
// by the next server hides a request.
func (fr *framer) requestCoding() error {
	value := fr.fields.Joined("Transfer-Encoding")
	if flow.EqualFold(value, "chunked") {
		return nil
	}
	all := fr.codings()
	if last := all[len(all)-1]; flow.EqualFold(last, "chunked") && !fr.repeats() {
		return malformed(fr.side, 501, "read request head: the transfer coding %s is not supported, only chunked is", flow.Quote(value))
	}
	return fr.refuse("Transfer-Encoding is not chunked: %s", flow.Quote(value))
}

// repeats tells whether chunked stands there more than once, or identity or
// nothing at all is among the codings.
func (fr *framer) repeats() bool {
	n := 0
	for _, c := range fr.codings() {
		switch {
		case flow.EqualFold(c, "chunked"):
			n++
		case c == "" || flow.EqualFold(c, "identity"):
			return true
		}
	}
	return n > 1
}

// responseCoding tells whether a response with Transfer-Encoding is chunked.
// What it repairs makes the field say only that.
func (fr *framer) responseCoding(v flow.Version) (bool, error) {
	chunked, identity := 0, 0
	list := fr.codings()
	for _, c := range list {
		switch {
		case flow.EqualFold(c, "chunked"):
			chunked++
		case flow.EqualFold(c, "identity"), c == "":
			identity++
		default:
			return false, fr.refuse("the transfer coding %s is not supported, only chunked is", flow.Quote(c))
		}
	}
	if identity > 0 {
		if err := fr.strict("Transfer-Encoding has identity or nothing in its list: %s", flow.Quote(fr.fields.Joined("Transfer-Encoding"))); err != nil {
			return false, err
		}
		fr.notes.add(CodingIdentity, "Transfer-Encoding %s names what is no coding; that was dropped", flow.Quote(fr.fields.Joined("Transfer-Encoding")))
	}
	if chunked == 0 {
		fr.fields.Del("Transfer-Encoding")
		return false, nil
	}
	if v == flow.HTTP10 {
		if err := fr.strict("HTTP/1.0 has no Transfer-Encoding"); err != nil {
			return false, err
		}
		fr.notes.add(CodingInHTTP10, "an HTTP/1.0 response came chunked; it was read as such")
	}
	if chunked > 1 {
		if err := fr.strict("chunked is applied %d times", chunked); err != nil {
			return false, err
		}
		fr.notes.add(ChunkedTwice, "chunked stood there %d times; one layer was read and one goes on", chunked)
	}
	if len(list) > 1 {
		fr.fields.Set("Transfer-Encoding", "chunked")
	}
	if fr.fields.Has("Content-Length") {
		if err := fr.strict("it has both Content-Length and Transfer-Encoding"); err != nil {
			return false, err
		}
		fr.notes.add(LengthAndChunked, "both Content-Length %s and Transfer-Encoding: chunked; chunked was read, and the length dropped", flow.Quote(fr.fields.Joined("Content-Length")))
		fr.fields.Del("Content-Length")
	}
	return true, nil
}

// cleanly tells whether a response with these findings leaves its connection
// in a state that both ends see alike. One whose lines all end in LF does.
func cleanly(findings notes, lineFeed bool) bool {
	for _, code := range [...]string{LengthAndChunked, ChunkedTwice, CodingIdentity, CodingInHTTP10, FramingOnBodiless, LengthRepeated, FieldLineDropped} {
		if findings.has(code) {
			return false
		}
	}
	return lineFeed || !findings.has(BareLineFeed)
}
