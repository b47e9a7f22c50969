package replay

import (
	"io"
	"iter"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/format"
	"midstream/internal/ws"
)

// socket is the server's end of a recorded WebSocket. It says what the server said: a
// message when the client has said as much as it had said before it, and after the
// pause that there was. It answers pings and the end by itself.
type socket struct {
	speed   Speed
	closing *format.Closing
	cut     bool // the server broke it off
	next    func() (format.Message, error, bool)
	stop    func()

	// What follows belongs to the reader.
	message format.Message
	have    bool
	over    bool
	before  time.Time // of the message before, as recorded
	since   time.Time // when it was sent, or had come
	taken   int       // messages of the client that were waited for
	out     []byte    // being sent
	content format.Body
	at      int64

	mu      sync.Mutex // guards what follows
	split   *ws.Splitter
	came    int      // messages of the client
	replies [][]byte // pongs, and the answer to its close
	bye     bool     // the client has closed
	closed  bool     // a close frame was sent
	gone    bool
	wake    chan struct{}
}

// maxReplies bounds the pongs that wait.
const maxReplies = 64

func newSocket(it *format.Item, began time.Time, speed Speed) *socket {
	s := &socket{speed: speed, closing: it.Closing, before: began, since: time.Now(), split: ws.NewSplitter(ws.Deflate{}, 1<<10), wake: make(chan struct{}, 1)}
	messages := it.Messages
	if messages == nil {
		messages = func(func(format.Message, error) bool) {}
	}
	s.cut = it.Flow.Outcome.Kind == flow.ServerCut || it.Flow.Outcome.Kind == flow.WasReset
	s.next, s.stop = iter.Pull2(messages)
	return s
}

func (s *socket) release() {
	s.stop()
	s.split.Close()
}

// Upgrade is the end that the engine reads from.
func (c *answer) Upgrade() (body.Duplex, error) {
	if c.socket == nil {
		return c.call.Upgrade()
	}
	return c.socket, nil
}

func (s *socket) Read(p []byte) (int, error) {
	for {
		if n, err := s.send(p); n > 0 || err != nil {
			return n, err
		}
		reply, bye, gone, came := s.state()
		switch {
		case reply != nil:
			s.out = reply
			continue
		case gone || bye:
			return 0, io.EOF
		}
		if err := s.step(came); err != nil {
			return 0, err
		}
	}
}

// send gives what is being sent.
func (s *socket) send(p []byte) (int, error) {
	if len(s.out) > 0 {
		n := copy(p, s.out)
		s.out = s.out[n:]
		return n, nil
	}
	if s.content == nil || s.at >= s.content.Size() {
		s.content = nil
		return 0, nil
	}
	n, err := s.content.ReadAt(p[:min(int64(len(p)), s.content.Size()-s.at)], s.at)
	s.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, unreadable(err)
}

func (s *socket) state() (reply []byte, bye, gone bool, came int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) > 0 {
		reply, s.replies = s.replies[0], s.replies[1:]
	}
	return reply, s.bye, s.gone, s.came
}

// step takes the next message, or waits for what it waits for.
func (s *socket) step(came int) error {
	if !s.have && !s.over {
		m, err, ok := s.next()
		if err != nil {
			return unreadable(err)
		}
		s.message, s.have, s.over = m, ok, !ok
	}
	switch {
	case s.over:
		return s.end()
	case s.message.Dropped:
		s.have = false
	case s.message.FromClient && came > s.taken:
		s.taken++
		s.passed()
	case s.message.FromClient:
		<-s.wake
	default:
		if wait := s.speed.pause(s.message.Time.Sub(s.before)) - time.Since(s.since); wait > 0 {
			s.wait(wait)
			return nil
		}
		s.out = frame(false, opcode(s.message.Text), s.message.Content.Size())
		s.content, s.at = s.message.Content, 0
		s.passed()
	}
	return nil
}

// passed notes that the message has passed now.
func (s *socket) passed() {
	s.have, s.before, s.since = false, s.message.Time, time.Now()
}

// end says what the server said at the end, once, and waits for the client's.
func (s *socket) end() error {
	c := s.closing
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	abnormal := c != nil && c.Code == ws.Abnormal
	if c == nil || c.ByClient || closed || abnormal && !s.cut {
		<-s.wake
		return nil
	}
	if wait := s.speed.pause(c.Time.Sub(s.before)) - time.Since(s.since); wait > 0 {
		s.wait(wait)
		return nil
	}
	if abnormal {
		return &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errShort}
	}
	payload := ws.AppendClose(nil, c.Code, c.Reason)
	if c.Code == 0 {
		payload = nil
	}
	s.out = append(frame(false, ws.Close, int64(len(payload))), payload...)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return nil
}

func (s *socket) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.wake:
	}
}

func (s *socket) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Write takes what the client says.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.split.Write(p)
	for m, ok := s.split.Next(); ok; m, ok = s.split.Next() {
		switch m.Opcode {
		case ws.Text, ws.Binary:
			s.came++
		case ws.Ping:
			if len(s.replies) < maxReplies {
				s.replies = append(s.replies, append(frame(false, ws.Pong, int64(len(m.Payload))), m.Payload...))
			}
		case ws.Close:
			if !s.bye && !s.closed {
				s.replies = append(s.replies, append(frame(false, ws.Close, int64(len(m.Payload))), m.Payload...))
			}
			s.bye = true
		}
	}
	s.nudge()
	return len(p), nil
}

func (s *socket) leave() error {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.nudge()
	return nil
}

func (s *socket) CloseWrite() error { return s.leave() }
func (s *socket) Close() error      { return s.leave() }
func (s *socket) Reset() error      { return s.leave() }
