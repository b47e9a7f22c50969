package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/message"
)

// TunnelInfo tells about a raw tunnel.
type TunnelInfo struct {
	Client, Server *flow.Conn
	// Findings are what a person should see on the flow, as why it is raw.
	Findings []flow.Finding
	// Set is the hooks that hear it; nil runs none.
	Set *hook.Set
	// Past is the flow of earlier that the tunnel is; nil for a new one.
	Past Past
}

// Tunnel relays a raw connection until both directions have ended, one has
// failed, it was idle for TCPTimeout, or ctx ended, and records it as a TCP
// flow with two bodies. A half-close is passed on, and so is a failure. It
// closes both ends.
func (e *Engine) Tunnel(ctx context.Context, client, server body.Duplex, info TunnelInfo) {
	t := &tunnel{e: e, record: e.startRecord(info.Past), redaction: e.beginRedaction(), info: info, id: flow.NewID(), start: time.Now()}
	t.order.base, t.order.past = t.start, info.Past
	if t.redaction != nil {
		t.order.settles()
	}
	ctx, t.kill = context.WithCancelCause(ctx)
	defer t.kill(nil)
	e.running.add(t.record.Number(), t)
	ctx = t.hear(ctx, client, server)
	t.hide()
	first := t.visible(t.picture())
	t.record.Head(first, flow.ToServer)
	for _, w := range e.watchers {
		w.Watch(first)
	}
	t.watch = messageWatch{by: e.messageWatchers(), flow: first}
	err := t.hooks.start(ctx)
	if err == nil {
		err = e.both(ctx, client, server, t.pump)
	} else {
		client.Reset()
		server.Reset()
	}
	if t.hooks != nil {
		t.hooks.end(ctx, err)
	}
	e.running.remove(t.record.Number())
	last := t.picture()
	last.End = time.Now()
	e.settle(&last.RequestBody)
	e.settle(&last.ResponseBody)
	last.RequestBody.Ended, last.ResponseBody.Ended = err == nil, err == nil
	last.Outcome = flow.Outcome{Kind: flow.Completed, Bytes: last.ResponseBody.Sent}
	if err != nil {
		last.Outcome.Kind, last.Outcome.Phase, last.Outcome.Text = outcomeKind(err), err.Phase.String(), err.Error()
	}
	if info.Past != nil {
		info.Past.Picture(last)
	}
	last = t.visible(last)
	t.record.End(last)
	for _, w := range e.watchers {
		w.Watch(last)
	}
}

type tunnel struct {
	e      *Engine
	record Record
	info   TunnelInfo
	// redaction is what record and watchers see through; nil hides nothing.
	redaction Redaction
	hiding    [2]hiding
	hides     [2]bool
	shown     [2]atomic.Int64 // octets that record and watchers were shown
	id        flow.ID
	start     time.Time
	bytes     [2]atomic.Int64
	pieces    [2]atomic.Int64
	hooks     *tunnelHooks
	watch     messageWatch
	order     sequence
	kill      context.CancelCauseFunc
}

// hear begins to run hooks, and returns the context that they may end.
func (t *tunnel) hear(ctx context.Context, client, server body.Duplex) context.Context {
	t.hooks, ctx = newTunnelHooks(ctx, t, client, server)
	return ctx
}

// pump moves one direction to its end; busy is called when something has moved.
func (t *tunnel) pump(ctx context.Context, dst, src body.Duplex, from flow.Peer, busy func()) *flow.Error {
	side := flow.ToServer
	if from == flow.AtServer {
		side = flow.ToClient
	}
	tap := &tunnelTap{t: t, side: side, busy: busy}
	run := t.e.pump
	if t.hooks != nil {
		run = func(_, src body.Duplex, from flow.Peer, tap body.Tap) *flow.Error {
			return t.hooks.pump(ctx, src, from, tap)
		}
	}
	err := run(dst, src, from, tap)
	t.hiding[side].end(err == nil)
	return err
}

// tunnelTap sees what is sent to one side.
type tunnelTap struct {
	t    *tunnel
	side flow.Side
	busy func()
}

