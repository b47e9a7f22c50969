package view

import (
	"errors"
	"mime"

	"midstream/internal/message"
)

// showMultipart prints each part: its fields, and its body where that is text.
func showMultipart(s *source, p *page) error {
	_, params, err := mime.ParseMediaType(s.in.Fields.Joined("Content-Type"))
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 256 {
		s.all() // another view may show it
		return errors.New("its type names no boundary")
	}
	n := 0
	return split(s, p, message.New(message.Multipart, boundary, 0), func(m piece) error {
		if n++; n > 1 {
			p.end()
		}
		part, err := message.ParsePart(m.raw)
		p.row("--- part %d, %d bytes", n, len(part.Body))
		for _, f := range part.Fields {
			pair(p, f.Name, f.Value)
		}
		content(p, 1, part.Body)
		if m.cut {
			p.row("  (a large part: only its start is shown)")
		}
		return err
	})
}

// content prints the body of a part or the payload of a message by its look.
func content(p *page, depth int, body []byte) {
	if len(body) == 0 || p.full {
		return
	}
	switch byMagic(body) {
	case "json":
		_ = indented(p, depth, body) // what is no JSON is passed on
	case "hex":
		for i := 0; i < len(body) && !p.full; i += hexWidth {
			p.indent(depth)
			hexLine(p, int64(i), body[i:min(i+hexWidth, len(body))])
		}
	case "image":
		for _, line := range imageLines(body) {
			p.indent(depth)
			pair(p, line[0], line[1])
		}
	default:
		lines(p, depth, body)
	}
}
