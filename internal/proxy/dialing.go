package proxy

import (
	"context"

	"midstream/internal/upstream"
)

// dialing is a connection to a server that is being made.
type dialing struct {
	done   chan struct{} // closed when conn and err are set
	conn   *upstream.Conn
	err    error
	cancel context.CancelFunc
}

// startDial connects to target beside what else happens. The caller must
// collect the result: by wait, or by drop.
func (c *client) startDial(ctx context.Context, target upstream.Target) *dialing {
	ctx, cancel := context.WithCancel(ctx)
	d := &dialing{done: make(chan struct{}), cancel: cancel}
	facts := c.facts
	go func() {
		defer close(d.done)
		d.conn, d.err = c.p.dialer.Dial(ctx, facts, target)
	}()
	return d
}

// wait returns the connection, which is the caller's to close. The dial ends
// with ctx.
func (d *dialing) wait(ctx context.Context) (*upstream.Conn, error) {
	unlink := context.AfterFunc(ctx, d.cancel)
	<-d.done
	unlink()
	d.cancel()
	return d.conn, d.err
}

// drop gives the connection up.
func (d *dialing) drop() {
	d.cancel()
	<-d.done
	if d.conn != nil {
		d.conn.Close()
	}
}
