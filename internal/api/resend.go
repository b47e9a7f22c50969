package api

import (
	"net/http"

	"midstream/internal/replay"
)

// postResend is POST /flows/{id}/resend: the request is sent to its server once
// more, as the draft changes it.
func (s *Server) postResend(w http.ResponseWriter, r *http.Request) error {
	var d Draft
	if err := readJSON(w, r, &d); err != nil && r.ContentLength != 0 {
		return err
	}
	if d.Response != nil || d.ResponseBody != nil {
		return badRequest("a request is sent again: it has no response to be changed")
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	it, done, err := s.item(s.hub.ctx, n)
	if err != nil {
		return err
	}
	c := copyOf(it)
	c.Flow.ID = it.Flow.ID // replay_of names it
	if _, err := d.applied(c); err != nil {
		done()
		return err
	}
	if c.Flow.Request != nil && c.Flow.Request.Host != it.Flow.Request.Host {
		c.Flow.Server = nil // the name that it was asked by is another's
		if was := c.Flow.Client; was != nil {
			client := *was
			client.TLS = nil
			c.Flow.Client = &client
		}
	}
	if why := replay.Unsendable(c); why != "" {
		done()
		return conflict("flow %d cannot be sent again: %s", n, why)
	}
	select {
	case s.replays <- struct{}{}:
	default:
		done()
		return fault(http.StatusTooManyRequests, "too-many", "%d replays run already: wait until one has ended", maxReplays)
	}
	begun := make(chan beginning, 1)
	over := make(chan struct{})
	s.ends.Go(func() {
		defer close(over)
		defer done()
		defer func() { <-s.replays }()
		s.control.Send(s.hub.ctx, c, func(number uint64) {
			seen, forget := s.hub.await(number)
			begun <- beginning{number, seen, forget}
		})
	})
	b := <-begun
	defer b.forget()
	select {
	case <-b.seen:
	case <-over:
	}
	writeJSON(w, http.StatusAccepted, Made{Number: b.number})
	return nil
}

// beginning is a flow that has begun.
type beginning struct {
	number uint64
	seen   <-chan struct{} // closed when it can be read
	forget func()
}
