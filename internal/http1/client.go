package http1

import (
	"context"
	"errors"
	"sync"

	"midstream/flow"
	"midstream/internal/fault"
)

// ClientConfig says how a Client talks to its server. The zero value has the
// defaults.
type ClientConfig struct {
	Profile Profile
	Limits  Limits
	// Server is what Call.Server returns.
	Server *flow.Conn
	// Name is how errors call the server; empty means its address.
	Name string
	// Release is called by Call.Close; reusable tells whether the connection
	// can take another request. It has been closed otherwise.
	Release func(c *Client, reusable bool)
	// OnDead is called, at most once and from a goroutine of the Client, when
	// the server closes an idle connection or says something unasked on it. The
	// connection has been closed.
	OnDead func(c *Client)
}

// Client sends requests over one connection to a server, one after the other.
// Open and Close belong to one goroutine at a time; Alive may be called from
// anywhere.
type Client struct {
	conn    Conn
	src     *source
	cfg     ClientConfig
	limits  Limits
	secured bool
	to      string
	print   []byte
	// interrupt ends what waits on the connection; made once, for it is needed
	// with every request.
	interrupt func()

	mu     sync.Mutex
	busy   bool // a call runs
	dead   bool
	served bool // a call has been through
}

// NewClient returns a Client on conn, which it takes over.
func NewClient(conn Conn, cfg ClientConfig) *Client {
	c := &Client{conn: conn, src: newSource(conn), cfg: cfg, limits: cfg.Limits.withDefaults(), secured: isSecured(conn), to: cfg.Name}
	if c.to == "" {
		c.to = remote(conn)
	}
	c.interrupt = func() { conn.SetDeadline(past) }
	c.src.once, c.src.ended = true, c.spoke
	c.src.watch(idleWatchDelay)
	return c
}

// Alive tells whether the connection is idle and can take a request, as far as
// can be known.
func (c *Client) Alive() bool {
	c.mu.Lock()
	usable := !c.busy && !c.dead
	c.mu.Unlock()
	// Nothing must have come that nobody asked for, the end included.
	return usable && !c.src.ready()
}

// Open writes the head of req and returns the call. f is how the request body
// is delimited. Errors are *flow.Error; the cause is flow.RefusedRequest when no
// octet of the head was written, so that the server cannot have seen it, and the
// error is ErrStale when the connection had ended before. The end of ctx interrupts
// the call until its final head has been read, or it is closed.
func (c *Client) Open(ctx context.Context, req *flow.Request, f flow.Framing) (*Call, error) {
	if f.Kind == flow.UntilClose {
		return nil, c.misuse(errors.New("a request cannot last until the connection closes"))
	}
	if once(req, f) && c.hasEnded() {
		return nil, c.stale()
	}
	if err := c.take(); err != nil {
		return nil, err
	}
	call := &Call{client: c, method: req.Method, reused: c.served, closes: req.Version == flow.HTTP10 || req.Fields.HasToken("Connection", "close")}
	call.reader.prepare(call, c.src, flow.ToClient, c.to)
	call.sink.start(call, c.conn, c.secured, flow.ToServer, c.to, f)
	var err error
	if c.print, err = printRequest(c.print, req); err != nil {
		c.mu.Lock()
		c.busy = false
		c.mu.Unlock()
		return nil, c.misuse(err)
	}
	if err := call.sendHead(ctx); err != nil {
		call.loosen()
		call.Cancel(err)
		return nil, err
	}
	if f.Kind == flow.Unframed {
		call.sink.Close(nil)
	}
	return call, nil
}

// ErrStale is why Open fails on a connection that its server has closed while
// it was idle: nothing was tried, and another connection will do.
var ErrStale = errors.New("server closed the idle connection")

// take makes the connection busy.
func (c *Client) take() error {
	c.src.unwatch()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.busy:
		return c.misuse(errors.New("the connection serves another request"))
	case c.dead || c.src.ready():
		return c.stale()
	}
	c.busy = true
	return nil
}

func (c *Client) stale() error {
	return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.RefusedRequest,
		Err: fault.Say("send request head to "+c.to+": "+ErrStale.Error(), ErrStale)}
}

// once tells that a request may not be one that can be sent again.
func once(req *flow.Request, f flow.Framing) bool {
	return f.Kind != flow.Unframed || req.Method != "GET" && req.Method != "HEAD"
}

// hasEnded asks the system whether the server has ended a connection that has served:
// it may have done so behind the last response, where nobody has looked since.
func (c *Client) hasEnded() bool {
	c.mu.Lock()
	served := c.served
	c.mu.Unlock()
	conn, ok := c.conn.(endTeller)
	if !served || !ok {
		return false
	}
	reset, ended, _ := conn.Ended()
	return reset || ended
}

func (c *Client) misuse(err error) error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: fault.Say("send request head to "+c.to+": "+err.Error(), err)}
}

// spoke is told by the watcher when something came, or the end. While a call
// runs that is its response.
func (c *Client) spoke(int, error) {
	c.mu.Lock()
	if c.busy || c.dead {
		c.mu.Unlock()
		return
	}
	c.dead = true
	c.mu.Unlock()
	c.conn.Close()
	if c.cfg.OnDead != nil {
		c.cfg.OnDead(c)
	}
}

// free takes the connection back from its call.
func (c *Client) free(reusable bool) {
	if reusable && c.src.ready() {
		reusable = false // octets behind the response: nobody asked for them
	}
	c.mu.Lock()
	c.busy, c.served = false, true
	c.dead = c.dead || !reusable
	reusable = !c.dead
	c.mu.Unlock()
	if !reusable {
		c.conn.Close()
		c.src.close()
	} else {
		c.src.watch(idleWatchDelay)
	}
	if cap(c.print) > 2*bufferSize {
		c.print = nil
	}
	if c.cfg.Release != nil {
		c.cfg.Release(c, reusable)
	}
}

// Close closes the connection. It must not be called while a call runs:
// Call.Cancel is for that.
func (c *Client) Close() error {
	c.mu.Lock()
	was := c.dead
	c.dead = true
	c.mu.Unlock()
	var err error
	if !was {
		err = c.conn.Close()
	}
	c.src.close()
	return err
}
