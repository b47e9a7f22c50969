package store

import (
	"encoding/binary"
	"fmt"

	"midstream/flow"
)

// picture is what a head or end record says.
type picture struct {
	flow     *flow.Flow
	client   Pos // conn records to read, 0 for none
	server   Pos
	base     int64 // microseconds since 1970
	bodiesAt Pos
	extents  [sides]extentList
	marks    [2]extentList
	again    bool // the flow had an end record already
}

// decodePicture reads the payload of a head or end record. The strings share
// no memory with p.
func decodePicture(p []byte) (*picture, error) {
	pic := &picture{flow: &flow.Flow{}}
	f := pic.flow
	err := values(p, func(v value) error {
		switch v.tag {
		case tagID:
			copy(f.ID[:], v.octets)
		case tagKind:
			f.Kind = flow.Kind(v.number)
		case tagClient:
			return decodeInto(&f.Client, v, decodeConn)
		case tagServer:
			return decodeInto(&f.Server, v, decodeConn)
		case tagClientAt:
			pic.client = Pos(v.number)
		case tagServerAt:
			pic.server = Pos(v.number)
		case tagRequest:
			return decodeInto(&f.Request, v, decodeRequest)
		case tagResponse:
			return decodeInto(&f.Response, v, decodeResponse)
		case tagInterim:
			r, err := decodeResponse(v.octets)
			if err == nil {
				f.Interim = append(f.Interim, *r)
			}
			return err
		case tagRequestBody:
			return decodeBody(v.octets, &f.RequestBody)
		case tagResponseBody:
			return decodeBody(v.octets, &f.ResponseBody)
		case tagTry:
			return decodeTry(v.octets, f)
		case tagFinding:
			code, text, err := decodePair(v.octets)
			f.Findings = append(f.Findings, flow.Finding{Code: code, Text: text})
			return err
		case tagOutcome:
			return decodeOutcome(v.octets, &f.Outcome)
		case tagStart:
			f.Start = v.time()
		case tagEnd:
			f.End = v.time()
		case tagMarker:
			f.Marker = v.string()
		case tagComment:
			f.Comment = v.string()
		case tagMetadata:
			k, val, err := decodePair(v.octets)
			if f.Metadata == nil {
				f.Metadata = make(map[string]string)
			}
			f.Metadata[k] = val
			return err
		case tagRPC:
			f.RPC = &flow.RPC{}
			return values(v.octets, func(v value) error {
				switch v.tag {
				case tagFirst:
					f.RPC.Protocol = v.string()
				case tagSecond:
					f.RPC.Code = uint32(v.number)
				case tagThird:
					f.RPC.Message = v.string()
				}
				return nil
			})
		case tagBefore:
			return decodeInto(&f.Before, v, decodeBefore)
		case tagReplayed:
			f.Replayed = flow.Replayed(v.number)
		case tagCarried:
			f.Carried = append([]byte(nil), v.octets...)
		case tagBase:
			pic.base = v.int()
		case tagBodiesAt:
			pic.bodiesAt = Pos(v.number)
		case tagAgain:
			pic.again = v.number == 1
		case tagExtents:
			list, side, err := decodeExtents(v.octets)
			if err == nil {
				pic.extents[side] = list
			}
			return err
		case tagMarks:
			list, side, err := decodeExtents(v.octets)
			if err == nil {
				pic.marks[side&1] = list
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("decode flow: %w", err)
	}
	return pic, nil
}

func decodeInto[T any](to **T, v value, decode func([]byte) (*T, error)) error {
	x, err := decode(v.octets)
	if err == nil {
		*to = x
	}
	return err
}

func decodePair(p []byte) (a, b string, err error) {
	err = values(p, func(v value) error {
		switch v.tag {
		case tagFirst:
			a = v.string()
		case tagSecond:
			b = v.string()
		}
		return nil
	})
	return a, b, err
}

func decodeTry(p []byte, f *flow.Flow) error {
	var t flow.Try
	err := values(p, func(v value) error {
		switch v.tag {
		case tagFirst:
			t.Address = v.string()
		case tagSecond:
			t.Start = v.time()
		case tagThird:
			t.Reused = v.number == 1
		case tagFourth:
			t.Error = v.string()
		}
		return nil
	})
	f.Tries = append(f.Tries, t)
	return err
}

func decodeOutcome(p []byte, o *flow.Outcome) error {
	return values(p, func(v value) error {
		switch v.tag {
		case tagFirst:
			o.Kind = flow.OutcomeKind(v.number)
		case tagSecond:
			o.Bytes = v.int()
		case tagThird:
			o.Phase = v.string()
		case tagFourth:
			o.Text = v.string()
		case tagFifth:
			o.Answered = int(v.number)
		}
		return nil
	})
}

func decodeRequest(p []byte) (*flow.Request, error) {
	r := new(flow.Request)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagMethod:
			r.Method = v.string()
		case tagScheme:
			r.Scheme = v.string()
		case tagHost:
			r.Host = v.string()
		case tagPort:
			r.Port = uint16(v.number)
		case tagAuthority:
			r.Authority = v.string()
		case tagPath:
			r.Path = v.string()
		case tagForm:
			r.Form = flow.Form(v.number)
		case tagPseudos:
			r.Pseudos = v.string()
		case tagPriority:
			return decodeInto(&r.Priority, v, decodePriority)
		case tagProtocol:
			r.Protocol = v.string()
		default:
			return decodeMessage(v, &r.Message)
		}
		return nil
	})
	return r, err
}

