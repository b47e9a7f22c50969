package capture

import (
	"io"
	"iter"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/redaction"
	"midstream/internal/store"
)

// Redacted gives the flows of src as r lets them be seen. What cannot be looked
// into is not in them, and Lost says so. Close closes src.
func Redacted(src Source, r *redaction.Redactor) Source { return &redacted{Source: src, r: r} }

type redacted struct {
	Source
	r      *redaction.Redactor
	bodies spool
}

func (s *redacted) Next() (*format.Item, error) {
	s.bodies.reset()
	it, err := s.Source.Next()
	if it == nil {
		return nil, err
	}
	seen, failed := redact(it, s.r, &s.bodies)
	if failed != nil {
		return nil, failed
	}
	return seen, err
}

func (s *redacted) Close() error {
	err := s.bodies.Close()
	if cerr := s.Source.Close(); err == nil {
		err = cerr
	}
	return err
}

// RedactedItem is what r lets be seen of a flow; done lets go of it.
func RedactedItem(it *format.Item, r *redaction.Redactor) (seen *format.Item, done func(), err error) {
	bodies := new(spool)
	if seen, err = redact(it, r, bodies); err != nil {
		bodies.Close()
		return nil, nil, err
	}
	return seen, func() { bodies.Close() }, nil
}

func redact(it *format.Item, r *redaction.Redactor, bodies *spool) (*format.Item, error) {
	by := r.Flow()
	f := *it.Flow
	seen := *it
	for side, b := range it.Bodies {
		if b == nil || b.Size() == 0 {
			continue
		}
		c := contentOf(it, flow.Side(side))
		through := by.Body(c)
		if through == nil {
			continue
		}
		out, err := redactBody(b, through, bodies)
		if err != nil {
			return nil, err
		}
		seen.Bodies[side] = out
		of := &f.RequestBody
		if flow.Side(side) == flow.ToClient {
			of = &f.ResponseBody
		}
		if why := through.Err(); why != nil {
			of.Record, of.Recorded, of.CutReason = flow.Cut, out.Size(), why.Error()
			seen.Lost = append(append([]string(nil), seen.Lost...), "some of the "+flow.Side(side).String()+" body: "+why.Error())
		} else if of.Sent == b.Size() || of.Recorded == b.Size() {
			of.Sent, of.Recorded = out.Size(), out.Size()
		}
	}
	switch {
	case it.Messages != nil && it.Closing != nil:
		seen.Messages = redactMessages(it.Messages, by)
	case it.Messages != nil:
		seen.Messages = redactPieces(it.Messages, r)
	}
	if it.Closing != nil {
		c := *it.Closing
		c.Reason = r.Text(c.Reason)
		seen.Closing = &c
	}
	seen.Flow = by.Picture(&f)
	return &seen, nil
}

// contentOf tells what a body is.
func contentOf(it *format.Item, side flow.Side) engine.Content {
	f := it.Flow
	c := engine.Content{Side: side, Request: f.Request, Response: f.Response}
	switch {
	case f.Kind != flow.HTTP:
		c.What = engine.InTunnel
	case flow.Switched(f.Request, f.Response) == "websocket":
		c.What, c.Fields = engine.InSocket, f.Response.Fields
	case flow.Switched(f.Request, f.Response) != "":
		c.What = engine.InTunnel
	case side == flow.ToServer && f.Request != nil:
		c.Fields = f.Request.Fields
	case side == flow.ToClient && f.Response != nil:
		c.Fields = f.Response.Fields
	}
	return c
}

// pieced is a body that knows the pieces that it came in.
type pieced interface {
	format.Body
	Pieces() iter.Seq2[store.Piece, error]
}