func (s *tunnelTap) Sending() { s.t.order.begin(s.side) }
func (s *tunnelTap) Sent()    { s.t.order.end(s.side) }

func (s *tunnelTap) Piece(p []byte) {
	s.busy()
	t, side := s.t, s.side
	n := t.bytes[side].Add(int64(len(p)))
	if h := &t.hiding[side]; h.by != nil {
		t.order.settle(side)
		h.write(p)
		return
	}
	t.note(side, n, p)
}

// note hands on a piece that ends at n, as far as it may be seen.
func (t *tunnel) note(side flow.Side, n int64, p []byte) {
	index := t.pieces[side].Add(1) - 1
	at := t.order.at(side)
	t.record.PieceAt(side, p, at)
	mark := flow.Mark{Offset: n - int64(len(p)), Length: int64(len(p)), Time: at}
	t.record.Mark(side, mark)
	t.watch.tell(&t.order, message.Passed{Side: side, Kind: message.TCP, Index: index, Mark: mark, Raw: p})
}

// hide begins the redaction of both directions.
func (t *tunnel) hide() {
	if t.redaction == nil {
		return
	}
	for side := range t.hiding {
		t.hiding[side].by = t.redaction.Body(Content{Side: flow.Side(side), What: InTunnel})
		t.hides[side] = t.hiding[side].by != nil
		t.hiding[side].note = func(p []byte) {
			if len(p) > 0 {
				t.note(flow.Side(side), t.shown[side].Add(int64(len(p))), p)
			}
		}
	}
}

// visible is a picture as record and watchers may see it.
func (t *tunnel) visible(f *flow.Flow) *flow.Flow {
	if t.redaction == nil {
		return f
	}
	return t.redaction.Picture(f)
}

func (t *tunnel) picture() *flow.Flow {
	f := &flow.Flow{ID: t.id, Number: t.record.Number(), Kind: flow.TCP, Client: t.info.Client, Server: t.info.Server,
		Findings: t.info.Findings, Start: t.start}
	for side, b := range map[flow.Side]*flow.Body{flow.ToServer: &f.RequestBody, flow.ToClient: &f.ResponseBody} {
		n := t.bytes[side].Load()
		*b = flow.Body{Disposition: flow.Tee, Reason: "raw tunnel", Declared: -1, Received: n, Sent: n, Messages: t.pieces[side].Load()}
		if t.hides[side] {
			b.Sent = t.shown[side].Load()
		}
		b.Record, b.Recorded, b.CutReason = t.record.State(side)
	}
	t.hooks.show(f)
	if t.info.Past != nil {
		t.info.Past.Picture(f)
	}
	return f
}

// both relays two directions to their end and closes both ends. Its error is
// why the connection did not end properly.
func (e *Engine) both(ctx context.Context, client, server body.Duplex, pump func(context.Context, body.Duplex, body.Duplex, flow.Peer, func()) *flow.Error) *flow.Error {
	var once sync.Once
	var failure *flow.Error
	broken := func(err *flow.Error) {
		once.Do(func() { failure = err })
		client.Reset()
		server.Reset()
	}
	var busy atomic.Int64 // moments of activity
	timeout := e.policy.Load().TCPTimeout
	watch := watchIdle(timeout, &busy, func() {
		broken(&flow.Error{Phase: flow.InBody, Cause: flow.Timeout, Err: fmt.Errorf("nothing passed for %v; set tcp_timeout to allow more", timeout)})
	})
	stop := context.AfterFunc(ctx, func() {
		if context.Cause(ctx) == errKilled {
			broken(errKilled)
		} else {
			broken(errStopping)
		}
	})
	run := func(dst, src body.Duplex, from flow.Peer) {
		if err := pump(ctx, dst, src, from, func() { busy.Add(1) }); err != nil {
			broken(err)
		}
	}
	var other sync.WaitGroup
	other.Go(func() { run(server, client, flow.AtClient) })
	run(client, server, flow.AtServer)
	other.Wait()
	stop()
	watch()
	once.Do(func() {}) // what comes now is not why it ended
	client.Close()
	server.Close()
	return failure
}