func decodeResponse(p []byte) (*flow.Response, error) {
	r := new(flow.Response)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagStatus:
			r.Status = int(v.int())
		case tagReason:
			r.Reason = v.string()
		default:
			return decodeMessage(v, &r.Message)
		}
		return nil
	})
	return r, err
}

func decodeMessage(v value, m *flow.Message) (err error) {
	switch v.tag {
	case tagVersion:
		m.Version = flow.Version(v.number)
	case tagFields:
		m.Fields, err = decodeFields(v.octets)
	case tagTrailers:
		m.Trailers, err = decodeFields(v.octets)
	case tagWire:
		m.Wire = v.string()
	case tagMsgStart:
		m.Start = v.time()
	case tagMsgEnd:
		m.End = v.time()
	}
	return err
}

func decodeFields(p []byte) (flow.Fields, error) {
	var fs flow.Fields
	cut := func(n uint64) (string, bool) {
		if n > uint64(len(p)) {
			return "", false
		}
		s := string(p[:n])
		p = p[n:]
		return s, true
	}
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			return 0, false
		}
		p = p[n:]
		return v, true
	}
	text := func() (string, bool) {
		n, ok := next()
		if !ok {
			return "", false
		}
		return cut(n)
	}
	for len(p) > 0 {
		key, ok := next()
		if !ok {
			return nil, errMalformed
		}
		var f flow.Field
		if f.Name, ok = cut(key >> 2); !ok {
			return nil, errMalformed
		}
		if f.Value, ok = text(); !ok {
			return nil, errMalformed
		}
		switch key & 3 {
		case wireNever:
			f.NeverIndexed = true
		case wirePlain:
			f.Wire = f.Name + ": " + f.Value
		case wireOwn:
			if f.Wire, ok = text(); !ok {
				return nil, errMalformed
			}
		}
		fs = append(fs, f)
	}
	return fs, nil
}

func decodeBody(p []byte, b *flow.Body) error {
	return values(p, func(v value) error {
		switch v.tag {
		case tagDisposition:
			b.Disposition = flow.Disposition(v.number)
		case tagWhy:
			b.Reason = v.string()
		case tagChange:
			var c flow.Change
			err := values(v.octets, func(v value) error {
				switch v.tag {
				case tagFirst:
					c.Offset = v.int()
				case tagSecond:
					c.To = flow.Disposition(v.number)
				case tagThird:
					c.Reason = v.string()
				}
				return nil
			})
			b.Changes = append(b.Changes, c)
			return err
		case tagDeclared:
			b.Declared = v.int()
		case tagReceived:
			b.Received = v.int()
		case tagSent:
			b.Sent = v.int()
		case tagRecord:
			b.Record = flow.Record(v.number)
		case tagRecorded:
			b.Recorded = v.int()
		case tagCutReason:
			b.CutReason = v.string()
		case tagTransformed:
			b.Transformed = v.number == 1
		case tagEnded:
			b.Ended = v.number == 1
		case tagMessages:
			b.Messages = v.int()
		}
		return nil
	})
}

func decodeConn(p []byte) (*flow.Conn, error) {
	c := new(flow.Conn)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagConnID:
			copy(c.ID[:], v.octets)
		case tagAddress:
			c.Address = v.string()
		case tagPeer:
			c.Peer = v.string()
		case tagLocal:
			c.Local = v.string()
		case tagTLS:
			return decodeInto(&c.TLS, v, decodeTLS)
		case tagOpening:
			return decodeInto(&c.HTTP2, v, decodeOpening)
		case tagMode:
			c.Mode = v.string()
		case tagVia:
			c.Via = v.string()
		case tagConnStart:
			c.Start = v.time()
		case tagConnected:
			c.Connected = v.time()
		case tagSecured:
			c.Secured = v.time()
		case tagConnEnd:
			c.End = v.time()
		}
		return nil
	})
	return c, err
}

func decodeTLS(p []byte) (*flow.TLS, error) {
	t := new(flow.TLS)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagTLSVersion:
			t.Version = uint16(v.number)
		case tagCipher:
			t.Cipher = uint16(v.number)
		case tagSNI:
			t.SNI = v.string()
		case tagALPN:
			t.ALPN = v.string()
		case tagOffered:
			t.Offered = append(t.Offered, v.string())
		case tagResumed:
			t.Resumed = v.number == 1
		case tagJA3:
			t.JA3 = v.string()
		case tagJA4:
			t.JA4 = v.string()
		case tagCertificate:
			t.Certificates = append(t.Certificates, append([]byte(nil), v.octets...))
		}
		return nil
	})
	return t, err
}
