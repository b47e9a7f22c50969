package engine

import (
	"context"
	"io"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/message"
)

// Stream is one request as a protocol server hands it in, with the way back.
// Protocol packages have a type of their own that satisfies it.
type Stream interface {
	// Request is the head. The engine owns it from now on.
	Request() *flow.Request
	// Findings are what the codec saw and repaired in the head.
	Findings() []flow.Finding
	// Framing is how the request body is delimited; Body reads it, and is nil
	// when Framing.Kind is Unframed.
	Framing() flow.Framing
	Body() body.Reader
	// Context ends when the client has left, with a *flow.Error as its cause
	// (LeftByClient, or ResetByPeer with the code).
	Context() context.Context
	// Inform sends an interim response. HTTP/1.0 clients get none: it returns nil.
	Inform(head *flow.Response) error
	// Respond sends the final head and returns the sink for its body; a sink is
	// returned for every framing and must be closed or aborted. Fields are
	// printed as given: framing fields (Content-Length, Transfer-Encoding) and
	// Connection are the engine's to set, and the codec obeys them.
	Respond(head *flow.Response, f flow.Framing) (body.Sink, error)
	// Upgrade returns the raw connection after a 101 (or a 2xx to CONNECT) was
	// sent with Respond, with the bytes first that had been read already.
	Upgrade() (body.Duplex, error)
	// Abort ends the stream without a (further) response: the connection is
	// closed, or the stream reset with the code that fits cause.
	Abort(cause error)
}

// Finder is a body.Reader that knows what was repaired inside its body; valid
// after its end.
type Finder interface {
	Findings() []flow.Finding
}

// Joiner is a Stream that can keep a response head to send it in one system call
// with what certainly follows at once: a call of its sink.
type Joiner interface {
	RespondMore(head *flow.Response, f flow.Framing) (body.Sink, error)
}

// Prioritized is a Stream whose client may change the priority of the request while
// it lasts.
type Prioritized interface {
	// FollowPriority makes tell the one that is told, at once of what was said by
	// now. tell must not wait.
	FollowPriority(tell func(flow.PriorityChange))
}

// Uncertain is a Call that may turn out to be to a server which does not speak what
// it was asked in, and so has processed nothing.
type Uncertain interface {
	// Uncertain tells that it is not known yet.
	Uncertain() bool
}

// Prioritizer is a Call that takes on such a change. It does not wait.
type Prioritizer interface {
	Prioritize(p flow.PriorityChange)
}

// Upstream opens calls to servers on behalf of one client connection.
type Upstream interface {
	// Open gets a connection to where req goes (req.Scheme, Host, Port) and
	// writes the head. f is how the request body will be delimited. Errors are
	// *flow.Error with the phase that failed (Dialing, Handshaking, InHead). At the
	// head the cause is RefusedRequest where nothing of it was written, and the
	// error may tell by Reused() bool whether its connection had served before.
	// reuse says whether a connection that has served before may be taken.
	Open(ctx context.Context, req *flow.Request, f flow.Framing, reuse Reuse) (Call, error)
}

// Reuse says which connections Open may take.
type Reuse uint8

// The choices.
const (
	AnyConnection Reuse = iota
	FreshOnly           // a connection that has not served before
)

// Call is one request on its way to a server and the response that comes back.
// Body belongs to one goroutine and the other methods to one (perhaps another);
// Cancel may be called from anywhere.
type Call interface {
	// Server tells about the connection.
	Server() *flow.Conn
	// Reused tells whether the connection had served before.
	Reused() bool
	// Body takes the request body; closed already when the framing is Unframed.
	Body() body.Sink
	// Head waits for the next response head, interim ones included, with what
	// the codec repaired in it. Errors are *flow.Error.
	Head(ctx context.Context) (*flow.Response, []flow.Finding, error)
	// Framing and Response are the body of the final head; Response is nil when
	// Framing.Kind is Unframed.
	Framing() flow.Framing
	Response() body.Reader
	// Heard tells whether any octet of a response has come.
	Heard() bool
	// Upgrade returns the raw connection after a 101 head, or after a 2xx to an
	// extended CONNECT. A call answers in the way that its request asked, whatever
	// is spoken to the server.
	Upgrade() (body.Duplex, error)
	// Cancel gives the call up: the server is told within a second (connection
	// closed, stream reset). After the response has ended it does nothing.
	Cancel(cause error)
	// Close gives the connection back when both messages are through; it must
	// be called once, after Body and Response are done with.
	Close()
}

// Recorder keeps flows. Its methods may be called at once.
type Recorder interface {
	// Start begins the record of a flow and returns it, nil where this one is not to be
	// recorded; it does not block.
	Start() Record
}

// Record is the record of one flow. Its methods may be called at once; pieces
// of one side come from one goroutine, in order. They block only as long as the
// recorder's queue is full, never for the disk's errors.
type Record interface {
	// Number is the flow's number in the session.
	Number() uint64
	// Head notes that the head of side is what f says now (called again when a
	// later hook changed it before it was sent).
	Head(f *flow.Flow, side flow.Side)
	// Interim notes an interim response.
	Interim(head *flow.Response)
	// PieceAt keeps a piece of the body of side that has been sent, and was about to
	// be at a time. p is copied.
	PieceAt(side flow.Side, p []byte, at time.Time)
	// Mark notes where a message of the body of side is that has been sent whole.
	Mark(side flow.Side, m flow.Mark)
	// Drop forgets what was recorded of side: the body turned into Pass.
	Drop(side flow.Side)
	// State tells what is kept of side so far.
	State(side flow.Side) (flow.Record, int64, string)
	// Open reads what has been kept of side, from its start; for hooks that look
	// at a body that was sent.
	Open(side flow.Side) (io.ReadCloser, error)
	// End closes the record; f is the final picture.
	End(f *flow.Flow)
}

// Bounded is a Stream that knows whether its Context ends with ctx in any case.
type Bounded interface {
	EndsWith(ctx context.Context) bool
}

// Subject is what a Record may ask for the picture of a flow. Nil is that of a
// flow that is over; ok is false when there is none to be had at the moment.
// Picture never waits.
type Subject = interface {
	Picture() (f *flow.Flow, ok bool)
}

// Asking is a Record that asks for a picture when it writes one, so that a flow
// that lives for a moment only has no other picture than its last.
type Asking interface {
	// Ask notes that a head of by has come or changed, in place of Head: by is
	// asked within milliseconds, unless End comes first, and after each call of
	// Ask anew. When it returns false, Head is to be called.
	Ask(by Subject) bool
}

// Paced is a Record that tells when its queue is full, so that a body need not
// hold a piece while it waits.
type Paced interface {
	// Full tells whether a Piece of side, of about n octets, would have to wait now.
	Full(side flow.Side, n int) bool
	// AwaitRoom waits as Piece would.
	AwaitRoom(side flow.Side, n int)
}

// MessageWatcher is a Watcher that is told of the messages inside bodies and
// tunnels, too, when they have been sent on.
type MessageWatcher interface {
	Watcher
	// WantsMessages tells whether it wants them; it is asked when a body with
	// messages begins.
	WantsMessages() bool
	// WatchMessage is told of one. It must return at once, and must not keep m.Raw
	// nor change anything.
	WatchMessage(m message.Passed)
}

// Watcher is told of flows as they pass: when a head has come and when the flow
// has ended. It must return at once and must not change f. Where the record asks
// for pictures (Asking) a flow that lives is shown by the recorder's goroutine,
// and one that ends within milliseconds only when it has: a Watcher must never
// wait for the record.
type Watcher interface {
	Watch(f *flow.Flow)
}
