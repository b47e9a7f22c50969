package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"midstream/flow"
	"midstream/internal/ca"
	"midstream/internal/clienthello"
	"midstream/internal/upstream"
)

// The ALPN names of HTTP/1.1 (RFC 7301 section 6) and HTTP/2 (RFC 9113 section
// 3.2).
const (
	http11 = "http/1.1"
	h2     = "h2"
)

// spokenBy are the protocols that can be spoken to both sides, best first.
func spokenBy(cfg *Config) []string {
	if cfg.HTTP2 {
		return []string{h2, http11}
	}
	return []string{http11}
}

// serverTLS shakes hands with clients. The configurations are shared by all
// handshakes, so that tickets are accepted whichever connection they are from;
// what is a connection's own travels in the handshake's context.
type serverTLS struct {
	far, near byProtocol
}

// byProtocol has a configuration for each ALPN name; "" = no ALPN.
type byProtocol map[string]*tls.Config

// classical are the groups that need no key against computers of the future.
var classical = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// of returns the configurations for the client on down, which said h. What passes
// between processes of one machine cannot be kept by others to be decrypted in
// later years: there the client's key for X25519 does, which is half the work.
func (s serverTLS) of(down *conn, h *clienthello.Hello) byProtocol {
	if at, ok := down.RemoteAddr().(*net.TCPAddr); ok && at.IP.IsLoopback() && h.SharesX25519() {
		return s.near
	}
	return s.far
}

type leafKey struct{}

// leafSource is what a handshake needs to make its certificate.
type leafSource struct {
	ca      Authority
	request ca.LeafRequest
	shown   *tls.Certificate
}

func newServerTLS(of *Config) serverTLS {
	s := serverTLS{make(byProtocol), make(byProtocol)}
	for _, protocol := range append([]string{""}, spokenBy(of)...) {
		cfg := &tls.Config{
			GetCertificate:              certificate,
			MinVersion:                  of.TLS.MinVersion,
			MaxVersion:                  of.TLS.MaxVersion,
			KeyLogWriter:                of.TLS.KeyLog,
			DynamicRecordSizingDisabled: true,
		}
		if cfg.MinVersion == 0 {
			cfg.MinVersion = tls.VersionTLS12
		}
		if cfg.MinVersion < tls.VersionTLS12 {
			cfg.CipherSuites = upstream.AllCipherSuites()
		}
		if protocol != "" {
			cfg.NextProtos = []string{protocol}
		}
		s.far[protocol] = cfg
		s.near[protocol] = cfg.Clone()
		s.near[protocol].CurvePreferences = classical
	}
	return s
}

// certificate makes the leaf of one handshake.
func certificate(chi *tls.ClientHelloInfo) (*tls.Certificate, error) {
	src := chi.Context().Value(leafKey{}).(*leafSource)
	req := src.request
	req.RSA = !takesECDSA(chi)
	leaf, err := src.ca.Leaf(chi.Context(), req)
	src.shown = leaf
	return leaf, err
}

// takesECDSA tells whether the client can verify a P-256 signature. Before TLS 1.3
// a suite must name it as well; without the extension, before TLS 1.2, the suites
// alone tell.
func takesECDSA(chi *tls.ClientHelloInfo) bool {
	if n := chi.SignatureSchemes; len(n) > 0 && !slices.Contains(n, tls.ECDSAWithP256AndSHA256) && !slices.Contains(n, tls.ECDSAWithSHA1) {
		return false
	}
	if slices.Contains(chi.SupportedVersions, tls.VersionTLS13) {
		return true
	}
	return slices.ContainsFunc(chi.CipherSuites, func(id uint16) bool { return slices.Contains(ecdsaSuites, id) })
}

// ecdsaSuites are the suites below TLS 1.3 that authenticate by ECDSA.
var ecdsaSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,
}

// common returns those of the client's protocols that can be spoken to both
// sides, in the client's order.
func (p *Proxy) common(offered []string) []string {
	var list []string
	spoken := p.now().spoken
	for _, name := range offered {
		if slices.Contains(spoken, name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// shakeHands completes the handshake with the client on down, which said h, speaking protocol
// ("" = none). It returns the secured connection and what flows say of it.
func (p *Proxy) shakeHands(ctx context.Context, down *conn, h *clienthello.Hello, protocol string, want ca.LeafRequest) (*conn, *flow.TLS, error) {
	t := p.now()
	src := &leafSource{ca: t.CA, request: want}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, leafKey{}, src), t.TLS.HandshakeTimeout)
	defer cancel()
	secured, err := down.server(ctx, t.tls.of(down, h)[protocol])
	if err != nil {
		return nil, nil, err
	}
	state := secured.TLS()
	facts := &flow.TLS{
		Version: state.Version, Cipher: state.CipherSuite, SNI: h.ServerName,
		ALPN: state.NegotiatedProtocol, Offered: h.Protocols, Resumed: state.DidResume,
		JA3: h.JA3(), JA4: h.JA4(),
	}
	if src.shown != nil && src.shown.Leaf != nil {
		facts.Certificates = [][]byte{src.shown.Leaf.Raw}
	}
	return secured, facts, nil
}

// withTLS returns a copy of a connection's facts that knows of its TLS.
func withTLS(c *flow.Conn, t *flow.TLS) *flow.Conn {
	facts := *c
	facts.TLS, facts.Secured = t, time.Now()
	return &facts
}
