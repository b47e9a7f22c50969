package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/fault"
)

// ServerConfig says how a Server serves. The zero value has the defaults.
type ServerConfig struct {
	Profile Profile
	Limits  Limits
	// IdleTimeout is how long the client may wait with the first octet of a
	// request; 0 means DefaultIdleTimeout.
	IdleTimeout time.Duration
	// HeadTimeout is how long a head may take from its first octet; 0 means
	// DefaultHeadTimeout.
	HeadTimeout time.Duration
}

// Server reads the requests of one client connection, one at a time and in
// order, and writes the responses. Next, Reject and Close belong to one
// goroutine; Stop may be called from anywhere.
//
//	for {
//		stream, err := server.Next(ctx)
//		...                              // err: Reject if it has a status, then Close
//		engine.Serve(stream)             // returns when both bodies are done with
//	}
type Server struct {
	conn    Conn
	src     *source
	cfg     ServerConfig
	limits  Limits
	secured bool
	from    string
	print   []byte // where heads are printed
	ctx     context.Context
	parent  context.Context
	unhook  func() bool

	mu      sync.Mutex
	leave   context.CancelCauseFunc // ends ctx
	cur     *Stream                 // the exchange that runs; nil between two
	waiting bool                    // Next waits for a head
	stopped bool                    // no further request is wanted
	handed  bool                    // Upgrade gave the connection away
	closed  bool                    // Close was called
	asking  *time.Timer             // asks whether the client is still there

	partial flow.Request // of the head that Next failed at
}

// NewServer returns a Server on conn, which the caller closes with Close.
func NewServer(conn Conn, cfg ServerConfig) *Server {
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = DefaultIdleTimeout
	}
	if cfg.HeadTimeout == 0 {
		cfg.HeadTimeout = DefaultHeadTimeout
	}
	s := &Server{conn: conn, src: newSource(conn), cfg: cfg, limits: cfg.Limits.withDefaults(),
		secured: isSecured(conn), from: "client " + remote(conn)}
	s.src.ended = func(_ int, err error) { s.clientEnded(err) }
	return s
}

// Next ends the exchange before, whose bodies must be done with, and waits for
// the next request. The error is io.EOF when there is none: the client has
// closed between two requests or has been idle too long, the connection was
// upgraded or has to be closed, or ctx or Stop ended the wait. Any other error
// is a *flow.Error; where it has a Status, Reject can answer it.
//
// The contexts of all streams end with ctx.
func (s *Server) Next(ctx context.Context) (*Stream, error) {
	if s.cur != nil && !s.finish() {
		return nil, io.EOF
	}
	s.bind(ctx)
	st := &Stream{server: s}
	st.ctx = s.ctx
	if err := s.await(st); err != nil {
		s.partial = st.req
		return nil, err
	}
	s.mu.Lock()
	s.cur = st
	s.mu.Unlock()
	st.begin()
	s.watchUpload(st)
	return st, nil
}

// Partial returns, after an error of Next, what was understood of the head: the
// method is empty where that is nothing.
func (s *Server) Partial() *flow.Request { return &s.partial }

// bind makes the connection's context. The client's leaving ends the whole
// connection, so one context does for all its streams.
func (s *Server) bind(ctx context.Context) {
	if s.parent == ctx && s.ctx != nil {
		return
	}
	s.unbind()
	s.parent = ctx
	s.mu.Lock()
	s.ctx, s.leave = context.WithCancelCause(ctx)
	s.mu.Unlock()
	s.unhook = context.AfterFunc(ctx, s.Stop)
}

func (s *Server) unbind() {
	if s.leave != nil {
		s.unhook()
		s.leave(&flow.Error{Peer: flow.AtProxy, Cause: flow.Stopping, Err: errors.New("the client connection has been served")})
	}
}

// Stop says that no further request is wanted: a Next that waits returns
// io.EOF, a response that is not sent yet says close, and then Next returns io.EOF.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.waiting {
		s.conn.SetReadDeadline(past)
	}
}

// past is a deadline that has been passed: it interrupts what waits.
var past = time.Unix(1, 0)

// deadline sets when the wait for a head ends, unless Stop has ended it.
func (s *Server) deadline(d time.Duration) (stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = d > 0
	switch {
	case s.stopped && d > 0:
		return true
	case d > 0:
		s.conn.SetReadDeadline(time.Now().Add(d))
	default:
		s.conn.SetReadDeadline(time.Time{})
	}
	return false
}

// await reads and parses the next request head into st.
func (s *Server) await(st *Stream) error {
	if len(s.src.buffered()) == 0 {
		if s.deadline(s.cfg.IdleTimeout) {
			return io.EOF
		}
		if err := s.src.fill(); err != nil {
			s.deadline(0)
			return s.idleError(err)
		}
	}
	start := time.Now()
	var scan headScan
	n := 0
	for late := false; ; late = true {
		var err error
		if n, err = scan.scan(s.src.buffered(), flow.ToServer, s.limits); err != nil {
			return from(err, s.from)
		}
		if n > 0 {
			break
		}
		if !late && s.deadline(s.cfg.HeadTimeout) {
			return io.EOF
		}
		if err := s.src.fill(); err != nil {
			s.deadline(0)
			return s.headError(err, scan.lines)
		}
	}
	s.deadline(0)
	block := string(s.src.buffered()[:n])
	s.src.consume(n)
	s.src.shed()
	return from(st.parse(block, start), s.from)
}

