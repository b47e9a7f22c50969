package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/transport"
)

// Conn is a connection to a server.
type Conn struct {
	*transport.Conn
	dialer *Dialer
	hooks  *hook.Set
	dial   *hook.Dial
	asked  Target // as the caller wanted it
	// via and forward are how it was reached in the end.
	via     *flow.Via
	forward bool
	facts   *flow.Conn  // replaced, never changed, when more is known
	spoken  atomic.Bool // octets of the server's have been read
	like    bool        // it was greeted in the client's words, which may promise what we cannot keep
	ended   sync.Once
}

// Read reads from the server.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoken.Load() {
		c.spoken.Store(true)
	}
	if err != nil && c.like {
		c.reconsider(err)
	}
	return n, err
}

// Ready tells that a Read would not wait. What lies here before the server has
// said anything in TLS may be session tickets only (RFC 8446 section 4.6.1).
func (c *Conn) Ready() bool {
	return (c.spoken.Load() || c.Conn.TLS() == nil) && c.Conn.Ready()
}

// Facts tells about the connection. The caller may keep it.
func (c *Conn) Facts() *flow.Conn { return c.facts }

// protected tells whether the way to the server is TLS; that of a parent that
// requests are forwarded to does not count.
func (c *Conn) protected() bool { return c.facts.TLS != nil }

// protocol is what was agreed upon by ALPN, "" without.
func (c *Conn) protocol() string {
	if c.facts.TLS == nil {
		return ""
	}
	return c.facts.TLS.ALPN
}

// Target is where a connection leads.
type Target struct {
	// Address is host:port of the server.
	Address string
	// Via is the parent proxy on the way, nil for none.
	Via *flow.Via
	// Forward stops at the parent: requests are sent to it in absolute form. Without
	// it the connection is a tunnel through the parent.
	Forward bool

	secure    *flow.TLS                     // what is known of the TLS to come, nil for nothing
	handshake string                        // the scheme that the parent wants before it forwards, "" for none
	fields    func(flow.Fields) flow.Fields // changes those of a CONNECT to the parent; nil for nothing
}

// Address is the host:port that was dialled.
func (c *Conn) Address() string { return c.dial.Address }

// Dial connects to t on behalf of client, which may be nil. The server events run
// around it. Errors are *flow.Error in phase Dialing (Handshaking for the TLS of a
// parent). The caller must Close the connection or hand it to a Pool.
func (d *Dialer) Dial(ctx context.Context, client *flow.Conn, t Target) (*Conn, error) {
	hooks := d.cfg.Hooks()
	address := t.Address
	facts := &flow.Conn{ID: flow.NewID(), Address: address, Via: t.Via.String(), Start: time.Now()}
	dial := &hook.Dial{Client: client, Server: facts, Address: address, Via: t.Via}
	if t.secure != nil {
		planned := *facts
		planned.TLS = t.secure
		dial.Server = &planned
	}
	if err := hooks.ServerConnect(ctx, dial); err != nil {
		dial.Err = dialError(flow.Forbidden, "connect to server %s: refused by an addon: %w", address, err)
		hooks.ServerConnectError(ctx, dial)
		return nil, dial.Err
	}
	dial.Server = facts
	asked := t
	t.Address, t.Via, t.Forward = dial.Address, dial.Via, t.Forward && dial.Via != nil
	if t.Via != nil && hooks.Hears(hook.OnHTTPConnectUpstream) {
		t.fields = func(f flow.Fields) flow.Fields { return connectFields(ctx, hooks, dial, f) }
	}
	nc, err := d.reach(ctx, t)
	if err == nil && d.cfg.Connected != nil && !d.cfg.Connected(nc.LocalAddr()) {
		nc.Reset()
		err = d.describeDial(ctx, "connect to server "+cut(t.Address)+": ", errOwn)
	}
	if err != nil {
		dial.Err = err
		hooks.ServerConnectError(context.WithoutCancel(ctx), dial)
		return nil, err
	}
	connected := *facts
	connected.Address, connected.Via = dial.Address, dial.Via.String()
	connected.Connected = time.Now()
	connected.Peer, connected.Local = nc.RemoteAddr().String(), nc.LocalAddr().String()
	dial.Server = &connected
	hooks.ServerConnected(ctx, dial)
	return &Conn{Conn: nc, dialer: d, hooks: hooks, dial: dial, asked: asked, via: t.Via, forward: t.Forward, facts: &connected}, nil
}

