package store

import (
	"encoding/binary"
	"sort"
	"time"

	"midstream/flow"
)

// The tags of a flow's picture. They are on disk and never change.
const (
	tagID           = 1
	tagKind         = 2
	tagClient       = 3 // a connection in place
	tagServer       = 4
	tagClientAt     = 5 // the position of a conn record
	tagServerAt     = 6
	tagRequest      = 7
	tagResponse     = 8
	tagInterim      = 9
	tagRequestBody  = 10
	tagResponseBody = 11
	tagTry          = 12
	tagFinding      = 13
	tagOutcome      = 14
	tagStart        = 15
	tagEnd          = 16
	tagMarker       = 17
	tagComment      = 18
	tagMetadata     = 19
	tagBase         = 20 // arrival times of pieces count from here
	tagBodiesAt     = 21 // no piece of the flow stands before this position
	tagExtents      = 22 // one for each side that has some
	tagAgain        = 23 // 1: the flow had an end record already, and says nothing new
	tagReplayed     = 24
	tagCarried      = 25
	tagMarks        = 26 // one for each side that has some
	tagRPC          = 27 // protocol, code, message
	tagBefore       = 28 // what hooks changed, as it was
)

// The tags of what was before a change.
const (
	tagBy             = 1 // one for each addon
	tagWasRequest     = 2
	tagWasResponse    = 3
	tagWasRequestBody = 4 // size, octets, SHA-256
	tagWasAnswerBody  = 5
)

// The tags of a message.
const (
	tagVersion   = 1
	tagFields    = 2
	tagTrailers  = 3
	tagWire      = 4
	tagMsgStart  = 5
	tagMsgEnd    = 6
	tagMethod    = 7
	tagScheme    = 8
	tagHost      = 9
	tagPort      = 10
	tagAuthority = 11
	tagPath      = 12
	tagForm      = 13
	tagStatus    = 14
	tagReason    = 15
	tagPseudos   = 16
	tagPriority  = 17
	tagProtocol  = 18
)

// The tags of a body.
const (
	tagDisposition = 1
	tagWhy         = 2
	tagChange      = 3
	tagDeclared    = 4
	tagReceived    = 5
	tagSent        = 6
	tagRecord      = 7
	tagRecorded    = 8
	tagCutReason   = 9
	tagTransformed = 10
	tagEnded       = 11
	tagMessages    = 12
)

// The tags of a connection and of its TLS part.
const (
	tagConnID      = 1
	tagAddress     = 2
	tagPeer        = 3
	tagLocal       = 4
	tagTLS         = 5
	tagMode        = 6
	tagConnStart   = 7
	tagConnected   = 8
	tagSecured     = 9
	tagConnEnd     = 10
	tagOpening     = 11
	tagVia         = 12
	tagTLSVersion  = 1
	tagCipher      = 2
	tagSNI         = 3
	tagALPN        = 4
	tagOffered     = 5
	tagResumed     = 6
	tagCertificate = 7
	tagJA3         = 8
	tagJA4         = 9
)

// The tags of the smallest parts: tries, findings, outcomes, changes, metadata.
const (
	tagFirst  = 1
	tagSecond = 2
	tagThird  = 3
	tagFourth = 4
	tagFifth  = 5
)

