package timed

import (
	"iter"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/ws"
)

// Version is the number of the format.
const Version = 1

// Longest bounds a time of a file.
const Longest = 24 * time.Hour

// Head is what comes before the first step.
type Head struct {
	Status int
	Reason string
	Fields flow.Fields
	// At is how long after the request it came.
	At time.Duration
	// Request is what it answered, for people only.
	Request string
	// WebSocket tells that the steps are messages of a WebSocket connection, of
	// which the head is only the consent.
	WebSocket bool
}

// Step is a piece of the body, or a message of a WebSocket connection, or the end.
type Step struct {
	// At is how long after the head it came.
	At time.Duration
	// Octets are those of the body that came at once, or of the message.
	Octets []byte
	// Text and FromClient are of a message of a WebSocket connection. One of the
	// client is waited for.
	Text, FromClient bool
	// Close is the code of a close frame, with its Reason; 0 for none.
	Close  int
	Reason string
	// End and Cut are the proper end of the body and a broken one. Trailers come
	// with the end.
	End, Cut bool
	Trailers flow.Fields
}

// ends tells that nothing may follow.
func (s *Step) ends() bool { return s.End || s.Cut || s.Close != 0 }

// Recording is what a file has.
type Recording struct {
	Head
	Steps []Step
}

// zero is when the request of an Item has come: its times count from there.
func zero() time.Time { return time.Unix(1, 0).UTC() }

// Item makes a flow of r, of which only the response counts. It shares the octets.
func (r *Recording) Item() *format.Item {
	began := zero().Add(r.At)
	head := &flow.Response{Message: flow.Message{Version: flow.HTTP11, Fields: r.Fields.Clone(), Start: began}, Status: r.Status, Reason: r.Reason}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Content-Length", "Transfer-Encoding"} {
		head.Fields.Del(name) // they are of the connection that there was
	}
	it := &format.Item{Flow: &flow.Flow{Kind: flow.HTTP, Start: zero(), Request: &flow.Request{Method: "GET"}, Response: head, Outcome: flow.Outcome{Kind: flow.Completed}}}
	if r.WebSocket {
		r.socket(it, began)
		return it
	}
	b := &Body{}
	for _, s := range r.Steps {
		if len(s.Octets) > 0 {
			b.pieces = append(b.pieces, Piece{Offset: int64(len(b.octets)), Len: len(s.Octets), Time: began.Add(s.At)})
			b.octets = append(b.octets, s.Octets...)
		}
		if s.ends() {
			b.end = began.Add(s.At)
		}
		if s.Cut {
			it.Flow.Outcome.Kind = flow.ServerCut
		}
		if len(s.Trailers) > 0 {
			head.Trailers = s.Trailers.Clone()
		}
	}
	if len(b.octets) > 0 || len(head.Trailers) > 0 || it.Flow.Outcome.Kind == flow.ServerCut {
		head.Fields.Add("Transfer-Encoding", "chunked")
	} else {
		head.Fields.Add("Content-Length", "0")
	}
	it.Bodies[flow.ToClient] = b
	return it
}

func (r *Recording) socket(it *format.Item, began time.Time) {
	it.Closing = &format.Closing{Known: true, ByClient: true}
	var last time.Duration
	for _, s := range r.Steps {
		last = s.At
		switch {
		case s.Cut:
			it.Closing = &format.Closing{Known: true, Code: ws.Abnormal}
			it.Flow.Outcome.Kind = flow.ServerCut
		case s.Close != 0:
			it.Closing = &format.Closing{Known: true, ByClient: s.FromClient, Code: s.Close, Reason: s.Reason}
		}
	}
	it.Closing.Time = began.Add(last)
	it.Messages = func(yield func(format.Message, error) bool) {
		for _, s := range r.Steps {
			if s.ends() {
				return
			}
			if !yield(format.Message{FromClient: s.FromClient, Text: s.Text, Content: format.Octets(s.Octets), Time: began.Add(s.At)}, nil) {
				return
			}
		}
	}
}

// A Piece is a part of a body that came at once.
type Piece struct {
	Offset int64
	Len    int
	Time   time.Time
}

// Body is a body with the times of its pieces.
type Body struct {
	octets format.Octets
	pieces []Piece
	end    time.Time
}

// End is when the end came; zero where that is not said.
func (b *Body) End() time.Time { return b.end }

// Size is its length.
func (b *Body) Size() int64 { return b.octets.Size() }

// ReadAt reads from an offset on.
func (b *Body) ReadAt(p []byte, off int64) (int, error) { return b.octets.ReadAt(p, off) }

// Pieces are its pieces in their order.
func (b *Body) Pieces() iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		for _, p := range b.pieces {
			if !yield(p) {
				return
			}
		}
	}
}