// connect dials TCP, all addresses of a name in turn (RFC 8305). Errors begin with
// what.
func (d *Dialer) connect(ctx context.Context, address, what string) (net.Conn, error) {
	host, port, bad := checkAddress(address, what)
	if bad != nil {
		return nil, bad
	}
	if ip, ok := looseIPv4(host); ok {
		address = net.JoinHostPort(ip.String(), port)
	}
	nd := net.Dialer{
		Timeout:        d.cfg.DialTimeout,
		ControlContext: d.refuseOwn,
	}
	if a := d.now().LocalAddr; a.IsValid() {
		nd.LocalAddr = &net.TCPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	nc, err := nd.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, d.describeDial(ctx, what, err)
	}
	return nc, nil
}

// checkAddress takes host:port apart and refuses what is no host and port.
func checkAddress(address, what string) (host, port string, _ *flow.Error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", dialError(flow.NoConnection, "%s%s is not a host and port", what, strconv.Quote(cut(address)))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", dialError(flow.NoConnection, "%sport %s is not one of 1 to 65535", what, strconv.Quote(port))
	}
	if host == "" || len(host) > maxHost || strings.ContainsAny(host, "\x00/ \t\r\n") {
		return "", "", dialError(flow.NoConnection, "%s%s is not a host", what, strconv.Quote(cut(host)))
	}
	return host, port, nil
}

// maxHost is above any name that a resolver takes (253) and bounds what is
// printed about one.
const maxHost = 1024

func cut(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}

// errOwn is how refuseOwn stops a dial.
var errOwn = errors.New("this is midstream itself")

func (d *Dialer) refuseOwn(_ context.Context, _, resolved string, c syscall.RawConn) error {
	if d.cfg.Mark != 0 {
		setMark(c, d.cfg.Mark)
	}
	if d.cfg.Own == nil {
		return nil
	}
	ap, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return nil
	}
	if d.cfg.Own(netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())) {
		return errOwn
	}
	return nil
}

func (d *Dialer) describeDial(ctx context.Context, what string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if e, ok := errors.AsType[*flow.Error](cause); ok {
			return e
		}
	}
	if errors.Is(err, errOwn) {
		e := dialError(flow.Forbidden, "%s%w, which does not connect to itself; ask for another host or port", what, errOwn)
		e.Status = 403
		return e
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case dns.IsNotFound:
			e := dialError(flow.NoConnection, "%sno such host; check its name", what)
			e.Err = &said{e.Err, err}
			return e
		case dns.IsTimeout:
			return dialError(flow.Timeout, "%slooking up its name took too long; check the name server", what)
		}
		return dialError(flow.NoConnection, "%slooking up its name: %s; check the name server", what, dns.Err)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return dialError(flow.Timeout, "%sno answer within %v", what, d.cfg.DialTimeout)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return dialError(flow.LeftByClient, "%sgiven up: %w", what, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		e := dialError(flow.NoConnection, "%sconnection refused; nothing listens there, or a firewall says so", what)
		e.Err = &said{e.Err, err}
		return e
	case errors.Is(err, syscall.ENETUNREACH):
		return dialError(flow.NoConnection, "%s%w; check this machine's network, and that it has IPv6 where this is an IPv6 address", what, syscall.ENETUNREACH)
	case errors.Is(err, syscall.EHOSTUNREACH):
		return dialError(flow.NoConnection, "%s%w; check the address and this machine's network", what, syscall.EHOSTUNREACH)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return dialError(flow.NoConnection, "%stoo many open files; raise the limit (ulimit -n)", what)
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok && d.now().LocalAddr.IsValid() {
		return dialError(flow.NoConnection, "%sthe server has no address of the kind of connect_addr, which is %s; leave that option out, or give an address of the other kind", what, d.now().LocalAddr)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return dialError(flow.NoConnection, "%s%w", what, err)
}

// said is an error in other words.
type said struct {
	error
	of error
}

func (s *said) Unwrap() error { return s.of }

func dialError(cause flow.Cause, format string, args ...any) *flow.Error {
	return &flow.Error{Peer: flow.AtServer, Phase: flow.Dialing, Cause: cause, Err: fmt.Errorf(format, args...)}
}

// Close closes the connection as one that came to its end; server_disconnected
// runs once.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.gone()
	return err
}

// Reset closes the connection so that the server sees a failure.
func (c *Conn) Reset() error {
	err := c.Conn.Reset()
	c.gone()
	return err
}

func (c *Conn) gone() {
	c.ended.Do(func() {
		if c.dialer.cfg.Closed != nil {
			c.dialer.cfg.Closed(c.LocalAddr())
		}
		end := *c.facts
		end.End = time.Now()
		last := *c.dial
		last.Server = &end
		c.hooks.ServerDisconnected(context.Background(), &last)
	})
}
