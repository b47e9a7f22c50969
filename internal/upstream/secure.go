package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/clienthello"
	"midstream/internal/transport"
)

// Secure shakes hands over the connection as as says. Errors are *flow.Error in
// phase Handshaking; the connection is closed then.
func (c *Conn) Secure(ctx context.Context, as Name) error {
	d, serverName, protocols := c.dialer, c.nameFor(ctx, as.SNI), as.Protocols
	t := d.now()
	cfg := t.tls.Clone()
	cfg.ServerName = serverName
	cfg.NextProtos = protocols
	if t.legacy(serverName, c.dial.Address) {
		cfg.MinVersion, cfg.CipherSuites = tls.VersionTLS10, AllCipherSuites()
	}
	if pick := t.TLS.ClientCert; pick != nil {
		host, _, _ := net.SplitHostPort(c.dial.Address)
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if cert := pick(serverName, host); cert != nil {
				return cert, nil
			}
			return &tls.Certificate{}, nil
		}
	}
	within, cancel := context.WithTimeoutCause(ctx, d.cfg.HandshakeTimeout, errTooSlow)
	defer cancel()
	var like *clienthello.Conn
	promised := as.Greeting != nil && t.repeats(&d.unlike, as.Greeting, serverName, c.dial.Address)
	secured, err := c.Conn.Secure(within, func(nc net.Conn) (transport.Secured, error) {
		if !promised {
			return tls.Client(nc, cfg), nil
		}
		if as.Greeting.way != repeated {
			as.Greeting.way.onto(cfg)
			return tls.Client(nc, cfg), nil
		}
		var err error
		if like, err = as.Greeting.hello.Client(nc, cfg, t.likeSessions); err != nil {
			d.log.Debug("server "+c.dial.Address+": "+err.Error(), "server", c.dial.Address)
			return tls.Client(nc, cfg), nil
		}
		return like, nil
	})
	if err != nil {
		described := d.describeHandshake(within, "server "+c.dial.Address, serverName, d.older(serverName, c.dial.Address), err)
		c.hooks.TLSFailedServer(context.WithoutCancel(ctx), &hook.Handshake{Client: c.dial.Client, Server: c.facts, Err: described})
		c.Reset()
		if promised && (as.Greeting.way == repeated || t.tls.CipherSuites != nil) && misunderstood(described) {
			described.Err = &likeError{described.Err}
		}
		return described
	}
	c.Conn = secured
	state := secured.TLS()
	facts := *c.facts
	facts.Secured = time.Now()
	facts.TLS = &flow.TLS{
		Version: state.Version, Cipher: state.CipherSuite, SNI: serverName,
		ALPN: state.NegotiatedProtocol, Offered: protocols, Resumed: state.DidResume,
		Certificates: make([][]byte, len(state.PeerCertificates)),
	}
	for i, cert := range state.PeerCertificates {
		facts.TLS.Certificates[i] = cert.Raw
	}
	if like != nil && like.Sent() != nil {
		facts.TLS.JA3, facts.TLS.JA4 = like.Sent().JA3(), like.Sent().JA4()
		c.like = true
	}
	c.facts = &facts
	c.dial.Server = &facts
	d.chosen.put(c.dial.Address, state.NegotiatedProtocol)
	c.hooks.TLSEstablishedServer(ctx, &hook.Handshake{Client: c.dial.Client, Server: &facts})
	return nil
}

// nameFor is what the server is told of its name, where it was to be told name.
func (c *Conn) nameFor(ctx context.Context, name string) string {
	said := c.dial.ServerName // "" where no hook has said anything
	if c.hooks.Hears(hook.OnTLSStartServer) {
		facts := *c.facts
		facts.TLS = &flow.TLS{SNI: said}
		h := &hook.Handshake{Client: c.dial.Client, Server: &facts, ServerName: said}
		c.hooks.TLSStartServer(ctx, h)
		said = h.ServerName
	}
	return cmp.Or(said, name)
}

// Rename tells the server another name of it when its handshake begins, "" the one
// that Secure is given.
func (c *Conn) Rename(serverName string) { c.dial.ServerName = serverName }

// ServerName is what hooks want the server to be told of its name, "" for nothing.
func (c *Conn) ServerName() string { return c.dial.ServerName }

// legacy tells whether the server is one of the old ones.
func (t *terms) legacy(serverName, address string) bool {
	if t.TLS.Legacy == nil {
		return false
	}
	_, port, _ := net.SplitHostPort(address)
	return t.TLS.Legacy(net.JoinHostPort(serverName, port), address)
}

