package redaction

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/engine"
	"midstream/internal/message"
)

// maxDecoding is how many bodies in a content coding are looked into at a time;
// those beyond are not kept.
const maxDecoding = 256

// octets goes through the octets of one side; it is an engine.BodyRedaction.
type octets struct {
	f     *Flow
	side  flow.Side
	h     hand
	first stage
	keep  func([]byte)
	ended bool

	feed *coding.Feeder // takes codings away; nil where there are none
	name string         // of the content coding
	enc  coding.Encoder // made with the first octet; nil without a coding
	out  bytes.Buffer
	text bool // gRPC-Web in base64
}

var _ engine.BodyRedaction = (*octets)(nil)

// Body begins the redaction of what is sent on; nil where nothing is looked for.
func (f *Flow) Body(c engine.Content) engine.BodyRedaction {
	f.learn(c.Request, c.Response)
	o := &octets{f: f, side: c.Side}
	o.h = hand{r: f.r, own: &f.own, hit: func(secret, tag string) { f.found(placeOf(c), secret, tag) }}
	switch c.What {
	case engine.InTunnel:
		o.first = o.h.chain(o.give, raw)
	case engine.InSocket:
		o.first = newSocket(&o.h, o.give, c.Side, c.Fields.Joined("Sec-WebSocket-Extensions"))
	default:
		make := f.r.maker(c.Fields)
		if make == nil {
			return nil
		}
		o.first = o.h.chain(o.give, make)
		f.looked(c.Side, !coding.Identity(c.Fields.Joined("Content-Encoding")))
		kind, _ := message.Of(c.Fields.Joined("Content-Type"))
		o.text = kind == message.GRPCWebText
		o.decode(c.Fields.Joined("Content-Encoding"))
	}
	return o
}

// placeOf says where something is.
func placeOf(c engine.Content) string {
	switch c.What {
	case engine.InTunnel:
		return "what was sent to the " + map[flow.Side]string{flow.ToServer: "server", flow.ToClient: "client"}[c.Side]
	case engine.InSocket:
		return "messages to the " + map[flow.Side]string{flow.ToServer: "server", flow.ToClient: "client"}[c.Side]
	}
	return "the " + c.Side.String() + " body"
}

// decode sets up what takes the codings away.
func (o *octets) decode(name string) {
	if coding.Identity(name) {
		if !o.text {
			return
		}
		name = ""
	}
	if !coding.Known(name) {
		o.h.fail(fmt.Sprintf("it has the content coding %.40q, which is not known: it was not looked into, and so was not recorded", name))
		return
	}
	if o.f.r.decoding.Add(1) > maxDecoding {
		o.f.r.decoding.Add(-1)
		o.h.fail(fmt.Sprintf("%d bodies in a content coding were being looked into already: it was not recorded", maxDecoding))
		return
	}
	o.name = name
	var err error
	o.feed, err = coding.NewFeeder(func(r io.Reader) (io.Reader, error) {
		if !coding.Identity(name) {
			d, err := coding.NewDecoder(name, r)
			if err != nil {
				return nil, err
			}
			r = d
		}
		if o.text {
			r = message.Base64(r)
		}
		return r, nil
	}, func(p []byte) {
		if o.h.err == nil && len(p) > 0 {
			o.first.write(p)
		}
	})
	if err != nil {
		o.f.r.decoding.Add(-1)
		o.h.fail(err.Error())
	}
}

// give takes what may be seen.
func (o *octets) give(p []byte) {
	if len(p) == 0 {
		return
	}
	if o.text {
		p = base64.StdEncoding.AppendEncode(nil, p)
	}
	if coding.Identity(o.name) {
		o.keep(p)
		return
	}
	if o.enc == nil {
		enc, err := coding.NewEncoder(o.name, &o.out)
		if err != nil {
			o.h.fail(err.Error())
			return
		}
		o.enc = enc
	}
	if _, err := o.enc.Write(p); err != nil {
		o.h.fail(err.Error())
	}
	o.drain()
}

// drain hands on what is coded.
func (o *octets) drain() {
	if o.out.Len() > 0 {
		o.keep(o.out.Bytes())
		o.out.Reset()
	}
}

// Write takes the next octets.
func (o *octets) Write(p []byte, keep func([]byte)) {
	if o.ended || o.h.err != nil {
		return
	}
	o.keep = keep
	if o.feed == nil {
		o.first.write(p)
		return
	}
	if _, err := o.feed.Write(p); err != nil {
		o.undecoded(err)
	}
	if o.enc != nil && o.h.err == nil {
		if err := o.enc.Flush(); err != nil {
			o.h.fail(err.Error())
		}
		o.drain()
	}
}

func (o *octets) undecoded(err error) {
	if o.h.err == nil {
		o.h.err = fmt.Errorf("what follows cannot be decoded (%w): it was not looked into, and so was not recorded", err)
	}
}

// End gives out the rest.
func (o *octets) End(whole bool, keep func([]byte)) {
	if o.ended {
		return
	}
	o.ended, o.keep = true, keep
	if o.feed != nil {
		if o.h.err == nil && whole {
			if err := o.feed.End(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				o.undecoded(err)
			}
		}
		o.feed.Close()
		o.f.r.decoding.Add(-1)
	}
	if o.first != nil {
		if o.h.err != nil {
			o.h.r.let(o.first)
		} else {
			o.first.end(whole)
		}
	}
	if o.enc == nil {
		return
	}
	if whole && o.h.err == nil {
		o.enc.Close()
		o.drain()
		return
	}
	// A broken one keeps what has come, without what would make it look complete.
	o.enc.Flush()
	o.drain()
	o.enc.Close()
	o.out.Reset()
}

// let lets go of what a stage has that takes no more.
func (r *Redactor) let(s stage) {
	if s, ok := s.(*socket); ok {
		s.split.Close()
	}
}

// Err is why what follows cannot be looked into.
func (o *octets) Err() error { return o.h.err }
