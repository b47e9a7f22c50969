package proxy

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"midstream/flow"
)

// attendAfter is how long something is done for a client without looking whether
// the client is still there: most dials and handshakes are over sooner, and need
// no second goroutine. It stays well below the second within which a server has
// to learn that its client is gone.
const attendAfter = 200 * time.Millisecond

// attend calls do, which must not touch down, and ends its context when the client
// on down leaves meanwhile, by an end that means leaving; it tells whether that
// happened. What the client sends stays to be read.
func attend(ctx context.Context, down *conn, means func(error) bool, do func(context.Context)) (left bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quit, done := make(chan struct{}), make(chan struct{})
	timer := time.AfterFunc(attendAfter, func() {
		defer close(done)
		select {
		case <-quit:
			return
		default:
		}
		if err := down.awaitMore(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && means(err) {
			left = true
			cancel(&flow.Error{Peer: flow.AtClient, Phase: flow.Handshaking, Cause: flow.LeftByClient, Err: errors.New("the client has left")})
		}
	})
	do(ctx)
	if timer.Stop() {
		return false
	}
	close(quit)
	down.SetReadDeadline(past)
	<-done
	down.SetReadDeadline(time.Time{})
	return left
}

// anyEnd takes every end for leaving: nothing works without the client's answer.
func anyEnd(error) bool { return true }

// brokenOff takes a half-close for what it may be: the client has said all and
// listens.
func brokenOff(err error) bool { return !errors.Is(err, io.EOF) }

// awaitMore waits for one more octet than is here, or for the end.
func (c *conn) awaitMore() error {
	have := len(c.head)
	if c.TLS() == nil && have == 0 {
		p, err := c.Conn.Peek(0, peekAhead)
		if err != nil {
			return err
		}
		have = len(p)
	}
	if have >= peekAhead {
		return nil // enough was read ahead
	}
	_, err := c.peek(have + 1)
	return err
}
