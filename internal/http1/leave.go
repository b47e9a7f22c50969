package http1

import (
	"errors"
	"time"

	"midstream/flow"
)

// A client that has left while its upload is stalled is not seen by reading:
// its end lies behind octets that nobody takes. So the system is asked.
const (
	// leaveEvery is how often, while a request has a body.
	leaveEvery = 500 * time.Millisecond
	// leaveSlack is more than all that the buffers here can hold of a body.
	leaveSlack = 256 << 10
)

// endTeller is what a Conn may have to tell of its peer's half without reading.
type endTeller interface {
	Ended() (reset, ended bool, unread int)
}

var errUnread = errors.New("the client has left before its upload was taken")

// watchUpload begins to ask for st.
func (s *Server) watchUpload(st *Stream) {
	if _, ok := s.conn.(endTeller); !ok || st.framing.Empty() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking == nil {
		s.asking = time.AfterFunc(leaveEvery, s.lookForEnd)
		return
	}
	s.asking.Reset(leaveEvery)
}

// unwatchUpload ends it. mu is held.
func (s *Server) unwatchUpload() {
	if s.asking != nil {
		s.asking.Stop()
	}
}

// lookForEnd asks once, and again later. A reset is an end at any time; the end of
// the client's half only where its body cannot be whole any more.
func (s *Server) lookForEnd() {
	s.mu.Lock()
	st, over := s.cur, s.cur == nil || s.handed || s.closed
	s.mu.Unlock()
	if over {
		return
	}
	reset, ended, unread := s.conn.(endTeller).Ended()
	missing := st.framing.Length - st.body.taken.Load()
	switch {
	case reset:
		s.left(flow.ResetByPeer, errUnread)
		return
	case ended && st.framing.Kind == flow.ByLength && missing > int64(unread)+leaveSlack:
		s.left(flow.LeftByClient, errUnread)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == st && !s.handed && !s.closed {
		s.asking.Reset(leaveEvery)
	}
}
