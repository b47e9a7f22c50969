package redaction

import (
	"fmt"

	"midstream/flow"
	"midstream/internal/message"
)

// maxMessage is how long a message in a frame may be to be looked into, in octets;
// what is longer is not kept.
const maxMessage = 1 << 20

// frames goes through messages that stand in frames with a length: gRPC, Connect,
// and event streams of AWS. Each is put into a frame anew, not compressed.
type frames struct {
	h     *hand
	out   sink
	kind  message.Kind
	codec message.Codec
	split *message.Splitter
	json  bool // what messages say is JSON
	buf   []byte
}

func newFrames(h *hand, out sink, kind message.Kind, fields flow.Fields) *frames {
	return &frames{h: h, out: out, kind: kind, split: message.New(kind, "", maxMessage),
		codec: message.Codec{Kind: kind, Coding: message.PayloadCoding(kind, fields)},
		json:  jsonMedia(fields.Get("Content-Type"))}
}

func (f *frames) write(p []byte) {
	f.split.Write(p)
	f.run()
}

func (f *frames) end(bool) {
	f.split.End()
	f.run()
}

func (f *frames) run() {
	for f.h.err == nil {
		p, ok := f.split.Next()
		if !ok {
			return
		}
		switch {
		case p.What == message.Gap:
			f.out(p.Raw)
		case p.What == message.Lost:
			f.h.fail(fmt.Sprintf("from byte %d on it is not %s: what follows was not looked into, and so was not recorded", p.Offset, f.kind))
		case p.Part == message.Whole && !p.Unfinished:
			f.message(p.Raw)
		case p.Part == message.Whole || p.Part == message.First:
			f.hide(p.Raw, "not looked into: it is not whole, or has more than 1 MiB")
		}
	}
}

// message gives out a whole one.
func (f *frames) message(raw []byte) {
	m, err := f.codec.Read(raw)
	if err != nil {
		f.hide(raw, "not looked into: "+err.Error())
		return
	}
	switch {
	case m.Trailers && f.kind != message.Connect:
		m.Data = f.h.section(m.Data)
	case f.json || m.Trailers || f.kind == message.AWS || looksLikeJSON(m.Data):
		m.Data = f.h.content(m.Data, newText)
	default:
		// The lengths inside a binary message stay right.
		f.h.exact = true
		m.Data = f.h.content(m.Data, func(_ *hand, out sink) stage { return plain{out} })
		f.h.exact = false
	}
	m.Compressed = false
	if f.h.err != nil {
		return
	}
	f.buf, err = f.codec.Append(f.buf[:0], raw, &m)
	if err != nil {
		f.hide(raw, "not looked into: "+err.Error())
		return
	}
	f.out(f.buf)
	if cap(f.buf) > 64<<10 {
		f.buf = nil
	}
}

// hide gives out a word in the place of a message.
func (f *frames) hide(raw []byte, why string) {
	m := message.Content{Data: []byte("[redacted: " + why + "]")}
	b, err := f.codec.Append(nil, raw, &m)
	if err != nil {
		f.h.fail("a message is not whole: it was not recorded")
		return
	}
	f.out(b)
}

// content is what may be seen of a text that is at hand, after the stage that make
// makes and the user's patterns.
func (h *hand) content(text []byte, make func(*hand, sink) stage) []byte {
	return whole(func(out sink) stage { return h.chain(out, make) }, text)
}

// section is content of a section of field lines.
func (h *hand) section(text []byte) []byte {
	return h.content(text, raw)
}

// newText goes through a text that may be JSON.
func newText(h *hand, out sink) stage { return &sniff{h: h, out: out} }

func looksLikeJSON(p []byte) bool {
	for _, c := range p {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '{' || c == '['
	}
	return false
}
