package engine

import (
	"io"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/message"
	"midstream/internal/ws"
)

// markLimit is up to which length a message is seen whole when it has been sent,
// in octets; of a longer one only its place is noted.
const markLimit = 16 << 10

// marker finds the messages of a body when they have been sent on, and notes where
// they are. Where their format ends it stops: the body goes on all the same.
type marker struct {
	h    *half
	kind message.Kind

	split  *message.Splitter // nil where the whole is one text
	codec  message.Codec
	text   []byte         // of an error of Connect
	code   int            // of HTTP
	feed   *coding.Feeder // takes codings away; nil where there are none
	weight int64          // of feed
	over   bool
	now    time.Time
	mark   flow.Mark // of the message under way

	socket *ws.Splitter // of a direction of WebSocket; then split is nil
	watch  messageWatch
	head   []byte // the first octets of a long message
}

// What the decoders of codings take that run beside bodies to find their messages:
// a window of 32 KiB for gzip and deflate, of several MiB for the others. Bodies
// beyond the bound have their messages found by reading.
const (
	maxDecoders = 256
	lightWeight = 1
	heavyWeight = 32
)

// decoderWeight is what a decoder of a coding counts for.
func decoderWeight(name string) int64 {
	switch {
	case coding.Identity(name):
		return 0
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"), strings.EqualFold(name, "deflate"):
		return lightWeight
	}
	return heavyWeight
}

// format makes the marker of a body that is sent with these fields, where it has
// messages and somebody wants to know.
func (h *half) format(fields flow.Fields) {
	if h.formatted || !h.x.watched() {
		return
	}
	h.formatted = true
	h.hide(InBody, fields)
	kind, boundary := message.Of(fields.Joined("Content-Type"))
	if kind == message.None {
		return
	}
	if h.marks = newMarker(h, kind, boundary, fields); h.marks != nil {
		h.marks.watch = h.x.watchMessages()
	}
}

// errorBody makes the marker of a body that says why a call of Connect failed.
func (h *half) errorBody(status int, fields flow.Fields) {
	if h.marks = newMarker(h, message.None, "", fields); h.marks != nil {
		h.marks.code = status
	}
}

// newMarker returns nil where the content cannot be had.
func newMarker(h *half, kind message.Kind, boundary string, fields flow.Fields) *marker {
	m := &marker{h: h, kind: kind, codec: message.Codec{Kind: kind, Coding: message.PayloadCoding(kind, fields)}}
	if kind != message.None {
		m.split = message.New(kind, boundary, markLimit)
	}
	name := fields.Joined("Content-Encoding")
	if !coding.Identity(name) || kind == message.GRPCWebText {
		m.weight = decoderWeight(name)
		if h.x.e.decoders.Add(m.weight) > maxDecoders {
			h.x.e.decoders.Add(-m.weight)
			return nil
		}
		var err error
		m.feed, err = coding.NewFeeder(func(r io.Reader) (io.Reader, error) {
			if !coding.Identity(name) {
				d, err := coding.NewDecoder(name, r)
				if err != nil {
					return nil, err
				}
				r = d
			}
			if kind == message.GRPCWebText {
				r = message.Base64(r)
			}
			return r, nil
		}, m.content)
		if err != nil {
			h.x.e.decoders.Add(-m.weight)
			return nil
		}
	}
	return m
}

// sent takes octets of the body that have been sent on.
func (m *marker) sent(p []byte) {
	if m == nil || m.over {
		return
	}
	m.now = m.h.x.order.at(m.h.side)
	if m.socket != nil {
		m.frames(p)
		return
	}
	if m.feed == nil {
		m.content(p)
		return
	}
	if _, err := m.feed.Write(p); err != nil {
		m.over = true
	}
}

// end tells that no more will be sent.
func (m *marker) end() {
	if m == nil {
		return
	}
	if m.feed != nil {
		if !m.over {
			m.feed.End()
		}
		m.feed.Close()
		m.h.x.e.decoders.Add(-m.weight)
	}
	if m.socket != nil {
		m.socket.Close()
		m.over = true
		return
	}
	if m.split == nil {
		m.h.x.noteCall(message.ErrorStatus(m.text, m.code))
		m.over = true
		return
	}
	m.split.End()
	m.drain()
	if m.mark.Lost {
		m.note(nil)
	}
	m.over = true
}

// content takes octets of the content.
func (m *marker) content(p []byte) {
	if m.mark.Lost {
		m.mark.Length += int64(len(p))
		return
	}
	if m.split == nil {
		m.text = append(m.text, p[:min(len(p), maxErrorBody-len(m.text))]...)
		return
	}
	m.split.Write(p)
	m.drain()
}

func (m *marker) drain() {
	for p, ok := m.split.Next(); ok; p, ok = m.split.Next() {
		switch {
		case p.What == message.Gap:
			continue
		case m.mark.Lost:
			m.mark.Length += int64(len(p.Raw))
			continue
		case p.Part.Begins():
			if m.head = m.head[:0]; m.watch.by != nil && p.Part == message.First {
				m.head = append(m.head, p.Raw[:min(len(p.Raw), maxWatched)]...)
			}
			m.mark = flow.Mark{Offset: p.Offset, Attr: attrOf(m.kind, p.Raw), Lost: p.What == message.Lost}
		}
		m.mark.Length += int64(len(p.Raw))
		m.mark.Unfinished = p.Unfinished
		if m.mark.Attr > 1 && p.Part == message.Whole && !p.Unfinished && !m.mark.Lost {
			m.status(p.Raw)
		}
		if p.Part.Ends() && !m.mark.Lost {
			raw := p.Raw
			if len(m.head) > 0 {
				raw = m.head
			}
			m.note(raw)
		}
	}
}

// note hands a mark on.
func (m *marker) note(raw []byte) {
	m.mark.Time = m.now
	n := m.h.messages.Add(1)
	m.h.x.record.Mark(m.h.side, m.mark)
	m.watch.tell(&m.h.x.order, message.Passed{Side: m.h.side, Kind: m.kind, Coding: m.codec.Coding, Index: n - 1, Mark: m.mark, Raw: raw})
}

// attrOf is what a mark tells of the format of its message.
func attrOf(k message.Kind, raw []byte) uint32 {
	switch k {
	case message.GRPC, message.GRPCWeb, message.GRPCWebText, message.Connect:
		return uint32(raw[0])
	}
	return 0
}
