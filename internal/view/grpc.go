package view

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"midstream/internal/coding"
	"midstream/internal/message"
)

// showGRPC prints the messages of gRPC, gRPC-Web and Connect.
func showGRPC(s *source, p *page) error {
	kind, _ := message.Of(s.in.Fields.Joined("Content-Type"))
	var r io.Reader = s.r
	switch kind {
	case message.GRPCWebText:
		r = message.Base64(s.r)
	case message.GRPC, message.GRPCWeb, message.Connect:
	default:
		kind = message.GRPC
	}
	coded := message.PayloadCoding(kind, s.in.Fields)
	asJSON := strings.HasSuffix(s.in.media(), "+json")
	n := 0
	return splitReader(r, p, message.New(kind, "", maxWhole), func(m piece) error {
		if n++; n > 1 {
			p.row("---")
		}
		if m.cut || m.unfinished {
			p.row("# message %d", n)
			return state(p, m)
		}
		f, err := message.ParsePrefixed(kind, m.raw)
		if err != nil {
			return err
		}
		payload := f.Payload
		what := fmt.Sprintf("# message %d, %d bytes", n, len(payload))
		switch {
		case f.Trailers:
			what = "# trailers"
		case f.End:
			what = "# end"
		}
		if f.Compressed && len(payload) > 0 {
			plain, err := inflated(coded, payload)
			if err != nil {
				p.row("%s, compressed: %v", what, err)
				content(p, 0, payload)
				return nil
			}
			what += fmt.Sprintf(", %s, %d decoded", coded, len(plain))
			payload = plain
		}
		p.row("%s", what)
		switch {
		case f.Trailers:
			lines(p, 0, payload)
		case f.End || asJSON:
			return indented(p, 0, payload)
		default:
			return protobufPayload(s, p, payload)
		}
		return nil
	})
}

func protobufPayload(s *source, p *page, payload []byte) error {
	if d := s.in.Schema.message(s.in); d != nil {
		if err := typed(p, 0, d, payload); err == nil {
			return nil
		}
		p.row("# it is no %s; fields are guessed", d.FullName())
	}
	if !wellFormed(payload, 0) {
		content(p, 0, payload)
		return errors.New("a message is no protobuf")
	}
	guess(p, 0, payload)
	return nil
}

func inflated(coded string, payload []byte) ([]byte, error) {
	if coding.Identity(coded) {
		return nil, errors.New("the head does not say how")
	}
	plain, err := coding.Decode(coded, bytes.Clone(payload), maxWhole)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", coded, err)
	}
	return plain, nil
}
