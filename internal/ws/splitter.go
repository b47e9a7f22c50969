package ws

import (
	"bytes"
	"fmt"
)

// DefaultLimit is how much of a message is kept unless told, in octets.
const DefaultLimit = 1 << 20

// A Message is a message or a control frame.
type Message struct {
	Opcode Opcode // Text, Binary, Close, Ping, Pong
	// Payload is what it says, unmasked and inflated, of a long one the first Limit
	// octets; valid until the next call.
	Payload []byte
	// Length is how long it is, unmasked and inflated: of one that could not be
	// inflated, what came of it.
	Length int64
	// Offset is where its first frame begins in the direction, Frames how many it
	// has, and Wire how many octets those have, heads and all.
	Offset, Wire int64
	Frames       int
	// Compressed tells that it came compressed; Err why it could not be inflated.
	Compressed bool
	Err        error
	// Unfinished tells that the direction ends inside it.
	Unfinished bool
}

// Cut tells that Payload is not the whole message.
func (m *Message) Cut() bool { return int64(len(m.Payload)) < m.Length }

// An Error says from where on a direction is not WebSocket.
type Error struct {
	Offset int64 // of the frame
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Text) }

// Splitter finds the messages of one direction. It must be closed.
type Splitter struct {
	// Tap takes the payloads of messages as they come, unmasked and inflated,
	// however long they are; nil for none. What it is given is valid during the call.
	Tap func(p []byte)

	limit   int
	places  bool // only where messages are is wanted
	deflate Deflate
	inflate inflater

	in     []byte // what was written and not yet looked at
	offset int64  // of in[0]
	ended  bool
	err    *Error

	head    [MaxHeader]byte // a head that comes in parts
	headLen int
	frame   Header
	inFrame bool
	start   int64 // of the frame
	at      int64 // payload octets of the frame taken so far
	// One message may be open while control frames come.
	open    bool
	data    assembly
	control assembly
	scratch [4 << 10]byte
}

// assembly is a message that is being put together.
type assembly struct {
	m   Message
	buf []byte
}

// NewSplitter makes a Splitter of messages compressed as d says, which keeps at
// most limit octets of one; 0 is DefaultLimit.
func NewSplitter(d Deflate, limit int) *Splitter {
	if limit <= 0 {
		limit = DefaultLimit
	}
	s := &Splitter{limit: limit, deflate: d}
	s.inflate.fresh = d.NoContext
	s.inflate.out = s.come
	return s
}

// NewScanner makes a Splitter that finds where messages are and nothing of what
// they say: Payload and Length stay empty. It costs little however large they are.
func NewScanner(d Deflate) *Splitter {
	s := NewSplitter(d, 0)
	s.places = true
	return s
}

// Offset is how far the direction has been looked at, in octets: behind the
// message that Next has returned.
func (s *Splitter) Offset() int64 { return s.offset }

// Write gives the next octets. p must stay as it is until Next has returned
// false; then the next ones may be written.
func (s *Splitter) Write(p []byte) {
	if s.err == nil {
		s.in = p
	}
}

// End tells that no more octets come.
func (s *Splitter) End() { s.ended = true }

// Err says from where on the direction is not WebSocket; nil where it is.
func (s *Splitter) Err() *Error { return s.err }

// Between tells that what was written ends between two messages. A control
// frame may be inside another message.
func (s *Splitter) Between() bool {
	return s.err == nil && !s.open && !s.inFrame && s.headLen == 0 && len(s.in) == 0
}

// Window is, behind a message, what compressed messages behind it may refer to, at
// most 32 KiB: with it they can be read without those before them. It is valid until
// the next call; nil tells that what was compressed before cannot be read.
func (s *Splitter) Window() []byte {
	if s.inflate.err != nil {
		return nil
	}
	return s.inflate.window()
}

// Resume makes a Splitter that was made for a direction begin behind a message of
// it whose Window that was. Call it before the first Write.
func (s *Splitter) Resume(window []byte) { s.inflate.last = bytes.Clone(window) }

// Inside tells that a message has begun and not ended: a control frame that Next
// has returned stands in the middle of it.
func (s *Splitter) Inside() bool { return s.open }

// Close lets go of what inflates.
func (s *Splitter) Close() { s.inflate.close() }

// Next returns the next message that has come to its end. It is valid until the
// next call of a method.
func (s *Splitter) Next() (*Message, bool) {
	for s.err == nil && len(s.in) > 0 {
		if step := s.Step(); step.Message != nil {
			return step.Message, true
		}
	}
	return s.last()
}

// A Step is octets of one frame.
type Step struct {
	// N is how many octets of what was written were taken.
	N int
	// Frame is whose they are; nil where its head is not whole.
	Frame *Header
	// Ends tells that they end it; Message is what ends with it.
	Ends    bool
	Message *Message
}

// Step takes octets of one frame; it is for those who have to send them on. With
// Err set afterwards it took none that count.
func (s *Splitter) Step() (step Step) {
	before := len(s.in)
	if s.inFrame || s.begin() {
		step.Frame = &s.frame
		if s.payload() {
			step.Ends, step.Message = true, s.finish()
		}
	}
	step.N = before - len(s.in)
	return step
}

