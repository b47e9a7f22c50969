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
	facts  *flow.Conn  // replaced, never changed, when more is known
	spoken atomic.Bool // octets of the server's have been read
	ended  sync.Once
}

// Read reads from the server.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoken.Load() {
		c.spoken.Store(true)
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

// protocol is what was agreed upon by ALPN, "" without.
func (c *Conn) protocol() string {
	if c.facts.TLS == nil {
		return ""
	}
	return c.facts.TLS.ALPN
}

// Address is the host:port that was dialled.
func (c *Conn) Address() string { return c.dial.Address }

// Dial connects to address (host:port) on behalf of client, which may be nil.
// The server events run around it. Errors are *flow.Error in phase Dialing. The
// caller must Close the connection or hand it to a Pool.
func (d *Dialer) Dial(ctx context.Context, client *flow.Conn, address string) (*Conn, error) {
	hooks := d.cfg.Hooks()
	facts := &flow.Conn{ID: flow.NewID(), Address: address, Start: time.Now()}
	dial := &hook.Dial{Client: client, Server: facts, Address: address}
	if err := hooks.ServerConnect(ctx, dial); err != nil {
		dial.Err = dialError(flow.Forbidden, "connect to server %s: refused by an addon: %w", address, err)
		hooks.ServerConnectError(ctx, dial)
		return nil, dial.Err
	}
	nc, err := d.connect(ctx, dial.Address)
	if err != nil {
		dial.Err = err
		hooks.ServerConnectError(context.WithoutCancel(ctx), dial)
		return nil, err
	}
	connected := *facts
	connected.Address = dial.Address
	connected.Connected = time.Now()
	connected.Peer, connected.Local = nc.RemoteAddr().String(), nc.LocalAddr().String()
	dial.Server = &connected
	hooks.ServerConnected(ctx, dial)
	return &Conn{Conn: transport.New(nc), dialer: d, hooks: hooks, dial: dial, facts: &connected}, nil
}

// connect dials TCP, all addresses of a name in turn (RFC 8305).
func (d *Dialer) connect(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, dialError(flow.NoConnection, "connect to server %s: not a host and port", strconv.Quote(address))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, dialError(flow.NoConnection, "connect to server %s: port %s is not one of 1 to 65535", address, strconv.Quote(port))
	}
	if host == "" || len(host) > maxHost || strings.ContainsAny(host, "\x00/ \t\r\n") {
		return nil, dialError(flow.NoConnection, "connect to server %s: %s is not a host", cut(address), strconv.Quote(cut(host)))
	}
	if ip, ok := looseIPv4(host); ok {
		address = net.JoinHostPort(ip.String(), port)
	}
	nd := net.Dialer{
		Timeout:        d.cfg.DialTimeout,
		ControlContext: d.refuseOwn,
	}
	if d.cfg.LocalAddr.IsValid() {
		nd.LocalAddr = &net.TCPAddr{IP: d.cfg.LocalAddr.AsSlice(), Zone: d.cfg.LocalAddr.Zone()}
	}
	nc, err := nd.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, d.describeDial(ctx, address, err)
	}
	return nc, nil
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

func (d *Dialer) refuseOwn(_ context.Context, _, resolved string, _ syscall.RawConn) error {
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

func (d *Dialer) describeDial(ctx context.Context, address string, err error) error {
	const what = "connect to server %s: "
	if cause := context.Cause(ctx); cause != nil {
		if e, ok := errors.AsType[*flow.Error](cause); ok {
			return e
		}
	}
	if errors.Is(err, errOwn) {
		e := dialError(flow.Forbidden, what+"%w, which does not connect to itself; ask for another host or port", address, errOwn)
		e.Status = 403
		return e
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case dns.IsNotFound:
			return dialError(flow.NoConnection, what+"no such host; check its name", address)
		case dns.IsTimeout:
			return dialError(flow.Timeout, what+"looking up its name took too long; check the name server", address)
		}
		return dialError(flow.NoConnection, what+"looking up its name: %s; check the name server", address, dns.Err)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return dialError(flow.Timeout, what+"no answer within %v", address, d.cfg.DialTimeout)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return dialError(flow.LeftByClient, what+"given up: %w", address, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return dialError(flow.NoConnection, what+"connection refused; nothing listens there, or a firewall says so", address)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return dialError(flow.NoConnection, what+"too many open files; raise the limit (ulimit -n)", address)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return dialError(flow.NoConnection, what+"%w", address, err)
}

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
		end := *c.facts
		end.End = time.Now()
		last := *c.dial
		last.Server = &end
		c.hooks.ServerDisconnected(context.Background(), &last)
	})
}
