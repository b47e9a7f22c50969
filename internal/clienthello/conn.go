package clienthello

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	utls "github.com/refraction-networking/utls"
)

// Sessions keeps what servers gave to resume sessions of connections that Client
// made. It may be used by several at once.
type Sessions struct{ cache utls.ClientSessionCache }

// NewSessions keeps the sessions of at most n servers.
func NewSessions(n int) *Sessions { return &Sessions{utls.NewLRUClientSessionCache(n)} }

// Conn is a TLS connection to a server that was greeted with a hello like
// another's.
type Conn struct {
	*utls.UConn
	sent *Hello
}

// Client puts TLS on nc, with a ClientHello like h that names cfg.ServerName and
// offers cfg.NextProtos. Of cfg it takes, besides those, the roots, whether they
// are asked, the lowest version, the client certificate and the key log. Errors
// say that h promises what cannot be kept; the connection is as it was then.
func (h *Hello) Client(nc net.Conn, cfg *tls.Config, sessions *Sessions) (_ *Conn, err error) {
	defer recovered(&err)
	spec, err := h.spec(cfg.ServerName, cfg.NextProtos)
	if err != nil {
		return nil, fmt.Errorf("TLS as the client does it: %w", err)
	}
	c := utls.UClient(nc, settings(cfg, sessions), utls.HelloCustom)
	if err := h.apply(c, spec); err != nil {
		return nil, fmt.Errorf("TLS as the client does it: %w", err)
	}
	return &Conn{UConn: c}, nil
}

// recovered makes an error of a panic: hellos come from anybody.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("TLS as the client does it: %v", r)
	}
}

func settings(cfg *tls.Config, sessions *Sessions) *utls.Config {
	c := &utls.Config{
		ServerName:         cfg.ServerName,
		NextProtos:         cfg.NextProtos,
		InsecureSkipVerify: cfg.InsecureSkipVerify,
		RootCAs:            cfg.RootCAs,
		KeyLogWriter:       cfg.KeyLogWriter,
		ClientSessionCache: sessions.cache,
		OmitEmptyPsk:       true,
		// A client that takes no tickets resumes nothing.
		PreferSkipResumptionOnNilExtension: true,
		Renegotiation:                      utls.RenegotiateOnceAsClient,
		DynamicRecordSizingDisabled:        true,
		VerifyConnection: func(s utls.ConnectionState) error {
			if s.Version < cfg.MinVersion {
				return fmt.Errorf("tls: server selected unsupported protocol version %x", s.Version)
			}
			return nil
		},
	}
	if own := cfg.GetClientCertificate; own != nil {
		c.GetClientCertificate = func(r *utls.CertificateRequestInfo) (*utls.Certificate, error) {
			cert, err := own(&tls.CertificateRequestInfo{AcceptableCAs: r.AcceptableCAs, Version: r.Version})
			if err != nil {
				return nil, err
			}
			return &utls.Certificate{Certificate: cert.Certificate, PrivateKey: cert.PrivateKey, Leaf: cert.Leaf}, nil
		}
	}
	return c
}

// HandshakeContext is as of tls.Conn, with its errors.
func (c *Conn) HandshakeContext(ctx context.Context) (err error) {
	defer recovered(&err)
	if err := c.UConn.HandshakeContext(ctx); err != nil {
		return native(err)
	}
	if hello := c.HandshakeState.Hello; hello != nil && len(hello.Raw) > 4 {
		c.sent, _ = parseBody(hello.Raw[4:])
	}
	if c.UConn.ConnectionState().Version == tls.VersionTLS13 {
		// Only a renegotiation, which TLS 1.3 does not have, needs it again.
		c.Extensions, c.HandshakeState = nil, utls.PubClientHandshakeState{}
	}
	return nil
}

// Sent is the hello that the server has got, nil before the handshake.
func (c *Conn) Sent() *Hello { return c.sent }

// native gives an error the type that crypto/tls gives it.
func native(err error) error {
	if alert, ok := errors.AsType[utls.AlertError](err); ok {
		return tls.AlertError(alert)
	}
	if h, ok := errors.AsType[utls.RecordHeaderError](err); ok {
		return tls.RecordHeaderError{Msg: h.Msg, RecordHeader: h.RecordHeader, Conn: h.Conn}
	}
	if v, ok := errors.AsType[*utls.CertificateVerificationError](err); ok {
		return &tls.CertificateVerificationError{UnverifiedCertificates: v.UnverifiedCertificates, Err: v.Err}
	}
	return err
}

// Layer is the connection inside, whose records package transport reads ahead for.
func (c *Conn) Layer() any { return c.UConn.Conn }

// ConnectionState is as of tls.Conn, without exported keying material.
func (c *Conn) ConnectionState() tls.ConnectionState {
	s := c.UConn.ConnectionState()
	return tls.ConnectionState{
		Version: s.Version, HandshakeComplete: s.HandshakeComplete, DidResume: s.DidResume, CipherSuite: s.CipherSuite,
		NegotiatedProtocol: s.NegotiatedProtocol, ServerName: s.ServerName, PeerCertificates: s.PeerCertificates,
		VerifiedChains: s.VerifiedChains, OCSPResponse: s.OCSPResponse, SignedCertificateTimestamps: s.SignedCertificateTimestamps,
	}
}

// hostname is what may stand in SNI (RFC 6066 section 3): no address, no dot at
// the end.
func hostname(name string) string {
	name = strings.TrimSuffix(name, ".")
	if net.ParseIP(strings.Trim(name, "[]")) != nil {
		return ""
	}
	return name
}