// idleError is what ends the wait for the first octet of a request.
func (s *Server) idleError(err error) error {
	switch cause, _ := fault.CauseOf(err, "client"); cause {
	case flow.ClosedEarly, flow.Timeout, flow.Unspecified:
		return io.EOF
	}
	return ioError(flow.AtClient, flow.InHead, err, "wait for a request from "+s.from, "")
}

func (s *Server) headError(err error, lines int) error {
	e := ioError(flow.AtClient, flow.InHead, err, "read request head from "+s.from, fmt.Sprintf("after %d lines", lines))
	switch e.Cause {
	case flow.Timeout:
		s.mu.Lock()
		stopped := s.stopped
		s.mu.Unlock()
		if stopped {
			return io.EOF
		}
		e.Status = http.StatusRequestTimeout
		e.Err = fmt.Errorf("read request head from %s: it was not complete after %v (%d lines had come)", s.from, s.cfg.HeadTimeout, lines)
	case flow.ClosedEarly:
		e.Status = http.StatusBadRequest // for one that has closed only its sending side
	}
	return e
}

// finish ends the current exchange and tells whether the connection can serve
// another one; else it is closed.
func (s *Server) finish() bool {
	st := s.cur
	s.src.unwatch()
	st.body.retire()
	s.mu.Lock()
	s.cur = nil
	s.unwatchUpload()
	handed, answered, keep := s.handed, st.answered, st.keep && !s.stopped
	s.mu.Unlock()
	switch {
	case handed:
		return false // the connection belongs to whom Upgrade gave it
	case !answered:
		s.conn.Close()
		return false
	case !keep:
		s.linger(time.Now().Add(drainTime))
		return false
	case st.body.complete:
		return true
	}
	// An early response: the client may not have read it while it still sends.
	until := time.Now().Add(drainTime)
	s.conn.SetReadDeadline(until)
	if st.body.drain(drainLimit) {
		s.conn.SetReadDeadline(time.Time{})
		return true
	}
	s.linger(until)
	return false
}

// linger closes the sending side and reads on for a while, so that the client
// gets all of the last response before a reset can reach it. One that keeps
// sending is not read any more after drainLimit, and has its time to read: only
// the close destroys what is on its way to it (RFC 9112 section 9.6).
func (s *Server) linger(until time.Time) {
	defer s.conn.Close()
	if s.conn.CloseWrite() != nil {
		return
	}
	s.conn.SetReadDeadline(until)
	for left := drainLimit; left > 0; {
		n := len(s.src.buffered())
		s.src.consume(n)
		left -= n
		if s.src.fill() != nil {
			return
		}
	}
	enough := time.NewTimer(time.Until(until))
	defer enough.Stop()
	select {
	case <-enough.C:
	case <-s.parent.Done():
	}
}

// Reject answers a request that Next could not make a Stream of, with the status
// of err, page as its HTML content (nil: the text of err), and Connection: close.
// Then it closes the connection gently, which may take two seconds: sent, which
// may be nil, is called before with the error of sending, that is returned, too.
func (s *Server) Reject(err error, page []byte, sent func(error)) error {
	status := http.StatusBadRequest
	if e, ok := errors.AsType[*flow.Error](err); ok && e.Status != 0 {
		status = e.Status
	}
	kind := "text/html; charset=utf-8"
	if page == nil {
		kind, page = "text/plain; charset=utf-8", []byte(err.Error()+"\n")
	}
	head := flow.Response{Status: status, Reason: http.StatusText(status)}
	head.Fields.Add("Content-Type", kind)
	head.Fields.Add("Content-Length", fmt.Sprint(len(page)))
	head.Fields.Add("X-Content-Type-Options", "nosniff")
	head.Fields.Add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	head.Fields.Add("Connection", "close")
	s.print = append(AppendResponseHead(s.print[:0], &head), page...)
	s.conn.SetWriteDeadline(time.Now().Add(drainTime))
	err = nil
	if _, werr := s.conn.Write(s.print); werr != nil {
		err = ioError(flow.AtClient, flow.InHead, werr, "send response to "+s.from, "")
	}
	if sent != nil {
		sent(err)
	}
	if err != nil {
		s.conn.Close()
		return err
	}
	s.linger(time.Now().Add(drainTime))
	return nil
}

// Close closes the connection, unless Upgrade gave it away, and waits until
// nothing of the Server runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	handed := s.handed
	s.closed = true
	s.unwatchUpload()
	s.mu.Unlock()
	var err error
	if !handed {
		err = s.conn.Close()
		s.src.close()
	}
	s.unbind()
	return err
}

// clientEnded is told when the client's sending side has ended while nobody
// reads. It is called by the watcher.
func (s *Server) clientEnded(err error) {
	if err == nil {
		return
	}
	cause, _ := fault.CauseOf(err, "client")
	s.mu.Lock()
	halfClose := s.cur == nil || s.cur.halfClose
	s.mu.Unlock()
	switch cause {
	case flow.ClosedEarly:
		// After Connection: close and from HTTP/1.0 it may be a half-close; only
		// a failed write tells then.
		if !halfClose {
			s.left(flow.LeftByClient, err)
		}
	case flow.ResetByPeer:
		s.left(cause, err)
	}
}

// left ends the contexts of the streams: the client is gone.
func (s *Server) left(cause flow.Cause, err error) {
	e := ioError(flow.AtClient, flow.InBody, err, "serve "+s.from, "")
	e.Cause = cause
	s.mu.Lock()
	leave := s.leave
	s.mu.Unlock()
	leave(e)
}
