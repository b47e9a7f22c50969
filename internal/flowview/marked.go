package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/message"
	"midstream/internal/store"
)

// places are the messages of a body that were noted when it passed, and its
// content, which is read from the first octet that is wanted on where it has no
// coding.
type places struct {
	marks *store.Marks
	first int64 // the marks before it, or what they are for, are gone
	count int64 // marks that can be used
	end   int64 // where the content behind the last of them begins
	all   bool  // there are no others

	open    func(at int64) (recorded, io.Reader, error)
	src     recorded
	content io.Reader
	decoder io.Closer
	pos     int64 // in the content
}

// openPlaces opens what is known of the messages of a body.
func (q *MessageQuery) openPlaces(ctx context.Context, r *store.Reader, f *flow.Flow, kind message.Kind) (*places, error) {
	b, m := bodyOf(f, q.Side), messageOf(f, q.Side)
	coded := ""
	if m != nil {
		coded = m.Fields.Joined("Content-Encoding")
	}
	plain := coding.Identity(coded) && kind != message.GRPCWebText
	p := &places{}
	p.open = func(at int64) (recorded, io.Reader, error) {
		src, first, err := q.open(ctx, r, f, at)
		if err != nil {
			return src, nil, err
		}
		if first > at {
			src.Close()
			return src, nil, &PartialError{fmt.Errorf("%w, and without them its messages cannot be told apart", goneError(at, first))}
		}
		return src, src, nil
	}
	if !plain {
		p.open = q.decoded(p.open, coded, kind, p)
	}
	var err error
	if p.marks, err = r.Marks(ctx, q.Number, q.Side); err != nil {
		return nil, err
	}
	p.first, p.count = p.marks.First(), p.marks.Count()
	if err := p.limit(ctx, r, q, plain); err != nil {
		p.Close()
		return nil, err
	}
	p.all = !f.Live() && b.Ended && p.count == b.Messages && p.count > 0
	return p, nil
}

// limit leaves out marks whose octets are not there, and finds where the last ends.
func (p *places) limit(ctx context.Context, r *store.Reader, q *MessageQuery, plain bool) error {
	if p.count == 0 {
		return nil
	}
	if plain {
		body, err := r.Body(ctx, q.Number, q.Side)
		if err != nil {
			return err
		}
		defer body.Close()
		// Octets of a body that was cut may be missing at its end, and old ones at
		// its start.
		n := sort.Search(int(p.count-p.first), func(i int) bool {
			m, err := p.marks.At(p.first + int64(i))
			return err != nil || m.Offset+m.Length > body.Size()
		})
		p.count = p.first + int64(n)
		p.first += int64(sort.Search(n, func(i int) bool {
			m, err := p.marks.At(p.first + int64(i))
			return err != nil || m.Offset >= body.First()
		}))
	}
	if p.count > p.first {
		m, err := p.marks.At(p.count - 1)
		if err != nil {
			// The table is damaged: all is found by reading.
			p.first, p.count = 0, 0
			return nil
		}
		if p.end = m.Offset + m.Length; m.Lost {
			p.all = true
		}
	}
	return nil
}

// decoded opens a content whose octets are coded: from its start.
func (q *MessageQuery) decoded(open func(int64) (recorded, io.Reader, error), coded string, kind message.Kind, p *places) func(int64) (recorded, io.Reader, error) {
	return func(at int64) (recorded, io.Reader, error) {
		src, content, err := open(0)
		if err != nil {
			return src, nil, err
		}
		if !coding.Identity(coded) {
			d, err := coding.NewDecoder(coded, content)
			if err != nil {
				src.Close()
				return src, nil, fmt.Errorf("decode the %s body of flow %d: %w", q.Side, q.Number, err)
			}
			p.decoder = d
			content = d
		}
		if kind == message.GRPCWebText {
			content = message.Base64(content)
		}
		if _, err := io.CopyN(io.Discard, content, at); err != nil && err != io.EOF {
			src.Close()
			return src, nil, err
		}
		return src, content, nil
	}
}

// ended tells that no messages follow those that were noted.
func (p *places) ended() bool { return p.all }

// seek makes what is read next begin at an offset of the content.
func (p *places) seek(at int64) error {
	if p.content != nil && at > p.pos && at-p.pos <= 64<<10 || p.content != nil && p.decoder != nil && at > p.pos {
		n, err := io.CopyN(io.Discard, p.content, at-p.pos)
		p.pos += n
		return err
	}
	if p.content != nil && at == p.pos {
		return nil
	}
	p.closeContent()
	src, content, err := p.open(at)
	if err != nil {
		return err
	}
	p.src, p.content, p.pos = src, content, at
	return nil
}

func (p *places) closeContent() {
	if p.content == nil {
		return
	}
	if p.decoder != nil {
		p.decoder.Close()
		p.decoder = nil
	}
	p.src.Close()
	p.content = nil
}

// Close lets go of the files.
func (p *places) Close() {
	p.closeContent()
	p.marks.Close()
}

// at is when what was read last was about to be sent.
func (p *places) at() time.Time {
	if p.content == nil {
		return time.Time{}
	}
	return p.src.at()
}

// listMarked yields the messages that were noted, and tells whether more are
// wanted.
func (q *MessageQuery) listMarked(p *places, kind message.Kind, coded string, yield func(*Message) bool) (more bool, err error) {
	m := Message{Kind: kind, Coding: coded}
	for i := max(q.From, p.first); i < p.count; i++ {
		mark, err := p.marks.At(i)
		if err != nil {
			return true, err
		}
		m.Index, m.Offset, m.Length, m.Time = i, mark.Offset, mark.Length, mark.Time
		m.Unfinished, m.Lost = mark.Unfinished, mark.Lost
		if err := p.seek(mark.Offset); err != nil {
			return true, err
		}
		size := int(min(mark.Length, message.DefaultLimit))
		if cap(m.Raw) < size {
			m.Raw = make([]byte, size)
		}
		n, err := io.ReadFull(p.content, m.Raw[:size])
		p.pos += int64(n)
		if m.Raw = m.Raw[:n]; err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			if err != io.EOF {
				return true, err
			}
		}
		if !yield(&m) || q.Count > 0 && i+1 >= q.From+q.Count {
			return false, nil
		}
	}
	return true, nil
}

// listRest finds the messages behind those that were noted by reading.
func (q *MessageQuery) listRest(p *places, kind message.Kind, boundary, coded string, yield func(*Message) bool) (more bool, err error) {
	if err := p.seek(p.end); err != nil {
		return true, err
	}
	l := &listing{q: q, yield: yield, at: p.at, split: message.Resume(kind, boundary, 0, p.end), next: p.count}
	l.m.Kind, l.m.Coding = kind, coded
	return l.read(p.content)
}
