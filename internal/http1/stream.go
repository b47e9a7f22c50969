package http1

import (
	"context"
	"errors"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// Stream is one request and the way back for its response.
type Stream struct {
	server   *Server
	ctx      context.Context
	req      flow.Request
	findings []flow.Finding
	framing  flow.Framing
	body     reader
	sink     sink
	// halfClose: the client announced that it sends nothing after this request,
	// so the end of its sending side does not mean that it left.
	halfClose bool

	// Guarded by server.mu.
	responded bool // the final head was sent, or Abort called
	tunnel    bool // it ends HTTP on the connection
	answered  bool // the response has ended properly
	keep      bool // the connection stays open after it
	last      bool // Last was called
}

func (st *Stream) parse(block string, start time.Time) error {
	s := st.server
	st.req.Start = start
	findings, err := parseRequest(&st.req, block, s.cfg.Profile, s.limits)
	if err != nil {
		return err
	}
	framing, more, err := RequestFraming(&st.req, s.cfg.Profile)
	if err != nil {
		return err
	}
	st.framing, st.findings = framing, append(findings, more...)
	fs := st.req.Fields
	st.halfClose = st.req.Version == flow.HTTP10 || fs.HasToken("Connection", "close") || fs.HasToken("Proxy-Connection", "close")
	return nil
}

// begin makes the stream ready to be used.
func (st *Stream) begin() {
	s := st.server
	st.body.prepare(st, s.src, flow.ToServer, s.from)
	st.body.start(st.framing, s.cfg.Profile, s.limits)
	if st.body.complete {
		s.src.watch(watchDelay)
	}
}

func (st *Stream) interruptRead(error) { st.server.conn.SetReadDeadline(past) }

// givenUp is nothing: a Stream is not given up before its connection is.
func (st *Stream) givenUp() error { return nil }

// readerEnded is told by the reader of the request body.
func (st *Stream) readerEnded() {
	if st.body.complete {
		st.server.src.watch(watchDelay)
		return
	}
	// The message is cut: so is the client, unless it broke the rules.
	switch e, _ := errors.AsType[*flow.Error](st.body.err); e.Cause {
	case flow.ClosedEarly:
		st.server.left(flow.LeftByClient, e.Err)
	case flow.ResetByPeer:
		st.server.left(flow.ResetByPeer, e.Err)
	}
}

// Request returns the head.
func (st *Stream) Request() *flow.Request { return &st.req }

// Findings returns what was repaired in the head.
func (st *Stream) Findings() []flow.Finding { return st.findings }

// Framing returns how the request body is delimited.
func (st *Stream) Framing() flow.Framing { return st.framing }

// Body returns the request body, nil when there is none by the framing.
func (st *Stream) Body() body.Reader {
	if st.framing.Kind == flow.Unframed {
		return nil
	}
	return &st.body
}

// Context ends when the client has left, with a *flow.Error as its cause.
func (st *Stream) Context() context.Context { return st.ctx }

// EndsWith tells whether Context ends with ctx in any case.
func (st *Stream) EndsWith(ctx context.Context) bool { return st.server.parent == ctx }

// Inform sends an interim response. HTTP/1.0 clients get none (RFC 9110
// section 15.2).
func (st *Stream) Inform(head *flow.Response) error {
	s := st.server
	if st.req.Version == flow.HTTP10 {
		return nil
	}
	s.mu.Lock()
	responded := st.responded
	s.mu.Unlock()
	if responded {
		return st.misuse(errors.New("an interim response must come before the final one"))
	}
	if !head.Interim() {
		return st.misuse(errors.New("an interim response must have status 1xx and not 101"))
	}
	var err error
	if s.print, err = printResponse(s.print, head, ""); err != nil {
		return st.misuse(err)
	}
	return st.write(now)
}

// Respond sends the final head. Connection: close is added when the connection
// will close, and keep-alive where an HTTP/1.0 client asked for it and can get it.
func (st *Stream) Respond(head *flow.Response, f flow.Framing) (body.Sink, error) {
	return st.respond(head, f, now)
}

// Last says, before Respond, that the connection closes behind the response, and
// that its head needs no more words about that.
func (st *Stream) Last() { st.last = true }

// RespondMore is Respond for a head that is certain to be followed at once by a
// call of its sink, so that both can leave in one system call.
func (st *Stream) RespondMore(head *flow.Response, f flow.Framing) (body.Sink, error) {
	return st.respond(head, f, soon)
}

func (st *Stream) respond(head *flow.Response, f flow.Framing, u urgency) (body.Sink, error) {
	s := st.server
	tunnel := head.Status == 101 || st.req.Method == "CONNECT" && head.Status/100 == 2
	if tunnel || st.req.Method == "HEAD" || head.Status < 200 || head.Status == 204 || head.Status == 304 {
		f = flow.Framing{} // whatever was asked for: octets would be read as the next response
	}
	s.mu.Lock()
	if st.responded {
		s.mu.Unlock()
		return nil, st.misuse(errors.New("the final head has been sent, or the stream aborted"))
	}
	st.responded = true
	keep, line := st.persistence(head, f, s.stopped)
	if tunnel {
		keep, line = false, ""
	}
	st.keep, st.tunnel = keep, tunnel
	st.sink.start(st, s.conn, s.secured, flow.ToClient, s.from, f)
	s.mu.Unlock()
	var err error
	if s.print, err = printResponse(s.print, head, line); err != nil {
		s.mu.Lock()
		st.responded = false // nothing has been: another head may be
		s.mu.Unlock()
		return nil, st.misuse(err)
	}
	if err := st.write(u); err != nil {
		return nil, err
	}
	return &st.sink, nil
}

// persistence decides whether the connection stays open after the response, and
// what the codec has to say about it (RFC 9112 section 9.3).
func (st *Stream) persistence(head *flow.Response, f flow.Framing, stopped bool) (keep bool, line string) {
	if st.last {
		return false, ""
	}
	saysClose := head.Fields.HasToken("Connection", "close")
	saysKeep := head.Fields.HasToken("Connection", "keep-alive")
	old := st.req.Version == flow.HTTP10
	fs := st.req.Fields
	asks := fs.HasToken("Connection", "keep-alive") || fs.HasToken("Proxy-Connection", "keep-alive")
	keep = !saysClose && !stopped && f.Kind != flow.UntilClose && !fs.HasToken("Connection", "close")
	if old {
		keep = keep && asks && f.Kind != flow.Chunked
	}
	switch {
	case !keep && !saysClose && (!old || asks || saysKeep):
		return false, "close"
	case keep && !saysKeep && (old || version(head.Version) == flow.HTTP10):
		return true, "keep-alive"
	}
	return keep, ""
}

// write sends what was printed.
func (st *Stream) write(u urgency) error {
	s := st.server
	if u == soon {
		st.sink.cork()
	}
	_, err := s.conn.Write(s.print)
	if st.sink.corked >= 0 {
		st.sink.corked += len(s.print)
	}
	if cap(s.print) > 2*bufferSize {
		s.print = nil
	}
	if err == nil {
		return nil
	}
	e := ioError(flow.AtClient, flow.InHead, err, "send response head to "+s.from, "")
	st.lost(e)
	return e
}

// lost notes that a write failed.
func (st *Stream) lost(e *flow.Error) {
	switch e.Cause {
	case flow.ResetByPeer:
		st.server.left(flow.ResetByPeer, e.Err)
	case flow.ClosedEarly, flow.Timeout:
		st.server.left(flow.LeftByClient, e.Err)
	}
	st.fail()
}

// sinkEnded is told by the sink of the response body.
func (st *Stream) sinkEnded(err error) {
	if err != nil {
		if e, ok := errors.AsType[*flow.Error](err); ok && e.Peer == flow.AtClient {
			st.lost(e)
		}
		return
	}
	st.server.mu.Lock()
	st.answered = true
	st.server.mu.Unlock()
}

// fail makes the connection close once the exchange is over.
func (st *Stream) fail() {
	st.server.mu.Lock()
	st.responded, st.answered = true, false
	st.server.mu.Unlock()
}

func (st *Stream) misuse(err error) error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: fault.Say("send response head to "+st.server.from+": "+err.Error(), err)}
}

// Upgrade returns the raw connection after a 101, or a 2xx to CONNECT, was sent
// with Respond. It belongs to the caller then, and Next returns io.EOF.
func (st *Stream) Upgrade() (body.Duplex, error) {
	s := st.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.answered || !st.tunnel {
		return nil, st.misuse(errors.New("no response that upgrades the connection has been sent"))
	}
	s.handed = true
	s.src.detach()
	return &duplex{Conn: s.conn, src: s.src}, nil
}

// Abort ends the stream without a (further) response: the connection is closed.
func (st *Stream) Abort(cause error) {
	s := st.server
	s.mu.Lock()
	started := st.sink.owner != nil
	st.responded = true
	s.mu.Unlock()
	if started {
		st.sink.Abort(cause)
		return
	}
	s.conn.Close()
}
