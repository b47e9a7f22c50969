package http2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// Server serves the requests of one client connection. Make one with NewServer.
type Server struct {
	conn
	cfg     ServerConfig
	ctx     context.Context
	handler func(*Stream)
	// handlers counts the streams that are served; running is the same number,
	// guarded by mu.
	handlers sync.WaitGroup
	running  int
	early    earlyPriorities // guarded by mu
}

// NewServer returns a Server on conn, which it takes over; nothing is read or
// written before Serve.
func NewServer(nc Conn, cfg ServerConfig) *Server {
	s := &Server{cfg: cfg}
	if s.cfg.Log == nil {
		s.cfg.Log = slog.New(slog.DiscardHandler)
	}
	s.name, s.peer = "client "+remote(nc), flow.AtClient
	s.init(nc, s, cfg.Profile, cfg.Limits, cfg.Budget)
	s.nextID = 2
	if cfg.Opened != nil {
		s.opening = &opening{tell: cfg.Opened}
	}
	s.pingAfter = pingAfter(cfg.PingInterval)
	s.idleLimit = orElse(cfg.IdleTimeout, DefaultIdleTimeout)
	return s
}

// Serve calls handler for each request, in a goroutine of its own, and returns
// when the connection has ended and all of them have returned. A handler returns
// when both bodies are done with; what it has left open is reset then. The
// contexts of all streams end with ctx. The error is nil when the client left
// without a request open, or the connection was ended here; else it is a
// *flow.Error. It is called once.
func (s *Server) Serve(ctx context.Context, handler func(*Stream)) error {
	s.ctx, s.handler = ctx, handler
	s.openBy = time.Now().Add(orElse(s.cfg.OpeningTimeout, DefaultOpeningTimeout))
	settings := []h2.Setting{
		{ID: h2.SettingMaxConcurrentStreams, Val: uint32(s.limits.Streams)},
		{ID: h2.SettingInitialWindowSize, Val: initialWindow},
		{ID: h2.SettingMaxHeaderListSize, Val: uint32(s.limits.Head)},
	}
	if s.cfg.ConnectProtocol {
		settings = append(settings, h2.Setting{ID: h2.SettingEnableConnectProtocol, Val: 1})
	}
	s.w.control(func(fr *h2.Framer) {
		fr.WriteSettings(settings...)
		fr.WriteWindowUpdate(0, connWindow-protocolWindow)
	})
	s.unacked = 1
	s.start()
	defer s.opening.drop()
	stop := context.AfterFunc(ctx, func() {
		s.fail(&flow.Error{Peer: flow.AtProxy, Cause: flow.Stopping, Err: fmt.Errorf("HTTP/2 connection with %s: %w", s.name, context.Cause(ctx))}, h2.ErrCodeNo, "")
	})
	defer stop()
	var err error
	if err = s.preface(); err == nil {
		s.serve()
	} else {
		s.serveFault(err)
	}
	s.handlers.Wait()
	return s.ended()
}

// preface reads the client's first octets (RFC 9113 section 3.4).
func (s *Server) preface() error {
	var p [len(h2.ClientPreface)]byte
	for n := 0; n < len(p); {
		m, err := s.src.Read(p[n:])
		if n += m; err != nil {
			return err
		}
		if string(p[:n]) != h2.ClientPreface[:n] {
			return breaksConn(h2.ErrCodeProtocol, "it does not begin with the preface of HTTP/2")
		}
	}
	return nil
}

// ended is what Serve returns.
func (s *Server) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := s.dead
	switch {
	case why.Peer == flow.AtProxy, why.Cause == flow.RefusedRequest,
		why.Cause == flow.LeftByClient && s.idleAtEnd:
		return nil
	}
	return why
}

// Stop says that no further request is wanted: the client is told so, requests
// that are open go on, and then Serve returns.
func (s *Server) Stop() { s.leave() }

func (s *Server) died() {}