// Last is the message, control frames left out, that began last, as far as it
// has come. Its Payload is only set when it has ended.
func (s *Splitter) Last() *Message { return &s.data.m }

// last returns what the direction ends inside of.
func (s *Splitter) last() (*Message, bool) {
	if !s.ended && s.err == nil {
		return nil, false
	}
	inControl := s.inFrame && s.frame.Opcode.Control()
	s.inFrame, s.headLen = false, 0
	switch {
	case inControl:
		return s.control.unfinished(), true
	case s.open:
		s.open = false
		return s.data.unfinished(), true
	}
	return nil, false
}

func (a *assembly) unfinished() *Message {
	a.m.Payload, a.m.Unfinished = a.buf, true
	return &a.m
}

// begin reads the head of a frame, and tells whether there is one.
func (s *Splitter) begin() bool {
	if s.headLen == 0 {
		s.start = s.offset
	}
	n := copy(s.head[s.headLen:], s.in)
	h, size, err := ParseHeader(s.head[:s.headLen+n])
	if err != nil {
		s.fail(err.Error())
		return false
	}
	if size == 0 {
		s.headLen += n
		s.skip(n)
		return false
	}
	s.skip(size - s.headLen)
	s.headLen = 0
	if why := s.wrong(&h); why != "" {
		s.fail(why)
		return false
	}
	s.frame, s.inFrame, s.at = h, true, 0
	a := &s.data
	if h.Opcode.Control() {
		a = &s.control
	}
	if h.Opcode != Continuation {
		if cap(a.buf) > 64<<10 {
			a.buf = nil
		}
		a.buf = a.buf[:0]
		a.m = Message{Opcode: h.Opcode, Offset: s.start, Compressed: h.RSV&RSV1 != 0}
		s.open = s.open || !h.Opcode.Control()
	}
	a.m.Frames++
	a.m.Wire += int64(size) + h.Length
	return true
}

// wrong says why a frame cannot be (RFC 6455 sections 5.2, 5.4, 5.5; RFC 7692
// section 6.1).
func (s *Splitter) wrong(h *Header) string {
	switch o := h.Opcode; {
	case h.RSV&^RSV1 != 0 || h.RSV != 0 && !s.deflate.On:
		return "a frame has a reserved bit that no extension stands for"
	case o.String() == "reserved":
		return fmt.Sprintf("a frame has the reserved opcode %d", o)
	case o.Control() && !h.Fin:
		return "a " + o.String() + " frame is fragmented"
	case o.Control() && h.Length > maxControl:
		return fmt.Sprintf("a %s frame has %d bytes, and 125 is the most", o, h.Length)
	case o.Control() && h.RSV != 0:
		return "a " + o.String() + " frame is marked as compressed"
	case o.Control():
		return ""
	case o == Continuation && !s.open:
		return "a frame continues a message that has not begun"
	case o == Continuation && h.RSV != 0:
		return "a frame that continues a message is marked as compressed"
	case o != Continuation && s.open:
		return "a message begins inside another one"
	}
	return ""
}

func (s *Splitter) fail(why string) {
	s.err = &Error{Offset: s.start, Text: why}
	s.in = nil
}

func (s *Splitter) skip(n int) {
	s.in = s.in[n:]
	s.offset += int64(n)
}

// payload takes what there is of the payload, and tells whether that is all.
func (s *Splitter) payload() bool {
	if s.places {
		n := min(int64(len(s.in)), s.frame.Length-s.at)
		s.at += n
		s.skip(int(n))
		return s.at == s.frame.Length
	}
	for len(s.in) > 0 && s.at < s.frame.Length {
		n := int(min(int64(len(s.in)), s.frame.Length-s.at, int64(len(s.scratch))))
		p := s.in[:n]
		if s.frame.Masked {
			// What was written belongs to the caller, who may have to send it on.
			p = s.scratch[:copy(s.scratch[:], p)]
			Cipher(p, s.frame.Mask, s.at)
		}
		s.take(p)
		s.at += int64(n)
		s.skip(n)
	}
	return s.at == s.frame.Length
}

func (s *Splitter) take(p []byte) {
	switch {
	case s.frame.Opcode.Control():
		s.control.add(p, s.limit)
	case s.data.m.Compressed:
		if err := s.inflate.write(p); err != nil && s.data.m.Err == nil {
			s.data.m.Err = err
		}
	default:
		s.come(p)
	}
}

// come takes what a message says.
func (s *Splitter) come(p []byte) {
	s.data.add(p, s.limit)
	if s.Tap != nil {
		s.Tap(p)
	}
}

func (a *assembly) add(p []byte, limit int) {
	a.m.Length += int64(len(p))
	a.buf = append(a.buf, p[:min(len(p), limit-len(a.buf))]...)
}

// finish ends a frame, and returns the message that it ends.
func (s *Splitter) finish() *Message {
	s.inFrame = false
	if s.frame.Opcode.Control() {
		s.control.m.Payload = s.control.buf
		return &s.control.m
	}
	if !s.frame.Fin {
		return nil
	}
	s.open = false
	m := &s.data.m
	if m.Compressed && !s.places {
		if err := s.inflate.end(); err != nil && m.Err == nil {
			m.Err = err
		}
	}
	m.Payload = s.data.buf
	return m
}
