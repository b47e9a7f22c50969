package http2

import (
	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// reader is the body that comes in on a stream. It implements body.Reader.
type reader struct{ st *stream }

var (
	_ body.Reader = (*reader)(nil)
	_ body.Ender  = (*reader)(nil)
)

// Read returns what has come of one DATA frame.
func (r *reader) Read(p []byte) (int, error) { return r.st.take(p) }

// Ready tells that a Read would return at once.
func (r *reader) Ready() bool { return r.st.ready() }

// Over tells that all was read, and that this was the whole body.
func (r *reader) Over() bool {
	r.st.c.mu.Lock()
	defer r.st.c.mu.Unlock()
	return r.st.recvEnd && r.st.inbox.size == 0 && r.st.given == nil
}

// Trailers returns the trailer section; valid after io.EOF.
func (r *reader) Trailers() flow.Fields {
	r.st.c.mu.Lock()
	defer r.st.c.mu.Unlock()
	return r.st.trailers
}

// Findings returns what was repaired in the trailer section; valid after io.EOF.
func (r *reader) Findings() []flow.Finding {
	r.st.c.mu.Lock()
	defer r.st.c.mu.Unlock()
	return r.st.notes
}

// Cancel gives the body up. A request that a client sends is not read any more,
// which stops it at its window, for its response may still be on its way; a
// response is reset.
func (r *reader) Cancel(cause error) {
	st := r.st
	st.c.mu.Lock()
	if st.recvEnd && st.inbox.size == 0 || st.given != nil {
		st.c.mu.Unlock()
		return
	}
	e := fault.Given(cause, st.c.peer, flow.InBody, st.what(st.in))
	open := !st.recvClosed()
	st.discard(e)
	st.c.mu.Unlock()
	st.c.budget.settle()
	if open && st.call != nil {
		st.reset(codeOf(cause, flow.AtServer), e)
	}
}

// retire throws away what was not read, and resets a stream that is still open.
func (st *stream) retire(code h2.ErrCode, cause *flow.Error) {
	c := st.c
	c.mu.Lock()
	if !st.recvEnd || st.inbox.size > 0 {
		st.discard(cause)
	}
	open := c.streams[st.id] == st
	c.mu.Unlock()
	c.budget.settle()
	if open {
		st.reset(code, cause)
	}
}