// head takes the head of a request.
func (s *Server) head(id uint32, _ *stream, b *fieldBlock, end bool) error {
	s.mu.Lock()
	switch {
	case id%2 == 0:
		s.mu.Unlock()
		return breaksConn(h2.ErrCodeProtocol, "a client opened the stream %d, which is a server's", id)
	case id <= s.lastPeer:
		how := s.closed.how(id)
		s.mu.Unlock()
		switch how {
		case resetByUs:
			return nil // trailers, sent before the client knew
		case endedWell:
			return breaksConn(h2.ErrCodeStreamClosed, "HEADERS on a stream that has ended")
		}
		return breaksConn(h2.ErrCodeProtocol, "the stream %d after %d", id, s.lastPeer)
	case s.leaving:
		s.mu.Unlock()
		return nil // it was told that this is not looked at
	}
	s.lastPeer = id
	full := len(s.streams)-s.ending >= s.limits.Streams || s.running >= 2*s.limits.Streams
	s.mu.Unlock()
	if full {
		return breaksStream(id, h2.ErrCodeRefusedStream, "more than %d streams at once", s.limits.Streams)
	}
	s.opening.seal()
	if b.tooLarge {
		return s.tooLarge(id, end)
	}
	st := &Stream{conn: &s.conn}
	length, found, fault := parseRequest(&st.req, b, s.profile, s.cfg.ConnectProtocol)
	if fault != "" {
		return breaksStream(id, h2.ErrCodeProtocol, "read request head: %s", fault)
	}
	st.req.Start = time.Now()
	st.findings = found
	switch {
	case end && length > 0:
		return breaksStream(id, h2.ErrCodeProtocol, "a content-length of %d and no body", length)
	case end:
	case st.req.Method == "CONNECT":
		length = -1 // what follows is not content (RFC 9110 section 9.3.6)
	case length >= 0:
		st.framing = flow.Framing{Kind: flow.ByLength, Length: length}
	default:
		st.framing = flow.Framing{Kind: flow.Chunked}
	}
	s.admit(st, id, length, end)
	return nil
}

// tooLarge answers a head that was not kept.
func (s *Server) tooLarge(id uint32, end bool) error {
	if err := s.w.fields(id, responseEncoder{&flow.Response{Status: 431}}, true, now); err != nil {
		return err
	}
	if !end {
		return breaksStream(id, h2.ErrCodeNo, "a head of more than %d octets", s.limits.Head)
	}
	s.mu.Lock()
	s.closed.add(id, resetByUs)
	s.mu.Unlock()
	return nil
}

// admit starts a stream.
func (s *Server) admit(st *Stream, id uint32, length int64, end bool) {
	st.ctx, st.leave = context.WithCancelCause(s.ctx)
	st.stream.init(&s.conn, id, flow.ToServer)
	st.stream.server = st
	st.stream.headed, st.stream.declared, st.stream.recvEnd = true, length, end
	st.body.st = &st.stream
	s.mu.Lock()
	if s.dead != nil {
		s.mu.Unlock()
		st.leave(nil)
		return
	}
	st.stream.toSend = sendWindow(s.initial)
	s.streams[id] = &st.stream
	st.priority.last = s.early.take(id)
	s.running++
	s.handlers.Add(1)
	s.mu.Unlock()
	go s.run(st)
}

// run serves one stream. A fault of the handler costs the client that stream,
// not everybody the process.
func (s *Server) run(st *Stream) {
	defer s.handlers.Done()
	defer func() {
		if fault := recover(); fault != nil {
			s.cfg.Log.Error("serve request: internal fault", "client", s.name, "panic", fault, "stack", string(debug.Stack()))
		}
		st.finish()
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	s.handler(st)
}

var errHandlerDone = errors.New("the exchange is over")

// serveFault ends a connection that has not begun.
func (s *Server) serveFault(err error) {
	why, code, text := s.readError(err)
	s.fail(why, code, text)
	if !errors.Is(err, io.EOF) && s.lingers(err) {
		s.linger()
	}
	<-s.writerDone
	s.nc.Close()
}
