package view

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"midstream/internal/message"
	"midstream/internal/sse"
)

// piece is a message, of a large one the start.
type piece struct {
	raw             []byte
	cut, unfinished bool
}

var errLost = errors.New("from here on it is not in its format")

// split hands each message of the content to take.
func split(s *source, p *page, sp *message.Splitter, take func(piece) error) error {
	return splitReader(s.r, p, sp, take)
}

func splitReader(r io.Reader, p *page, sp *message.Splitter, take func(piece) error) error {
	buf := make([]byte, 32<<10)
	var first error
	for !p.full {
		n, err := r.Read(buf)
		sp.Write(buf[:n])
		if err != nil {
			sp.End()
		}
		for m, ok := sp.Next(); ok && !p.full; m, ok = sp.Next() {
			switch {
			case m.What == message.Lost:
				if first == nil {
					first = errLost
				}
			case m.What == message.Message && m.Part.Begins():
				if err := take(piece{m.Raw, m.Part != message.Whole, m.Unfinished}); err != nil && first == nil {
					first = err
				}
			}
		}
		if err == io.EOF {
			return first
		}
		if err != nil {
			return errCut
		}
	}
	return nil
}

// lines prints text, each line indented.
func lines(p *page, depth int, text []byte) {
	for line := range bytes.Lines(text) {
		if p.full {
			return
		}
		p.indent(depth)
		p.bytes(bytes.TrimRight(line, "\r\n"))
		p.end()
	}
}

// showEvents prints server-sent events and the messages of AWS, their data as
// JSON where it is.
func showEvents(s *source, p *page) error {
	if kind, _ := message.Of(s.in.Fields.Joined("Content-Type")); kind == message.AWS {
		return showAWS(s, p)
	}
	n := 0
	return split(s, p, message.New(message.SSE, "", 0), func(m piece) error {
		if n++; n > 1 {
			p.end()
		}
		e := sse.Parse(m.raw)
		if e.HasComment {
			for line := range bytes.Lines([]byte(e.Comment)) {
				p.row(": %s", bytes.TrimRight(line, "\n"))
			}
		}
		for _, f := range [][2]string{{"event", e.Event}, {"id", e.ID}, {"retry", e.Retry}} {
			if f[1] != "" {
				p.row("%s: %s", f[0], f[1])
			}
		}
		if e.HasData {
			data := []byte(e.Data)
			if byMagic(data) == "json" {
				p.row("data:")
				content(p, 1, data)
			} else if bytes.IndexByte(data, '\n') < 0 {
				p.row("data: %s", data)
			} else {
				p.row("data:")
				lines(p, 1, data)
			}
		}
		return state(p, m)
	})
}

// state says that a message is not whole.
func state(p *page, m piece) error {
	switch {
	case m.cut:
		p.row("(a large message: only its start is shown)")
	case m.unfinished:
		return errors.New("the body ends inside a message")
	}
	return nil
}

func showAWS(s *source, p *page) error {
	n := 0
	return split(s, p, message.New(message.AWS, "", 0), func(m piece) error {
		if n++; n > 1 {
			p.end()
		}
		if m.cut || m.unfinished {
			return state(p, m)
		}
		a, err := message.ParseAWS(m.raw)
		for _, h := range a.Headers {
			pair(p, h.Name, h.Value)
		}
		content(p, 1, a.Payload)
		return err
	})
}

// showNDJSON prints a JSON text a line, or JSON sequences, each indented.
func showNDJSON(s *source, p *page) error {
	kind, _ := message.Of(s.in.Fields.Joined("Content-Type"))
	if kind != message.JSONSeq {
		kind = message.NDJSON
	}
	n := 0
	return split(s, p, message.New(kind, "", 0), func(m piece) error {
		n++
		text := bytes.Trim(m.raw, "\x1e\r\n ")
		if len(text) == 0 {
			return nil
		}
		err := indented(p, 0, text)
		p.finish()
		switch {
		case m.cut:
			return state(p, m)
		case err != nil:
			return fmt.Errorf("text %d: %w", n, err)
		}
		return nil
	})
}
