package engine

import (
	"strconv"

	"midstream/flow"
)

// rewrite says what has become of a body since it came.
type rewrite uint8

const (
	asItCame rewrite = iota // byte for byte
	resized                 // replaced, and its new length is known
	reshaped                // rewritten on its way: the length is not known before its end
)

// outgoing is a message about to be sent, as far as its framing depends on it.
type outgoing struct {
	// method is the request's method; for a response the one that its receiver
	// sent, for it knows no other.
	method string
	status int // 0 for a request
	in     flow.Framing
	to     flow.Version
	// change, and the length where it is resized.
	change rewrite
	length int64
	// trailers tells that there is a trailer section to send.
	trailers bool
	// direct lets a response last until the connection closes as it does at the
	// server: the client believes that this is its connection.
	direct bool
}

// bodiless tells whether a response to method with status has no body whatever
// its fields say (RFC 9110 sections 6.4.1 and 9.3.2).
func bodiless(method string, status int) bool {
	return status != 0 && (method == "HEAD" || status >= 100 && status < 200 || status == 204 || status == 304 ||
		method == "CONNECT" && status >= 200 && status < 300)
}

// needsLength tells whether a request cannot be sent before its length is
// known: HTTP/1.0 has no other way to end one.
func needsLength(m outgoing) bool {
	if m.status != 0 || m.to != flow.HTTP10 {
		return false
	}
	switch m.change {
	case resized:
		return false
	case reshaped:
		return true
	}
	return m.in.Kind == flow.Chunked || m.in.Kind == flow.UntilClose
}

// framingOf returns how a message is delimited on its way out (RFC 9112
// section 6.3). A request that needsLength gets UntilClose, which cannot be
// sent: its body must be held.
func framingOf(m outgoing) flow.Framing {
	if bodiless(m.method, m.status) {
		return flow.Framing{}
	}
	length := m.in.Known()
	switch m.change {
	case resized:
		length = m.length
		if m.in.Kind == flow.Unframed && length == 0 {
			return noFraming(m)
		}
		if (m.in.Kind == flow.Chunked || m.trailers) && m.to == flow.HTTP11 {
			length = -1
		}
	case reshaped:
		length = -1
	case asItCame:
		if m.in.Kind == flow.Unframed {
			return noFraming(m)
		}
	}
	switch {
	case length >= 0:
		return flow.Framing{Kind: flow.ByLength, Length: length}
	case m.to == flow.HTTP10, m.direct && m.change == asItCame && m.in.Kind == flow.UntilClose:
		return flow.Framing{Kind: flow.UntilClose}
	}
	return flow.Framing{Kind: flow.Chunked}
}

// noFraming is for a message that may have a body and has none. A response over
// HTTP/1 must say so, or it would last until the connection closes.
func noFraming(m outgoing) flow.Framing {
	if m.status != 0 && m.to < flow.HTTP2 {
		return flow.Framing{Kind: flow.ByLength}
	}
	return flow.Framing{}
}

// frameOut returns framingOf and edits Content-Length and Transfer-Encoding to
// say it. Framing that stays as it came keeps its field lines; the two never
// leave together (RFC 9112 section 6.2).
func frameOut(m outgoing, fields *flow.Fields) flow.Framing {
	f := framingOf(m)
	switch {
	case bodiless(m.method, m.status):
		describeOnly(m, fields)
	case f.Kind == flow.ByLength:
		fields.Del("Transfer-Encoding")
		setLength(fields, f.Length)
	case f.Kind == flow.Unframed:
		fields.Del("Transfer-Encoding")
		if n, ok := fields.Lookup("Content-Length"); ok && n != "0" {
			fields.Del("Content-Length")
		}
	default:
		fields.Del("Content-Length")
		if f.Kind == flow.Chunked && m.to == flow.HTTP11 {
			setChunked(fields)
		} else {
			fields.Del("Transfer-Encoding")
		}
	}
	return f
}

// describeOnly leaves what describes the body that GET would have had, for HEAD
// and 304 only (RFC 9110 section 8.6, RFC 9112 section 6.1).
func describeOnly(m outgoing, fields *flow.Fields) {
	describes := m.status == 304 || m.method == "HEAD" && m.status >= 200 && m.status != 204
	if !describes {
		fields.Del("Content-Length")
	}
	if !describes || m.to != flow.HTTP11 || fields.Has("Content-Length") {
		fields.Del("Transfer-Encoding")
	}
}

// setLength makes Content-Length say n, once; a single line that says so
// already stays as it is spelled.
func setLength(fields *flow.Fields, n int64) {
	var b [20]byte
	if v := strconv.AppendInt(b[:0], n, 10); fields.Get("Content-Length") != string(v) || count(*fields, "Content-Length") != 1 {
		fields.Set("Content-Length", string(v))
	}
}

// setChunked makes Transfer-Encoding name chunked as the final coding; a line
// that says only that stays as it is spelled.
func setChunked(fields *flow.Fields) {
	if count(*fields, "Transfer-Encoding") != 1 || !flow.EqualFold(fields.Get("Transfer-Encoding"), "chunked") {
		fields.Set("Transfer-Encoding", "chunked")
	}
}

func count(fields flow.Fields, name string) (n int) {
	for i := range fields {
		if flow.EqualFold(fields[i].Name, name) {
			n++
		}
	}
	return n
}