// appendFlow writes the picture f. client and server are the positions of
// their conn records, 0 to write the connection in place.
func appendFlow(dst []byte, f *flow.Flow, client, server Pos) []byte {
	dst = appendString(dst, tagID, string(f.ID[:]))
	dst = appendUint(dst, tagKind, uint64(f.Kind))
	dst = appendConnRef(dst, f.Client, tagClient, tagClientAt, client)
	dst = appendConnRef(dst, f.Server, tagServer, tagServerAt, server)
	if f.Request != nil {
		dst = appendRequest(dst, tagRequest, f.Request, f.Start)
	}
	if f.Response != nil {
		dst = appendResponse(dst, tagResponse, f.Response, f.Start)
	}
	for i := range f.Interim {
		dst = appendResponse(dst, tagInterim, &f.Interim[i], f.Start)
	}
	dst = appendBody(dst, tagRequestBody, &f.RequestBody)
	dst = appendBody(dst, tagResponseBody, &f.ResponseBody)
	for i := range f.Tries {
		t := &f.Tries[i]
		var at int
		dst, at = openNested(dst, tagTry)
		dst = appendString(dst, tagFirst, t.Address)
		dst = appendTime(dst, tagSecond, steady(f.Start, t.Start))
		dst = appendBool(dst, tagThird, t.Reused)
		dst = appendString(dst, tagFourth, t.Error)
		dst = closeNested(dst, at)
	}
	for _, g := range f.Findings {
		dst = appendPair(dst, tagFinding, g.Code, g.Text)
	}
	if f.Outcome != (flow.Outcome{}) {
		var at int
		dst, at = openNested(dst, tagOutcome)
		dst = appendUint(dst, tagFirst, uint64(f.Outcome.Kind))
		dst = appendInt(dst, tagSecond, f.Outcome.Bytes)
		dst = appendString(dst, tagThird, f.Outcome.Phase)
		dst = appendString(dst, tagFourth, f.Outcome.Text)
		dst = appendUint(dst, tagFifth, uint64(f.Outcome.Answered))
		dst = closeNested(dst, at)
	}
	dst = appendTime(dst, tagStart, f.Start)
	dst = appendTime(dst, tagEnd, steady(f.Start, f.End))
	dst = appendString(dst, tagMarker, f.Marker)
	dst = appendString(dst, tagComment, f.Comment)
	if len(f.Metadata) > 0 {
		keys := make([]string, 0, len(f.Metadata))
		for k := range f.Metadata {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			dst = appendPair(dst, tagMetadata, k, f.Metadata[k])
		}
	}
	if r := f.RPC; r != nil {
		var at int
		dst, at = openNested(dst, tagRPC)
		dst = appendString(dst, tagFirst, r.Protocol)
		dst = appendUint(dst, tagSecond, uint64(r.Code))
		dst = appendString(dst, tagThird, r.Message)
		dst = closeNested(dst, at)
	}
	if f.Before != nil {
		dst = appendBefore(dst, f.Before, f.Start)
	}
	dst = appendUint(dst, tagReplayed, uint64(f.Replayed))
	return appendString(dst, tagCarried, string(f.Carried))
}

func appendPair(dst []byte, tag uint64, a, b string) []byte {
	dst, at := openNested(dst, tag)
	dst = appendString(dst, tagFirst, a)
	dst = appendString(dst, tagSecond, b)
	return closeNested(dst, at)
}

func appendConnRef(dst []byte, c *flow.Conn, inPlace, ref uint64, pos Pos) []byte {
	if c == nil {
		return dst
	}
	if pos != 0 {
		return appendUint(dst, ref, uint64(pos))
	}
	dst, at := openNested(dst, inPlace)
	dst = appendConn(dst, c)
	return closeNested(dst, at)
}

func appendConn(dst []byte, c *flow.Conn) []byte {
	dst = appendString(dst, tagConnID, string(c.ID[:]))
	dst = appendString(dst, tagAddress, c.Address)
	dst = appendString(dst, tagPeer, c.Peer)
	dst = appendString(dst, tagLocal, c.Local)
	if t := c.TLS; t != nil {
		var at int
		dst, at = openNested(dst, tagTLS)
		dst = appendUint(dst, tagTLSVersion, uint64(t.Version))
		dst = appendUint(dst, tagCipher, uint64(t.Cipher))
		dst = appendString(dst, tagSNI, t.SNI)
		dst = appendString(dst, tagALPN, t.ALPN)
		for _, o := range t.Offered {
			dst = appendString(dst, tagOffered, o)
		}
		dst = appendBool(dst, tagResumed, t.Resumed)
		dst = appendString(dst, tagJA3, t.JA3)
		dst = appendString(dst, tagJA4, t.JA4)
		for _, cert := range t.Certificates {
			dst = binary.AppendUvarint(dst, tagCertificate<<1|1)
			dst = binary.AppendUvarint(dst, uint64(len(cert)))
			dst = append(dst, cert...)
		}
		dst = closeNested(dst, at)
	}
	if c.HTTP2 != nil {
		dst = appendOpening(dst, c.HTTP2)
	}
	dst = appendString(dst, tagMode, c.Mode)
	dst = appendString(dst, tagVia, c.Via)
	dst = appendTime(dst, tagConnStart, c.Start)
	dst = appendTime(dst, tagConnected, steady(c.Start, c.Connected))
	dst = appendTime(dst, tagSecured, steady(c.Start, c.Secured))
	return appendTime(dst, tagConnEnd, steady(c.Start, c.End))
}