// watchIdle calls idle when busy has not changed for timeout. The returned
// function ends the watch.
func watchIdle(timeout time.Duration, busy *atomic.Int64, idle func()) (stop func()) {
	if timeout < 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(max(timeout/2, 1))
		defer t.Stop()
		last, same := busy.Load(), 0
		for {
			select {
			case <-done:
				return
			case <-t.C:
			}
			if now := busy.Load(); now != last {
				last, same = now, 0
			} else if same++; same == 2 {
				idle()
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// pump moves one direction of a raw connection: what arrives is written at once
// and then shown to tap; the end is passed on as a half-close.
func (e *Engine) pump(dst, src body.Duplex, from flow.Peer, tap body.Tap) *flow.Error {
	to := flow.AtServer
	if from == flow.AtServer {
		to = flow.AtClient
	}
	buf := make([]byte, defaultChunkSize)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if werr := write(dst, buf[:n], tap); werr != nil {
				return rawError(werr, to)
			}
		}
		switch {
		case err == io.EOF:
			if err := dst.CloseWrite(); err != nil {
				return rawError(err, to)
			}
			return nil
		case err != nil:
			return rawError(err, from)
		}
	}
}

// write sends p on in one piece.
func write(dst body.Duplex, p []byte, tap body.Tap) error {
	tap.Sending()
	defer tap.Sent()
	n, err := dst.Write(p)
	if n > 0 {
		tap.Piece(p[:n])
	}
	return err
}

func rawError(err error, peer flow.Peer) *flow.Error {
	e, ok := errors.AsType[*flow.Error](err)
	if !ok {
		e = &flow.Error{Peer: peer, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: err}
	}
	if e.Peer == flow.AtClient && e.Cause == flow.ResetByPeer {
		c := *e
		c.Cause = flow.LeftByClient
		return &c
	}
	return e
}

// Splice relays a raw connection as Tunnel does and keeps nothing of it; where
// both ends are sockets the bytes do not pass through the process. Its error is
// why the connection did not end properly.
func (e *Engine) Splice(ctx context.Context, client, server body.Duplex) error {
	timeout := e.policy.Load().TCPTimeout
	var once sync.Once
	var failure error
	broken := func(err error) {
		once.Do(func() { failure = err })
		client.Reset()
		server.Reset()
	}
	stop := context.AfterFunc(ctx, func() { broken(context.Cause(ctx)) })
	var moved atomic.Int64
	run := func(dst, src body.Duplex) {
		if err := splice(dst, src, timeout, &moved); err != nil {
			broken(err)
		}
	}
	var other sync.WaitGroup
	other.Go(func() { run(server, client) })
	run(client, server)
	other.Wait()
	stop()
	once.Do(func() {})
	client.Close()
	server.Close()
	return failure
}

// deadliner is an end whose reads can be given a limit.
type deadliner interface{ SetReadDeadline(time.Time) error }

// splice copies one direction. Idleness is seen at the read deadline: when
// neither direction moved since the last one, the connection is given up.
func splice(dst, src body.Duplex, timeout time.Duration, moved *atomic.Int64) error {
	limited, ok := src.(deadliner)
	ok = ok && timeout > 0
	quiet, before := 0, moved.Load()
	for {
		if ok {
			if err := limited.SetReadDeadline(time.Now().Add(timeout / 2)); err != nil {
				return err
			}
		}
		n, err := io.Copy(dst, src)
		moved.Add(n)
		if ne, late := errors.AsType[interface {
			error
			Timeout() bool
		}](err); ok && late && ne.Timeout() {
			// The other direction counts what it moved at deadlines of its own.
			if now := moved.Load(); now != before {
				quiet, before = 0, now
				continue
			}
			if quiet++; quiet <= 2 {
				continue
			}
			return fmt.Errorf("tunnel: nothing passed for %v: %w", timeout, err)
		}
		if err != nil {
			return err
		}
		return dst.CloseWrite()
	}
}
