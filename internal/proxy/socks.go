package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// Octets of SOCKS (RFC 1928, and RFC 1929 for user and password).
const (
	socks4        = 4
	socks5        = 5
	socksNoAuth   = 0
	socksPassword = 2
	socksNone     = 0xff // no method that can be taken
	socksConnect  = 1
	socksIPv4     = 1
	socksDomain   = 3
	socksIPv6     = 4
)

// socksReply is a reply code (RFC 1928 section 6).
type socksReply byte

const (
	socksSucceeded  socksReply = 0
	socksFailed     socksReply = 1
	socksNotAllowed socksReply = 2
	socksNoNetwork  socksReply = 3
	socksNoHost     socksReply = 4
	socksRefused    socksReply = 5
	socksNoCommand  socksReply = 7
	socksNoAddress  socksReply = 8
)

var errSOCKS = errors.New("the client's SOCKS is malformed")

// serveSOCKS serves a client that greets by SOCKS: what it connects to is a tunnel
// like one of CONNECT.
func (c *client) serveSOCKS(ctx context.Context, down *conn) {
	down.SetReadDeadline(time.Now().Add(c.p.cfg.TLS.HandshakeTimeout))
	host, port, code, err := c.negotiateSOCKS(ctx, down)
	down.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		c.p.log.Info("client "+c.facts.Peer+": SOCKS: "+err.Error(), "client", c.facts.Peer)
		return
	case code != socksSucceeded:
		sendSOCKS(down, code, nil)
		return
	case c.p.toItself(host, port):
		sendSOCKS(down, socksNotAllowed, nil)
		itself := refusal(403, "connect to %s: this is midstream itself, which does not connect to itself", hostPort(host, port))
		itself.Cause = flow.Forbidden
		c.noteUnreachable(hostPort(host, port), itself)
		return
	}
	t := &tunnel{client: c, host: host, port: port, address: hostPort(host, port), via: c.parent("https", host, port)}
	defer t.giveUp()
	var near net.Addr
	if c.p.dialsFirst(host) {
		t.dial = c.startDial(ctx, t.target())
		var err error
		if attend(ctx, down, brokenOff, func(ctx context.Context) { near, err = t.dial.reached(ctx) }) {
			return
		}
		if err != nil {
			sendSOCKS(down, socksReplyFor(err), nil)
			c.noteUnreachable(t.address, err)
			return
		}
	}
	if sendSOCKS(down, socksSucceeded, near) == nil {
		t.serve(ctx, down)
	}
}

// negotiateSOCKS reads the greeting, who the client is, and what it wants. code says
// why it does not get that; an error that there is nobody to be told.
func (c *client) negotiateSOCKS(ctx context.Context, down *conn) (host string, port uint16, code socksReply, err error) {
	b := make([]byte, 2, 2+255)
	if _, err = io.ReadFull(down, b); err != nil {
		return
	}
	if b[0] != socks5 {
		down.Write([]byte{0, 0x5b, 0, 0, 0, 0, 0, 0}) // SOCKS 4: rejected
		return "", 0, 0, errors.New("version 4 is not there; set the client to SOCKS 5")
	}
	methods := b[2 : 2+int(b[1])]
	if _, err = io.ReadFull(down, methods); err != nil {
		return
	}
	if err = c.authenticateSOCKS(ctx, down, methods); err != nil {
		return
	}
	return readSOCKSRequest(down)
}

// authenticateSOCKS picks a method and goes through with it.
func (c *client) authenticateSOCKS(ctx context.Context, down *conn, methods []byte) error {
	has := func(m byte) bool {
		for _, o := range methods {
			if o == m {
				return true
			}
		}
		return false
	}
	gate := c.p.now().Auth
	asked := gate != nil || has(socksPassword) && c.p.cfg.Hooks().Hears(hook.OnSOCKSAuth)
	switch {
	case !asked && has(socksNoAuth):
		_, err := down.Write([]byte{socks5, socksNoAuth})
		return err
	case has(socksPassword):
	case gate != nil:
		down.Write([]byte{socks5, socksNone})
		return errors.New("the client offers no user and password, which this proxy wants")
	default:
		down.Write([]byte{socks5, socksNone})
		return errors.New("the client offers neither no authentication nor user and password")
	}
	if _, err := down.Write([]byte{socks5, socksPassword}); err != nil {
		return err
	}
	user, password, err := readSOCKSUser(down)
	if err != nil {
		return err
	}
	if set := c.p.cfg.Hooks(); gate != nil || set.Hears(hook.OnSOCKSAuth) {
		down.SetReadDeadline(time.Time{})
		attend(ctx, down, anyEnd, func(ctx context.Context) {
			if gate != nil {
				err = gate.Check(ctx, user, password)
			}
			a := hook.SOCKSAuth{Client: c.facts, User: user, Password: password, Valid: err == nil}
			switch herr := set.SOCKSAuth(ctx, &a); {
			case herr != nil:
				err = herr
			case a.Valid:
				err = nil
			case err == nil:
				err = errors.New("a hook does not take the credentials")
			}
		})
		if err != nil {
			down.Write([]byte{1, 1})
			return err
		}
		c.known.user = user
		down.SetReadDeadline(time.Now().Add(c.p.cfg.TLS.HandshakeTimeout))
	}
	_, err = down.Write([]byte{1, 0})
	return err
}