func appendRequest(dst []byte, tag uint64, r *flow.Request, base time.Time) []byte {
	dst, at := openNested(dst, tag)
	dst = appendMessage(dst, &r.Message, base)
	dst = appendString(dst, tagMethod, r.Method)
	dst = appendString(dst, tagScheme, r.Scheme)
	dst = appendString(dst, tagHost, r.Host)
	dst = appendUint(dst, tagPort, uint64(r.Port))
	dst = appendString(dst, tagAuthority, r.Authority)
	dst = appendString(dst, tagPath, r.Path)
	dst = appendUint(dst, tagForm, uint64(r.Form))
	dst = appendString(dst, tagPseudos, r.Pseudos)
	if r.Priority != nil {
		dst = appendPriority(dst, tagPriority, r.Priority)
	}
	dst = appendString(dst, tagProtocol, r.Protocol)
	return closeNested(dst, at)
}

func appendResponse(dst []byte, tag uint64, r *flow.Response, base time.Time) []byte {
	dst, at := openNested(dst, tag)
	dst = appendMessage(dst, &r.Message, base)
	dst = appendInt(dst, tagStatus, int64(r.Status))
	dst = appendString(dst, tagReason, r.Reason)
	return closeNested(dst, at)
}

func appendMessage(dst []byte, m *flow.Message, base time.Time) []byte {
	dst = appendUint(dst, tagVersion, uint64(m.Version))
	dst = appendFields(dst, tagFields, m.Fields)
	dst = appendFields(dst, tagTrailers, m.Trailers)
	dst = appendString(dst, tagWire, m.Wire)
	dst = appendTime(dst, tagMsgStart, steady(base, m.Start))
	return appendTime(dst, tagMsgEnd, steady(base, m.End))
}

func appendBody(dst []byte, tag uint64, b *flow.Body) []byte {
	dst, at := openNested(dst, tag)
	dst = appendUint(dst, tagDisposition, uint64(b.Disposition))
	dst = appendString(dst, tagWhy, b.Reason)
	for _, c := range b.Changes {
		var in int
		dst, in = openNested(dst, tagChange)
		dst = appendInt(dst, tagFirst, c.Offset)
		dst = appendUint(dst, tagSecond, uint64(c.To))
		dst = appendString(dst, tagThird, c.Reason)
		dst = closeNested(dst, in)
	}
	dst = appendInt(dst, tagDeclared, b.Declared)
	dst = appendInt(dst, tagReceived, b.Received)
	dst = appendInt(dst, tagSent, b.Sent)
	dst = appendUint(dst, tagRecord, uint64(b.Record))
	dst = appendInt(dst, tagRecorded, b.Recorded)
	dst = appendString(dst, tagCutReason, b.CutReason)
	dst = appendBool(dst, tagTransformed, b.Transformed)
	dst = appendBool(dst, tagEnded, b.Ended)
	dst = appendInt(dst, tagMessages, b.Messages)
	return closeNested(dst, at)
}

// How a field's Wire is written. The numbers are on disk and never change.
const (
	wireNone  = 0 // there is none
	wirePlain = 1 // it is Name ": " Value
	wireOwn   = 2 // it follows the value
	wireNever = 3 // there is none, and the field is never indexed
)

func appendFields(dst []byte, tag uint64, fs flow.Fields) []byte {
	if len(fs) == 0 {
		return dst
	}
	dst, at := openNested(dst, tag)
	for i := range fs {
		f := &fs[i]
		how := uint64(wireOwn)
		switch {
		case f.Wire == "" && f.NeverIndexed:
			how = wireNever
		case f.Wire == "":
			how = wireNone
		case plain(f):
			how = wirePlain
		}
		dst = binary.AppendUvarint(dst, uint64(len(f.Name))<<2|how)
		dst = append(dst, f.Name...)
		dst = binary.AppendUvarint(dst, uint64(len(f.Value)))
		dst = append(dst, f.Value...)
		if how == wireOwn {
			dst = binary.AppendUvarint(dst, uint64(len(f.Wire)))
			dst = append(dst, f.Wire...)
		}
	}
	return closeNested(dst, at)
}

func plain(f *flow.Field) bool {
	n, w := len(f.Name), f.Wire
	return len(w) == n+2+len(f.Value) && w[n] == ':' && w[n+1] == ' ' && w[:n] == f.Name && w[n+2:] == f.Value
}
