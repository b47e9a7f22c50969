package message

// DefaultLimit is how large a message may be, in octets, to be handed out
// whole.
const DefaultLimit = 1 << 20

// idleBuffer is how much of its buffer a Splitter keeps when it is empty.
const idleBuffer = 64 << 10

// What says what the octets of a piece are.
type What uint8

// The kinds of pieces.
const (
	// Message is a message, or a part of a large one.
	Message What = iota
	// Gap is what belongs to no message: empty lines, a byte order mark, what is
	// before the first and after the last part of a multipart. Neighbouring gaps
	// may come as one or as several.
	Gap
	// Lost is what follows octets that are not in the format: where messages
	// begin cannot be told any more. It reaches to the end of the body.
	Lost
)

// Part says which part of a message a piece is.
type Part uint8

// The parts. Of a message above the limit there are First, perhaps some Middle,
// and Last.
const (
	Whole Part = iota
	First
	Middle
	Last
)

// Begins tells whether the message begins with this part, and Ends whether it
// ends with it.
func (p Part) Begins() bool { return p == Whole || p == First }

// Ends tells whether the message ends with this part.
func (p Part) Ends() bool { return p == Whole || p == Last }

// A Piece is the next octets of a body.
type Piece struct {
	// Offset is where Raw begins in the body.
	Offset int64
	// Raw is the octets, valid until the next Write.
	Raw  []byte
	What What
	Part Part
	// Unfinished tells that the body ended inside this message.
	Unfinished bool
}

// framer finds where pieces end.
type framer interface {
	// next looks at p, which is not empty and begins where the last piece ended (or
	// was given out in part); from is how much of p it has looked at before. When
	// it has found the end of a piece, n is its length, at least 1; else n is how
	// much of p it has looked at and may be given out. end tells that nothing follows p: then a piece that is whole without
	// more is found, and one that is not is left.
	next(p []byte, from int, end bool) (n int, what What, found bool)
	// gone tells that the first n of these octets were given out.
	gone(n int)
}

// Splitter cuts one body into pieces. Make it with New.
type Splitter struct {
	f      framer
	limit  int
	buf    []byte
	at     int   // in buf: where the next piece begins
	seen   int   // octets of it that f has looked at
	offset int64 // of the next piece in the body
	inside bool  // a part of it was given out
	ended  bool
}

// New returns a Splitter for a body of the kind k; boundary is for Multipart.
// limit is how large a message may be to be handed out whole, 0 for
// DefaultLimit. It panics for None.
func New(k Kind, boundary string, limit int) *Splitter {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Splitter{f: newFramer(k, boundary), limit: limit}
}

// Resume is New for what follows the message that ends at offset.
func Resume(k Kind, boundary string, limit int, offset int64) *Splitter {
	s := New(k, boundary, limit)
	s.offset = offset
	if e, ok := s.f.(*events); ok {
		e.first = offset == 0
	}
	return s
}

// Write takes the next octets of the body, copying them. Pieces that are
// complete should be taken with Next before more is written.
func (s *Splitter) Write(p []byte) (int, error) {
	if s.at > 0 {
		n := copy(s.buf, s.buf[s.at:])
		s.buf, s.at = s.buf[:n], 0
		if n == 0 && cap(s.buf) > idleBuffer {
			s.buf = nil
		}
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

// End tells that the body has ended.
func (s *Splitter) End() { s.ended = true }

// Next returns the next piece, and false when more octets are needed first, or
// none are left.
func (s *Splitter) Next() (Piece, bool) {
	p := s.buf[s.at:]
	if len(p) == 0 {
		return Piece{}, false
	}
	n, what, found := s.f.next(p, s.seen, s.ended)
	switch {
	case found:
		return s.take(n, what, true, false), true
	case s.ended:
		return s.take(len(p), Message, true, true), true
	case n > 1 && (s.inside || len(p) >= s.limit):
		// One octet stays, so that there is always something to end with.
		piece := s.take(n-1, Message, false, false)
		s.f.gone(n - 1)
		s.seen = 1
		return piece, true
	}
	s.seen = n
	return Piece{}, false
}

// take gives n octets out; ends tells that they end their piece.
func (s *Splitter) take(n int, what What, ends, unfinished bool) Piece {
	piece := Piece{Offset: s.offset, Raw: s.buf[s.at : s.at+n], What: what, Unfinished: unfinished}
	switch {
	case s.inside && ends:
		piece.What, piece.Part = Message, Last
	case s.inside:
		piece.Part = Middle
	case !ends:
		piece.Part = First
	}
	s.inside = !ends
	s.at, s.seen, s.offset = s.at+n, 0, s.offset+int64(n)
	return piece
}

// Buffered is how many octets wait for more.
func (s *Splitter) Buffered() int { return len(s.buf) - s.at }