// readSOCKSUser reads the request of RFC 1929.
func readSOCKSUser(r io.Reader) (user, password string, err error) {
	b := make([]byte, 256)
	if _, err = io.ReadFull(r, b[:2]); err != nil {
		return
	}
	if b[0] != 1 {
		return "", "", errSOCKS
	}
	name := b[:b[1]]
	if _, err = io.ReadFull(r, name); err != nil {
		return
	}
	user = string(name)
	if _, err = io.ReadFull(r, b[:1]); err != nil {
		return
	}
	secret := b[:b[0]]
	_, err = io.ReadFull(r, secret)
	return user, string(secret), err
}

// readSOCKSRequest reads what the client wants (RFC 1928 section 4).
func readSOCKSRequest(r io.Reader) (host string, port uint16, code socksReply, err error) {
	b := make([]byte, 4+1+255+2)
	if _, err = io.ReadFull(r, b[:5]); err != nil {
		return
	}
	if b[0] != socks5 {
		return "", 0, 0, errSOCKS
	}
	n := 0 // octets of the address, of which one has been read
	switch b[3] {
	case socksIPv4:
		n = 4
	case socksIPv6:
		n = 16
	case socksDomain:
		n = 1 + int(b[4])
	default:
		return "", 0, socksNoAddress, nil
	}
	rest := b[4 : 4+n+2]
	if _, err = io.ReadFull(r, rest[1:]); err != nil {
		return
	}
	port = uint16(rest[n])<<8 | uint16(rest[n+1])
	if b[3] == socksDomain {
		host = string(rest[1:n])
		if inner, err := netip.ParseAddr(host); err == nil { // some put addresses there
			host = inner.String()
		} else if h, err := parseHost(host); err != nil || h != host {
			return "", 0, socksNoHost, nil
		}
	} else {
		ip, _ := netip.AddrFromSlice(rest[:n])
		host = ip.Unmap().String()
	}
	switch {
	case b[1] != socksConnect: // BIND and UDP ASSOCIATE
		return "", 0, socksNoCommand, nil
	case port == 0:
		return "", 0, socksFailed, nil
	}
	return host, port, socksSucceeded, nil
}

// sendSOCKS sends a reply, with the near end of the connection to the server.
func sendSOCKS(w io.Writer, code socksReply, near net.Addr) error {
	b := []byte{socks5, byte(code), 0}
	at := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if tcp, ok := near.(*net.TCPAddr); ok {
		at = netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap().WithZone(""), uint16(tcp.Port))
	}
	if at.Addr().Is4() {
		b = append(b, socksIPv4)
	} else {
		b = append(b, socksIPv6)
	}
	b = append(b, at.Addr().AsSlice()...)
	_, err := w.Write(append(b, byte(at.Port()>>8), byte(at.Port())))
	return err
}

// socksReplyFor is the reply code for a dial that failed.
func socksReplyFor(err error) socksReply {
	var dns *net.DNSError
	switch cause := flow.CauseOf(err); {
	case cause == flow.Forbidden:
		return socksNotAllowed
	case errors.Is(err, syscall.ECONNREFUSED):
		return socksRefused
	case errors.Is(err, syscall.ENETUNREACH):
		return socksNoNetwork
	case errors.Is(err, syscall.EHOSTUNREACH), errors.As(err, &dns), cause == flow.Timeout:
		return socksNoHost
	}
	return socksFailed
}

// reached waits for the connection and returns its near end; it stays to be taken.
func (d *dialing) reached(ctx context.Context) (near net.Addr, _ error) {
	unlink := context.AfterFunc(ctx, d.cancel)
	<-d.done
	unlink()
	if d.err != nil {
		return nil, d.err
	}
	return d.conn.LocalAddr(), nil
}
