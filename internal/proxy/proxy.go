package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/http2"
	"midstream/internal/upstream"
)

// Proxy accepts clients and serves them. Make one with New; then Listen, Serve
// and Shutdown, in this order.
type Proxy struct {
	cfg    Config // as it was at first: what may change is in way and terms
	way    atomic.Pointer[Manner]
	terms  atomic.Pointer[terms]
	log    *slog.Logger
	dialer *upstream.Dialer
	budget http2.Budget
	own    own
	once   onceLog
	loop   loop

	entrance entrance

	// stop ends everything at once, with its cause; drain ends what is idle.
	base  context.Context
	stop  context.CancelCauseFunc
	idle  context.Context
	drain context.CancelFunc

	clients sync.WaitGroup
	mu      sync.Mutex // guards open
	open    map[net.Conn]struct{}
}

// New makes a Proxy; it opens nothing.
func New(cfg Config) *Proxy {
	if cfg.Hooks == nil {
		cfg.Hooks = func() *hook.Set { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.TLS.HandshakeTimeout <= 0 {
		cfg.TLS.HandshakeTimeout = upstream.DefaultHandshakeTimeout
	}
	p := &Proxy{cfg: cfg, log: cfg.Log, open: make(map[net.Conn]struct{})}
	p.SetManner(cfg.Manner)
	p.base, p.stop = context.WithCancelCause(context.Background())
	p.idle, p.drain = context.WithCancel(p.base)
	up := cfg.Upstream
	up.Hooks, up.Own = cfg.Hooks, p.own.is
	if up.Mark != 0 {
		up.Connected, up.Closed = p.loop.connected, p.loop.closed
	}
	up.HTTP2, up.PingInterval = cfg.HTTP2, cfg.PingInterval
	if up.Log == nil {
		up.Log = cfg.Log
	}
	if up.Budget == nil {
		up.Budget = &p.budget
	}
	p.dialer = upstream.New(up)
	p.terms.Store(newTerms(cfg))
	return p
}

// Dialer is what reaches servers here, for others that send requests.
func (p *Proxy) Dialer() *upstream.Dialer { return p.dialer }

// Reroute sends a request of earlier to where the first mode leads: to the target of
// a reverse mode, or through the parent of the upstream mode.
func (p *Proxy) Reroute(r *flow.Request) {
	m := Mode{Kind: Regular}
	if len(p.cfg.Modes) > 0 {
		m = p.cfg.Modes[0]
	}
	parents := p.parentsFor(m)
	if m.Kind == Reverse && !m.isRaw() {
		to := toTarget{mode: m, keepHost: p.manner().KeepHost, via: parents.of(m.Scheme, m.Host, m.Port)}
		to.direct(r) // it refuses CONNECT only
		return
	}
	r.Via = parents.of(r.Scheme, r.Host, r.Port)
}

// Protect adds an address that clients must not reach through the proxy, as
// that of a control interface.
func (p *Proxy) Protect(at netip.AddrPort) { p.own.add(at) }

// accept takes clients in. Running out of descriptors or memory passes: it
// waits for clients to leave, at most a second at a time.
func (p *Proxy) accept(l *socket) {
	const maxPause = time.Second
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			p.admit(nc, l.mode.Load())
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), maxPause)
		if pause == 5*time.Millisecond {
			p.log.Warn("accept client: "+err.Error()+"; trying again", "listener", l.Addr().String())
		}
		select {
		case <-time.After(pause):
		case <-p.idle.Done():
			return
		}
	}
}

// admit serves one client in a goroutine of its own.
func (p *Proxy) admit(nc net.Conn, m *Mode) {
	p.mu.Lock()
	if p.idle.Err() != nil {
		p.mu.Unlock()
		nc.Close()
		return
	}
	p.open[nc] = struct{}{}
	p.clients.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.clients.Done()
		defer p.dismiss(nc)
		p.serveClient(nc, m)
	}()
}

// dismiss ends what admit began. A fault of ours costs the client its connection,
// not everybody the proxy.
func (p *Proxy) dismiss(nc net.Conn) {
	if fault := recover(); fault != nil {
		p.log.Error("serve client: internal fault", "client", nc.RemoteAddr().String(), "panic", fault, "stack", string(debug.Stack()))
	}
	nc.Close()
	p.mu.Lock()
	delete(p.open, nc)
	p.mu.Unlock()
}

// idleLimit is until when a connection may be idle before anybody has spoken.
func (p *Proxy) idleLimit() time.Time {
	limit := p.cfg.Engine.Policy().TCPTimeout
	if limit < 0 {
		return time.Time{}
	}
	return time.Now().Add(limit)
}

// errStopping is why everything that is left ends at the end of a drain.
var errStopping = &flow.Error{Cause: flow.Stopping, Err: errors.New("midstream is stopping")}

// Shutdown stops accepting, lets what is idle go at once and gives exchanges
// that run until ctx ends; then it cuts them. It returns when no client is
// left: nil, or the cause of ctx when something had to be cut.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.mu.Lock() // no client is admitted between the drain and the wait
	p.drain()
	p.mu.Unlock()
	p.closeListeners()
	gone := make(chan struct{})
	go func() {
		p.clients.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		p.stop(errStopping)
		return nil
	case <-ctx.Done():
	}
	p.stop(errStopping)
	select {
	case <-gone:
	case <-time.After(cutAfter):
		p.cut()
	}
	<-gone
	return context.Cause(ctx)
}

// cutAfter is how long exchanges that are being ended may take to tell their
// peers so.
const cutAfter = time.Second

// cut resets the connections of all clients that are left.
func (p *Proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for nc := range p.open {
		if tcp, ok := nc.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		nc.Close()
	}
}
