package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"midstream/hook"
	"midstream/internal/http1"
	"midstream/internal/http2"
)

// Defaults of the limits: longer than any healthy path needs, shorter than a
// person's patience.
const (
	DefaultDialTimeout      = 10 * time.Second
	DefaultHandshakeTimeout = 10 * time.Second
)

// maxSessions bounds the TLS sessions kept for resumption, over all servers.
const maxSessions = 1024

// Config says how servers are reached. The zero value dials with the defaults
// and verifies with the system's roots.
type Config struct {
	// Hooks returns the addons of now; nil runs none.
	Hooks func() *hook.Set
	// DialTimeout and HandshakeTimeout bound one attempt; 0 = the defaults.
	DialTimeout, HandshakeTimeout time.Duration
	// LocalAddr is the source address of dials (option connect_addr); the zero
	// value leaves it to the system.
	LocalAddr netip.Addr
	// Own tells whether an address, as resolved, is one of our own listeners,
	// which are never dialled; nil = none is.
	Own func(netip.AddrPort) bool
	// ConnectWithoutHost leaves Host out of CONNECTs to parent proxies (option
	// http_connect_send_host_header=false).
	ConnectWithoutHost bool
	// Mark is put on what is sent to servers, for firewall rules; 0 for none.
	Mark uint32
	// Connected and Closed are told the near end of each connection, where set; one
	// that Connected does not want has come back to us.
	Connected func(near net.Addr) bool
	Closed    func(near net.Addr)
	// TLS are the settings of handshakes with servers.
	TLS TLS
	// HTTP are the settings of the codec towards servers: its profile and limits;
	// the rest is filled in.
	HTTP http1.ClientConfig
	// HTTP2 allows HTTP/2 towards servers that speak nothing else, to clients that
	// do not speak it themselves (option http2).
	HTTP2 bool
	// PingInterval is as in http2.ClientConfig.
	PingInterval time.Duration
	// Budget counts the unread bytes of HTTP/2 connections; nil bounds each alone.
	Budget *http2.Budget
	// Log takes what hooks cannot see; nil discards it.
	Log *slog.Logger
}

// TLS are the settings of handshakes with servers.
type TLS struct {
	// Insecure accepts any certificate (option ssl_insecure), and cipher suites
	// that are not offered otherwise.
	Insecure bool
	// Roots verify servers in place of the system's when not nil.
	Roots *x509.CertPool
	// MinVersion and MaxVersion are bounds as in crypto/tls; 0 = TLS 1.2 and the
	// newest there is.
	MinVersion, MaxVersion uint16
	// Legacy tells of a server by its names (host:port, as asked for and as dialled)
	// that it is too old for the rest: TLS 1.0 and all cipher suites are offered to
	// it. nil = none is.
	Legacy func(names ...string) bool
	// ClientCert returns the certificate to show to the first of the hosts (server
	// name, then address) that has one, or nil; nil = no certificates.
	ClientCert func(hosts ...string) *tls.Certificate
	// KeyLog takes secrets in NSS key log format; nil = none.
	KeyLog io.Writer
	// OwnHello begins every handshake with our own ClientHello, where otherwise it
	// is like the one that the client sent (option tls_hello).
	OwnHello bool
}

// Dialer makes connections to servers. Make one with New.
type Dialer struct {
	cfg   Config // as it was at first: what may change is in terms
	terms atomic.Pointer[terms]
	log   *slog.Logger
	// chosen is the protocol that each server (host:port) chose last, for leaves
	// that are shown before the server was asked; old are the servers whose last
	// response was of HTTP/1.0; alone those that speak nothing but HTTP/2.
	chosen memory[string, string]
	old    memory[site, struct{}]
	alone  memory[port, struct{}]
	// A server in unlike agreed with our own hello and with no other.
	unlike memory[string, struct{}]
	// answers are how parents want to be told who asks.
	answers answers
}

// New returns a Dialer.
func New(cfg Config) *Dialer {
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = DefaultDialTimeout
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if cfg.Hooks == nil {
		cfg.Hooks = func() *hook.Set { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Dialer{cfg: cfg, log: cfg.Log}
	d.terms.Store(newTerms(cfg))
	return d
}

// AllCipherSuites returns every suite below TLS 1.3 that there is, for peers
// that are too old for the default list.
func AllCipherSuites() []uint16 {
	var ids []uint16
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	for _, s := range tls.InsecureCipherSuites() {
		ids = append(ids, s.ID)
	}
	return ids
}