// redactBody goes through a body; the pieces stay those in which it came.
func redactBody(b format.Body, by engine.BodyRedaction, to *spool) (format.Body, error) {
	out := &redactedBody{}
	w, err := to.writer()
	if err != nil {
		return nil, err
	}
	from, size := to.size, int64(0)
	var failed error
	at := time.Time{}
	keep := func(p []byte) {
		if failed == nil {
			_, failed = w.Write(p)
		}
		out.pieces = out.pieces.add(store.Piece{Offset: size, Len: len(p), Time: at})
		size += int64(len(p))
	}
	buf := make([]byte, 32<<10)
	step := func(off int64, n int) error {
		for n > 0 && failed == nil {
			m, err := b.ReadAt(buf[:min(n, len(buf))], off)
			by.Write(buf[:m], keep)
			if off, n = off+int64(m), n-m; err != nil && (err != io.EOF || m == 0) {
				return err
			}
		}
		return failed
	}
	if own, ok := b.(pieced); ok {
		for p, perr := range own.Pieces() {
			if perr != nil {
				err = perr
				break
			}
			at = p.Time
			if err = step(p.Offset, p.Len); err != nil {
				break
			}
		}
	} else {
		for off := int64(0); off < b.Size() && err == nil; off += 32 << 10 {
			err = step(off, int(min(32<<10, b.Size()-off)))
		}
	}
	by.End(err == nil, keep)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	to.size += size
	section := io.NewSectionReader(to.file, from, size)
	if _, ok := b.(pieced); !ok {
		return section, nil
	}
	out.SectionReader = section
	return out, nil
}

// redactedBody is a body with pieces.
type redactedBody struct {
	*io.SectionReader
	pieces pieceList
}

func (b *redactedBody) Pieces() iter.Seq2[store.Piece, error] {
	return func(yield func(store.Piece, error) bool) {
		for _, p := range b.pieces {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// pieceList are the pieces of a body.
type pieceList []store.Piece

// mostPieces bounds them; those that come later are one.
const mostPieces = 1 << 20

// maxPiece bounds one, in octets.
const maxPiece = 1 << 20

func (l pieceList) add(p store.Piece) pieceList {
	if p.Len == 0 {
		return l
	}
	if n := len(l); n > 0 && (l[n-1].Time.Equal(p.Time) || n >= mostPieces) && l[n-1].Len+p.Len <= maxPiece {
		l[n-1].Len += p.Len
		return l
	}
	return append(l, p)
}

// redactMessages goes through the messages of a WebSocket.
func redactMessages(messages iter.Seq2[format.Message, error], by *redaction.Flow) iter.Seq2[format.Message, error] {
	return func(yield func(format.Message, error) bool) {
		for m, err := range messages {
			if err == nil && m.Content != nil {
				p := make([]byte, m.Content.Size())
				if _, rerr := m.Content.ReadAt(p, 0); rerr != nil && rerr != io.EOF {
					err = rerr
				}
				m.Content = format.Octets(by.Message(p))
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// redactPieces goes through what passed in a tunnel.
func redactPieces(messages iter.Seq2[format.Message, error], r *redaction.Redactor) iter.Seq2[format.Message, error] {
	return func(yield func(format.Message, error) bool) {
		by := r.Flow()
		var sides [2]engine.BodyRedaction
		var last [2]format.Message
		for side := range sides {
			sides[side] = by.Body(engine.Content{Side: flow.Side(side), What: engine.InTunnel})
		}
		var out []byte
		keep := func(p []byte) { out = append(out, p...) }
		for m, err := range messages {
			if err != nil {
				if !yield(m, err) {
					return
				}
				continue
			}
			side := flow.ToClient
			if m.FromClient {
				side = flow.ToServer
			}
			p := make([]byte, m.Content.Size())
			if _, rerr := m.Content.ReadAt(p, 0); rerr != nil && rerr != io.EOF {
				yield(m, rerr)
				return
			}
			out = nil
			sides[side].Write(p, keep)
			m.Content, last[side] = format.Octets(out), m
			if len(out) > 0 && !yield(m, nil) {
				return
			}
		}
		for side, by := range sides {
			out = nil
			if by.End(true, keep); len(out) > 0 {
				last[side].Content = format.Octets(out)
				if !yield(last[side], nil) {
					return
				}
			}
		}
	}
}
