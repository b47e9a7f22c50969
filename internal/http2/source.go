package http2

import (
	"io"
	"sync/atomic"
)

// sourceSize is what a connection reads at a time outside large frames.
const sourceSize = 8 << 10

// source is the read loop's buffer on a connection.
type source struct {
	conn  Conn
	buf   []byte
	r, w  int
	heard *atomic.Bool // set when something has come
}

// Read gives what was read ahead, else what the connection gives.
func (s *source) Read(p []byte) (int, error) {
	if s.r == s.w {
		if len(p) >= len(s.buf) {
			n, err := s.conn.Read(p)
			if n > 0 {
				s.heard.Store(true)
				return n, nil // the error comes again
			}
			return n, err
		}
		n, err := s.conn.Read(s.buf)
		if n == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			return 0, err
		}
		s.heard.Store(true)
		s.r, s.w = 0, n
	}
	n := copy(p, s.buf[s.r:s.w])
	s.r += n
	return n, nil
}

// ready tells that a Read would not wait.
func (s *source) ready() bool { return s.r < s.w || s.conn.Ready() }
