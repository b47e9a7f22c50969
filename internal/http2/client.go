package http2

import (
	"context"
	"errors"
	"sync"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/fault"
)

// Client sends requests over one connection to a server, many at once. Its
// methods may be called at once.
type Client struct {
	conn
	cfg    ClientConfig
	tree   uint32 // see requestEncoder
	once   sync.Once
	done   chan struct{}
	served bool // guarded by mu: a response has come
}

// NewClient sends the preface on conn, which it takes over, and returns; the
// server's SETTINGS come later, and calls need not wait for them. Close it.
func NewClient(nc Conn, cfg ClientConfig) (*Client, error) {
	c := &Client{cfg: cfg, done: make(chan struct{})}
	c.name, c.peer = cfg.Name, flow.AtServer
	if c.name == "" {
		c.name = "server " + remote(nc)
	}
	c.init(nc, c, cfg.Profile, cfg.Limits, cfg.Budget)
	c.nextID = 1
	c.pingAfter = pingAfter(cfg.PingInterval)
	c.openBy = time.Now().Add(orElse(cfg.OpeningTimeout, DefaultOpeningTimeout))
	o := openLike(cfg.Like, c.limits)
	c.recvAvail = protocolWindow + int(o.widen)
	c.owed = connWindow - c.recvAvail // is given with the first credit
	c.first, c.unacked = o.window, 1
	c.block.dec.SetAllowedMaxDynamicTableSize(o.table)
	if c.tree = o.tree(); c.tree > 0 {
		c.nextID = c.tree + 2
	}
	c.w.control(func(fr *h2.Framer) {
		c.w.queue().b = append(c.w.queue().b, h2.ClientPreface...)
		o.write(fr)
	})
	c.start()
	go func() {
		defer close(c.done)
		c.serve()
	}()
	return c, nil
}

// ErrStale is why Open fails on a connection that takes no more requests,
// ErrFull on one that has as many as its server allows. Nothing was tried, and
// another connection will do.
var (
	ErrStale = errors.New("the connection takes no more requests")
	ErrFull  = errors.New("the connection has as many requests as its server allows")
)

// lastID is the last stream of a client.
const lastID = 1<<31 - 1

// Alive tells whether the connection takes another request some time, Free
// whether it does now.
func (c *Client) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.takes() == nil
}

// Free tells how many more calls can be open at once now.
func (c *Client) Free() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.takes() != nil {
		return 0
	}
	return max(0, c.peerMax-len(c.streams))
}

// MaxStreams is how many calls the server allows at once; known tells that it has
// said so.
func (c *Client) MaxStreams() (n int, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peerMax, c.opened
}

// Greeted waits until the server's SETTINGS have come: then it speaks HTTP/2. The
// error is a *flow.Error and says why not.
func (c *Client) Greeted(ctx context.Context) error {
	select {
	case <-c.greeted:
	case <-ctx.Done():
		return fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, "read SETTINGS from "+c.name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened {
		return c.dead
	}
	return nil
}

// TakesProtocols tells whether the server allows extended CONNECT (RFC 8441 section
// 3). It waits for the server's SETTINGS; errors are those of Greeted.
func (c *Client) TakesProtocols(ctx context.Context) (bool, error) {
	if err := c.Greeted(ctx); err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extended, nil
}

// takes tells why no request can be sent any more. mu is held.
func (c *Client) takes() error {
	if c.dead != nil || c.goaway || c.leaving || c.nextID > lastID {
		return ErrStale
	}
	return nil
}

// Open sends the head of req and returns the call. f is how the request body is
// delimited. Errors are *flow.Error: with the cause flow.RefusedRequest, and
// ErrStale or ErrFull within, nothing was sent.
func (c *Client) Open(ctx context.Context, req *flow.Request, f flow.Framing) (*Call, error) {
	const what = "send request head to "
	if ctx.Err() != nil {
		return nil, fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.name)
	}
	if f.Kind == flow.UntilClose {
		return nil, c.misuse(errors.New("a request cannot last until the connection closes"))
	}
	if err := checkRequest(req); err != nil {
		return nil, c.misuse(err)
	}
	call := &Call{client: c, method: req.Method, protocol: req.Protocol}
	st := &call.stream
	c.mu.Lock()
	err := c.takes()
	if err == nil && len(c.streams) >= c.peerMax {
		err = ErrFull
	}
	if err != nil {
		c.mu.Unlock()
		return nil, &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.RefusedRequest, Err: fault.Say(what+c.name+": "+err.Error(), err)}
	}
	id := c.nextID
	c.nextID += 2
	st.init(&c.conn, id, flow.ToClient)
	st.call = call
	call.reader.st, call.reused = st, c.served
	call.sink.start(st, f)
	call.sink.tunnel = req.Method == "CONNECT"
	c.streams[id] = st
	// The numbers of streams must come in their order, so the head is queued
	// before the next one is given out.
	end := f.Kind == flow.Unframed && !call.sink.tunnel
	err = c.w.fields(id, requestEncoder{req, c.tree}, end, now)
	if end {
		st.sendEnd, call.sink.closed = true, true
		st.gone.Store(true)
	}
	credit := st.win.credit() // where the window began small
	c.mu.Unlock()
	if credit > 0 && err == nil {
		c.w.windowUpdate(id, credit)
	}
	if err != nil {
		err = st.sendFailed(err)
		e := *err.(*flow.Error)
		e.Phase, e.Cause = flow.InHead, flow.RefusedRequest
		st.refuse(&e)
		return nil, &e
	}
	return call, nil
}

// refuse takes out a stream that the peer never saw.
func (st *stream) refuse(e *flow.Error) {
	st.c.mu.Lock()
	defer st.c.mu.Unlock()
	st.breakIn(e)
	st.breakOut(e)
	st.c.remove(st, resetByUs)
}

func (c *Client) misuse(err error) error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: fault.Say("send request head to "+c.name+": "+err.Error(), err)}
}

// Stop says that no further request will be sent: calls that are open go on, and
// then the connection is closed.
func (c *Client) Stop() { c.leave() }

// Close ends the connection and all calls on it, and returns when nothing of it
// runs any more. It must not be called by OnDead.
func (c *Client) Close() error {
	c.fail(&flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Cause: flow.Stopping, Err: errors.New("HTTP/2 connection with " + c.name + ": the connection was closed here")}, h2.ErrCodeNo, "")
	<-c.done
	return nil
}

func (c *Client) prioritized(uint32, flow.PriorityChange) {}

func (c *Client) died() {
	if c.cfg.OnDead != nil {
		c.once.Do(func() { c.cfg.OnDead(c) })
	}
}

// head takes the head of a response, interim or final.
func (c *Client) head(id uint32, st *stream, b *fieldBlock, end bool) error {
	if st == nil {
		c.mu.Lock()
		idle, how := c.isIdle(id), c.closed.how(id)
		c.mu.Unlock()
		switch {
		case idle || id%2 == 0:
			return breaksConn(h2.ErrCodeProtocol, "HEADERS on stream %d, which was not opened", id)
		case how == resetByUs:
			return nil
		}
		return breaksStream(id, h2.ErrCodeStreamClosed, "HEADERS on a stream that has ended")
	}
	if b.tooLarge {
		return breaksStream(id, h2.ErrCodeEnhanceYourCalm, "a head of more than %d octets", b.limit)
	}
	head := new(flow.Response)
	length, found, fault := parseResponse(head, b, c.profile)
	if fault != "" {
		return breaksStream(id, h2.ErrCodeProtocol, "malformed response: %s", fault)
	}
	head.Start = time.Now()
	return st.call.came(head, found, b.size, length, end)
}