// Certificate returns the server's certificate, nil without TLS.
func (c *Conn) Certificate() *x509.Certificate {
	if c.facts.TLS == nil {
		return nil
	}
	state := c.Conn.TLS()
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

var errTooSlow = errors.New("too slow")

// describeHandshake says what a failed handshake means and what helps; older is
// what lets an old server in.
func (d *Dialer) describeHandshake(ctx context.Context, peer, name, older string, err error) *flow.Error {
	fail := func(cause flow.Cause, text string) *flow.Error {
		return &flow.Error{Peer: flow.AtServer, Phase: flow.Handshaking, Cause: cause, Err: &handshakeError{
			text: fmt.Sprintf("TLS handshake with %s: %s", peer, text), err: err,
		}}
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, errTooSlow) {
			return fail(flow.Timeout, fmt.Sprintf("not done within %v", d.cfg.HandshakeTimeout))
		}
		if e, ok := errors.AsType[*flow.Error](cause); ok {
			return e
		}
		return fail(flow.LeftByClient, "given up: "+cause.Error())
	}
	if text := untrusted(name, err); text != "" {
		return fail(flow.Untrusted, text)
	}
	if h, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		text := "it does not speak TLS on this port"
		if strings.HasPrefix(string(h.RecordHeader[:]), "HTTP/") {
			text += " (it answered in plain HTTP); use http:// for it"
		}
		return fail(flow.Malformed, text)
	}
	if strings.Contains(err.Error(), "no application protocol") {
		err = errNoProtocol
		text := "it speaks none of the protocols that were offered (alert no_application_protocol)"
		if !d.now().HTTP2 {
			text += "; one that speaks HTTP/2 alone needs the option http2"
		}
		return fail(flow.Unspecified, text)
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return fail(flow.Unspecified, remoteAlert(tls.AlertError(alert).Error(), older))
	}
	switch {
	case isReset(err):
		return fail(flow.ResetByPeer, "it reset the connection")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail(flow.ClosedEarly, "it closed the connection")
	}
	text := strings.TrimPrefix(err.Error(), "tls: ")
	// crypto/tls reports an alert from the peer as a net.OpError "remote error".
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return fail(flow.Unspecified, remoteAlert(op.Err.Error(), older))
	}
	if strings.Contains(text, "unsupported protocol version") || strings.Contains(text, "selected unsupported") {
		if older != "" {
			text += "; it may be too old: " + older
		}
	}
	return fail(flow.Malformed, text)
}

// errNoProtocol is within the error of a handshake that the server refused
// because it speaks none of the protocols offered (RFC 7301 section 3.2).
var errNoProtocol = errors.New("no application protocol in common")

type handshakeError struct {
	text string
	err  error
}

func (e *handshakeError) Error() string { return e.text }
func (e *handshakeError) Unwrap() error { return e.err }

const acceptIt = "; use --ssl-insecure (-k) to accept it"

// untrusted says why a certificate did not verify, "" for other errors.
func untrusted(name string, err error) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.Expired:
			if now := time.Now(); invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
				return "certificate is not valid before " + day(invalid.Cert.NotBefore) + " (check this machine's clock)" + acceptIt
			} else if invalid.Cert != nil {
				return "certificate has expired on " + day(invalid.Cert.NotAfter) + acceptIt
			}
			return "certificate has expired" + acceptIt
		case x509.NotAuthorizedToSign:
			return "certificate is signed by one that may not sign others" + acceptIt
		}
		return "certificate is not valid: " + strings.TrimPrefix(invalid.Error(), "x509: ") + acceptIt
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "certificate is signed by an unknown authority; name it with --set ssl_verify_upstream_trusted_ca=FILE, or use --ssl-insecure (-k) to accept it"
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		text := "certificate is not for " + cut(name)
		if wrong.Certificate != nil && len(wrong.Certificate.DNSNames) > 0 {
			names := wrong.Certificate.DNSNames
			text += " but for " + cut(strings.Join(names[:min(3, len(names))], ", "))
		}
		return text + acceptIt
	}
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate does not verify: " + strings.TrimPrefix(v.Err.Error(), "x509: ") + acceptIt
	}
	return ""
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// older says how an old server is let in, "" where it already is.
func (d *Dialer) older(name, address string) string {
	host, _, _ := net.SplitHostPort(address)
	if name != "" {
		host = name
	}
	if d.now().legacy(name, address) {
		return ""
	}
	return "allow it with --set tls_legacy_hosts='" + regexp.QuoteMeta(cut(host)) + "'"
}

// remoteAlert explains an alert that the server sent; older is what lets an old
// one in.
func remoteAlert(alert, older string) string {
	alert = strings.TrimPrefix(alert, "tls: ")
	text := "it refused with the alert " + strings.ReplaceAll(alert, " ", "_")
	switch {
	case strings.Contains(alert, "protocol version"):
		if older != "" {
			text += ": it is too old; " + older
		}
	case strings.Contains(alert, "handshake failure"):
		text += ": no cipher suite or version in common, or it wants a client certificate (--set client_certs=FILE)"
		if older != "" {
			text += "; an old one: " + older
		}
	case strings.Contains(alert, "certificate required"), strings.Contains(alert, "bad certificate"):
		text += ": it wants a client certificate; give one with --set client_certs=FILE"
	case strings.Contains(alert, "unrecognized name"):
		text += ": it knows no site of that name"
	}
	return text
}
