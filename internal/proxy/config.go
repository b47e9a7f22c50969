package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/upstream"
)

// Config says how clients are served. Engine and CA must be set.
type Config struct {
	// Modes are the ways in; none = one regular one.
	Modes []Mode
	// ListenHost and ListenPort are for modes that name none of their own, as in
	// Ways.
	ListenHost string
	ListenPort int

	// Engine runs the exchanges and raw tunnels, and keeps what is refused before
	// it becomes one.
	Engine *engine.Engine
	// Hooks returns the addons of now; nil runs none.
	Hooks func() *hook.Set
	// Origin completes what the engine is told of a request's origin (whether
	// an intercept matches, whose credentials are ours); nil leaves it.
	Origin func(*engine.Origin)
	// CA makes the certificates that clients are shown.
	CA Authority
	// Manner is how connections are treated at the start; SetManner changes it.
	Manner
	// Answers, where it is set, stands before the servers of each client and may
	// answer in their place.
	Answers func(servers engine.Upstream) engine.Upstream
	// Onboard is what a client gets that asks the proxy itself, as a web server.
	Onboard Onboard
	// Auth tells who may use the proxy (option proxyauth); nil lets everybody.
	Auth Gatekeeper
	// Parents say which parent proxy leads to a server.
	Parents Parents
	// TLS are the settings of handshakes with clients.
	TLS TLS
	// HTTP are the settings of the codec towards clients; zero = its defaults.
	HTTP http1.ServerConfig
	// HTTP2 lets clients and servers speak HTTP/2 where both do (option http2).
	HTTP2 bool
	// PingInterval is how long an HTTP/2 peer with open streams may be silent
	// before it is asked for a sign of life; 0 = the default, less never asks.
	PingInterval time.Duration
	// Upstream says how servers are reached. Own and Hooks are filled in.
	Upstream upstream.Config
	// Log takes what happens apart from flows; nil discards it.
	Log *slog.Logger
}

// TLS are the settings of handshakes with clients.
type TLS struct {
	// MinVersion and MaxVersion are bounds as in crypto/tls; 0 = TLS 1.2 and the
	// newest there is.
	MinVersion, MaxVersion uint16
	// KeyLog takes secrets in NSS key log format; nil = none.
	KeyLog io.Writer
	// HandshakeTimeout bounds one handshake; 0 = 10 s.
	HandshakeTimeout time.Duration
}

// Onboard is a page that an addon has, for clients that ask the proxy as they ask
// a web server. The zero value has none, and such requests are refused.
type Onboard struct {
	// Host is the name that the addon answers.
	Host string
	// Has tells whether the page has a path, as it stands in a target.
	Has func(path string) bool
	// Answers tells whether a host is a name of the page: nobody is dialled for it.
	Answers func(host string) bool
}

func (o Onboard) takes(r *flow.Request) bool {
	return o.Has != nil && (r.Method == "GET" || r.Method == "HEAD") && o.Has(r.Path)
}

// Authority makes certificates.
type Authority interface {
	Leaf(ctx context.Context, r ca.LeafRequest) (*tls.Certificate, error)
}

// Strategy says when servers are connected to.
type Strategy uint8

// The strategies.
const (
	Eager Strategy = iota // beside the answer to CONNECT: servers may speak first
	Lazy                  // when a request needs it
)

// firstOctet bounds how long a tunnel may wait for its client's first octet when
// the server cannot be reached: long enough for a ClientHello that is on its way,
// so that the client gets a page that says why.
const firstOctet = 10 * time.Second
